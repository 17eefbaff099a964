"""`spanlabel extract` that is killed in the middle, and given again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from servers.argilla import ArgillaServer
from servers.patience import PATIENCE_S, until

from spanlabel.delivery import Outbox
from spanlabel.errors import StoreError
from spanlabel.platforms.local import LocalStore
from spanlabel.testing.faults import Bad, Fault, FaultProxy

pytestmark = pytest.mark.integration

COMMAND = [str(Path(sys.executable).with_name("spanlabel")), "extract"]
FILES = 4


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _rotated(folder: Path, each: int) -> Path:
    """A rotated set, of which the last line is torn in each file."""
    folder.mkdir()
    for number in range(FILES):
        lines = [_line(number * each + n) for n in range(1, each + 1)]
        name = "traces.json" if number == FILES - 1 else f"traces-2026-11-2{number}T07-53-52.372-size.json"
        (folder / name).write_text("".join(lines) + lines[0][:100])
    return folder


def _line(number: int) -> str:
    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.prompt": f"question {number}",
        "gen_ai.completion": "answer",
    }
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "chat m",
        "startTimeUnixNano": str(number * 10**9),
        "endTimeUnixNano": str(number * 10**9 + 1),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in facts.items()],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}) + "\n"


@contextmanager
def _outbox(home: Path) -> Iterator[Outbox]:
    outbox = Outbox(home / "outbox.db", max_bytes=1 << 28)
    yield outbox
    outbox.close()


def _kill_in_the_middle(command: list[str], environment: dict[str, str], home: Path, to: str, *, of: int) -> int:
    """Start a command, kill it when some of its records are delivered, and give how many those were."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with _outbox(home) as outbox:

        def has_begun() -> bool:
            with suppress(StoreError):  # while it is made, it may be locked for long
                return (home / "outbox.db").exists() and outbox.tally(to).delivered > 0
            return False

        try:
            until(has_begun, "some are delivered", pause=lambda _: time.sleep(0.002))
        finally:
            process.send_signal(signal.SIGKILL)
            assert process.wait(PATIENCE_S) == -signal.SIGKILL
        delivered = outbox.tally(to).delivered
    assert 0 < delivered < of, "it was killed too late"
    return delivered


def _give_again(command: list[str], environment: dict[str, str], to: str, delivered: int, *, of: int) -> None:
    """Check that the same command goes on, and says so; and that a third time there is nothing to do."""
    for there in (delivered, of):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        said = re.sub(r" \(.*?\)", "", done.stderr.replace(",", ""))
        assert f"{of} records for {to}: {of - there} sent {there} there already" in said, done.stderr
        assert done.stderr.count("the document is cut off") == FILES
        assert done.returncode == 1  # for what is torn


def _environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLABEL_", "ARGILLA_"))}
    return inherited | {"SPANLABEL_HOME": str(home)}


def test_into_the_local_store(home: Path, tmp_path: Path) -> None:
    """
    A command that is killed in the middle of storing goes on where it was when it is given again, and says so; each
    record is there once.
    """
    folder, environment = _rotated(tmp_path / "traces", 300), _environment(home)
    command = [*COMMAND, str(folder), "--to", "local"]

    delivered = _kill_in_the_middle(command, environment, home, "local", of=1_200)
    _give_again(command, environment, "local", delivered, of=1_200)

    with LocalStore(home / "records.db") as store:
        assert Counter(record.prompt for record in store.records()) == {f"question {n + 1}": 1 for n in range(1_200)}


def test_into_a_slow_platform(home: Path, tmp_path: Path, argilla: ArgillaServer) -> None:
    """
    The same with a real Argilla whose answers take their time.
    """
    dataset = f"extract-{uuid4().hex[:8]}"
    with FaultProxy(argilla.url, lambda *_: Fault(Bad.DELAY, seconds=0.3)) as proxy:
        environment = _environment(home) | {
            "ARGILLA_API_URL": proxy.url,
            "ARGILLA_API_KEY": argilla.api_key,
            "SPANLABEL_ARGILLA_DATASET": dataset,
            "SPANLABEL_ARGILLA_PRESET": "langchain",
        }
        command = [*COMMAND, str(_rotated(tmp_path / "traces", 100)), "--to", "argilla"]
        delivered = _kill_in_the_middle(command, environment, home, "argilla", of=400)
        _give_again(command, environment, "argilla", delivered, of=400)

    questions = [record["fields"]["prompt"] for record in argilla.records(dataset)]
    assert Counter(questions) == {f"question {n + 1}": 1 for n in range(400)}
