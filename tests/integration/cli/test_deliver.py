"""`spanlabel deliver` as a process of its own, beside an application that only writes into the outbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from servers.patience import PATIENCE_S, until

from spanlabel.delivery import Outbox, Tally
from spanlabel.platforms.local import LocalStore
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration

COMMAND = [str(Path(sys.executable).with_name("spanlabel")), "deliver"]

APP = """
import sys, time
from opentelemetry.sdk.trace import TracerProvider
from spanlabel import AnnotationSpanProcessor
provider = TracerProvider()
provider.add_span_processor(AnnotationSpanProcessor())
for number in range(int(sys.argv[1])):
    with provider.get_tracer("app").start_as_current_span("chat m") as span:
        words = {"gen_ai.prompt": f"question {number}", "gen_ai.completion": "answer"}
        span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"} | words)
    time.sleep(0.005)
provider.shutdown()
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a program with spanlabel's home, in which the application does not deliver."""
    started: list[subprocess.Popen[str]] = []
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLABEL_", "OTEL_"))}
    environment = inherited | {
        "SPANLABEL_HOME": str(home),
        "SPANLABEL_DELIVER_IN": "elsewhere",
        "SPANLABEL_FLUSH_TIMEOUT_S": "60",
    }

    def run(*command: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def outbox(home: Path) -> Iterator[Outbox]:
    outbox = Outbox(home / "outbox.db", max_bytes=1 << 26)
    yield outbox
    outbox.close()


def _shortly(_: float) -> None:
    time.sleep(0.02)


def test_an_app_and_its_deliverer(start: Callable[..., subprocess.Popen[str]], home: Path, outbox: Outbox) -> None:
    """
    The app only writes; the other process, started before there is an outbox, brings everything to the store, and
    ends with exit code 0 by SIGTERM.
    """
    deliverer = start(*COMMAND, "--follow")
    app = start(sys.executable, "-c", APP, "200")
    out, err = app.communicate(timeout=PATIENCE_S)
    assert (app.returncode, out, err) == (0, "", "")
    until(lambda: outbox.tally("local").delivered == 200, "all delivered")
    deliverer.send_signal(signal.SIGTERM)
    out, err = deliverer.communicate(timeout=PATIENCE_S)

    assert deliverer.returncode == 0
    assert out == "local: 200 delivered, 0 waiting\n"
    assert err == f"Delivering {outbox.path}; Ctrl-C ends it.\n"
    with LocalStore(home / "records.db") as store:
        assert {record.prompt for record in store.records()} == {f"question {n}" for n in range(200)}


def test_the_app_delivers_nothing(start: Callable[..., subprocess.Popen[str]], home: Path, outbox: Outbox) -> None:
    """
    Without another process the records wait, and the app makes no store; one command then sends them.
    """
    start(sys.executable, "-c", APP, "5").communicate(timeout=PATIENCE_S)

    assert not (home / "records.db").exists()
    assert outbox.tally("local") == Tally(made=5, waiting=5)
    deliverer = start(*COMMAND)
    assert deliverer.communicate(timeout=PATIENCE_S) == ("local: 5 delivered, 0 waiting\n", "")
    assert deliverer.returncode == 0


def test_ctrl_c(start: Callable[..., subprocess.Popen[str]], outbox: Outbox) -> None:
    """
    Ctrl-C ends it with exit code 130 and without a traceback; what it had begun is noted.
    """
    outbox.put([make_record(n) for n in range(2_000)], ["local"], now_s=time.time())
    deliverer = start(*COMMAND, "--follow")
    until(lambda: outbox.tally("local").delivered > 0, "the first delivered", pause=_shortly)
    deliverer.send_signal(signal.SIGINT)
    out, err = deliverer.communicate(timeout=PATIENCE_S)

    assert deliverer.returncode == 130
    assert err.endswith("Ctrl-C ends it.\nStopped.\n")
    delivered, waiting = (int(part.split()[-2]) for part in out.rstrip().split(", "))
    tally = outbox.tally("local")
    assert (tally.delivered, tally.waiting) == (delivered, waiting)
    assert delivered + waiting == 2_000


def test_two_of_them(start: Callable[..., subprocess.Popen[str]], home: Path, outbox: Outbox) -> None:
    """
    Two may run: one delivers, the other stands by and goes on where the first one is killed; nothing is there twice.
    """
    first = start(*COMMAND, "--follow")
    outbox.put([make_record(0)], ["local"], now_s=time.time())
    until(lambda: outbox.tally("local").delivered == 1, "one delivered")
    second = start(*COMMAND, "--follow")
    assert second.stderr is not None
    assert second.stderr.readline().startswith("Delivering")
    outbox.put([make_record(n) for n in range(1, 500)], ["local"], now_s=time.time())
    time.sleep(Random(3).uniform(0.0, 0.5))  # noqa: S311  the same moment each time
    first.kill()
    outbox.put([make_record(n) for n in range(500, 600)], ["local"], now_s=time.time())
    until(lambda: outbox.tally("local").delivered == 600, "all delivered")
    second.send_signal(signal.SIGTERM)

    assert second.wait(PATIENCE_S) == 0
    with LocalStore(home / "records.db") as store:
        assert store.count() == 600
