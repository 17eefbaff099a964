from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from servers.argilla import ArgillaServer, Stage

from spanlabel.delivery import Outbox, State, Worker
from spanlabel.model import Record
from spanlabel.platforms.argilla import ArgillaSettings, ArgillaWriter


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set for Argilla is not for us."""
    for name in ("ARGILLA_API_URL", "ARGILLA_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stage(argilla: ArgillaServer) -> Iterator[Stage]:
    """A dataset's name that nobody has used, and what a test does with it."""
    stage = Stage(argilla, f"d-{uuid4().hex[:12]}")
    yield stage
    for writer in stage.writers:
        writer.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "outbox.db", max_bytes=200_000_000)
    yield outbox
    outbox.close()


@pytest.fixture
def deliver(outbox: Outbox) -> Callable[..., None]:
    """Puts records into the outbox and delivers them all, with short pauses."""

    def run(settings: ArgillaSettings, records: Sequence[Record], *, within_s: float = 600.0) -> None:
        worker = Worker(outbox, "d", lambda: ArgillaWriter(settings), jitter=lambda: 0.05)
        outbox.put(records, ["d"], now_s=time.time())
        end_s = time.monotonic() + within_s
        try:
            while (wait_s := worker.step()) is not None and worker.state is not State.STOPPED:
                assert time.monotonic() < end_s, f"not done in time: {worker.state} {worker.error}"
                time.sleep(min(wait_s, 1.0))
        finally:
            worker.close()

    return run
