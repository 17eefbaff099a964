"""An application that forks, spawns, runs out of disk, or simply ends: each in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.patience import PATIENCE_S

from spanlabel.platforms.local import LocalStore

pytestmark = pytest.mark.integration

_BEGIN = """
import json, logging, multiprocessing, os, resource, sys, threading, time
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from spanlabel import AnnotationSpanExporter, AnnotationSpanProcessor
from spanlabel.metrics import Metric, check_conservation

def text(role, content):
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}]}])

def ask(question, size=0):
    with provider.get_tracer("app").start_as_current_span("chat m") as span:
        span.set_attributes({
            "gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
            "gen_ai.input.messages": text("user", question),
            "gen_ai.output.messages": text("assistant", "answer " + "x" * size),
        })

def balanced(counts):
    broken = check_conservation(counts)
    assert not broken, broken

processor = AnnotationSpanProcessor()
provider = TracerProvider()
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], tuple[list[str], str]]:
    """Runs a program to its end; gives the stored questions, sorted, and what it logged."""
    home = tmp_path / "home"
    file = tmp_path / "app.py"

    def call(program: str) -> tuple[list[str], str]:
        file.write_text(_BEGIN + program)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLABEL_", "OTEL_"))}
        done = subprocess.run(
            # From 3.12 on Python warns of every fork beside threads.
            [sys.executable, "-W", "error::ResourceWarning", "-W", "ignore::DeprecationWarning", file],
            env=clean | {"SPANLABEL_HOME": str(home), "SPANLABEL_FLUSH_TIMEOUT_S": "60"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if not (home / "records.db").exists():
            return [], done.stderr
        with LocalStore(home / "records.db") as store:
            return sorted(record.prompt for record in store.records()), done.stderr

    return call


def test_a_short_program_loses_nothing(run: Callable[[str], tuple[list[str], str]]) -> None:
    """A program that asks once and ends, without a word about shutdown, has its record stored."""
    stored, said = run("""
provider.add_span_processor(processor)
ask("only question")
""")
    assert (stored, said) == (["only question"], "")


def test_the_exporter_of_a_short_program_loses_nothing(run: Callable[[str], tuple[list[str], str]]) -> None:
    """The same behind a batch processor."""
    stored, said = run("""
processor.shutdown()
provider.add_span_processor(BatchSpanProcessor(AnnotationSpanExporter()))
ask("only question")
""")
    assert (stored, said) == (["only question"], "")


def test_parent_and_child_after_a_fork(run: Callable[[str], tuple[list[str], str]]) -> None:
    """After a fork in the middle of work both go on by themselves; each record is there once, none is lost."""
    stored, said = run("""
provider.add_span_processor(processor)
ask("before, flushed")
assert provider.force_flush(120_000)
ask("before, held by the parent")
child = os.fork()
if child == 0:
    engine = processor._engine
    assert engine.counts.total(Metric.SPANS_RECEIVED) == 0
    assert [t.name for t in threading.enumerate()] == ["MainThread"]
    assert provider.force_flush(120_000)
    ask("child")
    assert provider.force_flush(120_000)
    assert engine.counts.total(Metric.RECORDS_MADE) == 1
    sys.exit()
ask("parent")
assert os.waitpid(child, 0)[1] == 0
assert provider.force_flush(120_000)
engine = processor._engine
assert engine.counts.total(Metric.RECORDS_MADE) == 3
""")
    assert (stored, said) == (["before, flushed", "before, held by the parent", "child", "parent"], "")


@pytest.mark.parametrize("seat", ["processor", "exporter"])
def test_workers_forked_from_a_prepared_parent(seat: str, run: Callable[[str], tuple[list[str], str]]) -> None:
    """As under gunicorn: tracing is set up in the parent, each worker is forked from it, traces, and ends."""
    stored, said = run(f"""
if {seat!r} == "exporter":
    processor.shutdown()
    processor = BatchSpanProcessor(AnnotationSpanExporter())
provider.add_span_processor(processor)
children = []
for worker in range(4):
    child = os.fork()
    if child == 0:
        for n in range(5):
            ask(f"worker {{worker}} question {{n}}")
        sys.exit()
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
assert [t.name for t in threading.enumerate() if t.name.startswith("spanlabel")] == []
""")
    assert stored == sorted(f"worker {worker} question {n}" for worker in range(4) for n in range(5))
    assert said == ""


def test_a_fork_at_any_moment(run: Callable[[str], tuple[list[str], str]]) -> None:
    """A parent that forks while its threads trace and ours store: no child hangs, and nothing is lost or doubled."""
    stored, _ = run("""
provider.add_span_processor(processor)
stop = threading.Event()
asked = [0, 0]

def work(k):
    while not stop.is_set():
        ask(f"parent {k} {asked[k]}")
        asked[k] += 1
        time.sleep(0.002)

threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(2)]
for thread in threads:
    thread.start()
for worker in range(15):
    time.sleep(0.013)
    child = os.fork()
    if child == 0:
        ask(f"child {worker}")
        os._exit(0 if provider.force_flush(120_000) else 3)
    assert os.waitpid(child, 0)[1] == 0, worker
stop.set()
for thread in threads:
    thread.join()
assert provider.force_flush(120_000)
engine = processor._engine
assert engine.counts.total(Metric.RECORDS_MADE) == sum(asked)
assert engine.counts.total(Metric.FAULTS) == 0
print(*asked, file=open("asked", "w"))
""")
    assert [question for question in stored if question.startswith("child")] == sorted(f"child {n}" for n in range(15))
    assert len(set(stored)) == len(stored)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, run: Callable[[str], tuple[list[str], str]]) -> None:
    """Workers of the standard library's pools, however they are started, store what they trace once they flush."""
    stored, said = run(f"""
def work(n):
    ask(f"worker {{n}}")
    return provider.force_flush(120_000)

provider.add_span_processor(processor)
if __name__ == "__main__":
    ask("parent")
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        assert all(pool.map(work, range(6), chunksize=1))
    assert provider.force_flush(120_000)
""")
    assert stored == ["parent", *(f"worker {n}" for n in range(6))]
    assert said == ""


def test_a_full_disk(run: Callable[[str], tuple[list[str], str]]) -> None:
    """When no file can grow the app goes on, one line says why, every record is counted, and later ones pass."""
    stored, said = run("""
logging.basicConfig(format="%(message)s")
provider.add_span_processor(processor)
ask("before")
assert provider.force_flush(120_000)
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
for n in range(20):
    ask(f"full {n}", size=100_000)
    provider.force_flush(200)
counts = processor._engine.counts
balanced(counts)
dropped = counts.total(Metric.RECORDS_DROPPED)
assert dropped > 0
resource.setrlimit(resource.RLIMIT_FSIZE, before)
time.sleep(1)
ask("after")
assert provider.force_flush(120_000)
balanced(counts)
print(counts.total(Metric.RECORDS_DELIVERED), "delivered", dropped, "dropped")
""")
    assert "before" in stored
    assert "after" in stored
    assert len([line for line in said.splitlines() if "dropped" in line]) == 1
    assert "Traceback" not in said
