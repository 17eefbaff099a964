from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from servers.label_studio import LabelStudioServer, Stage

from spanlabel.delivery import Outbox, State, Worker
from spanlabel.model import Record
from spanlabel.platforms.label_studio import LabelStudioSettings, LabelStudioWriter


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set for Label Studio is not for us."""
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY", "LABEL_STUDIO_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stage(label_studio: LabelStudioServer) -> Iterator[Stage]:
    """A project's title that nobody has used, and what a test does with it."""
    stage = Stage(label_studio, f"p-{uuid4().hex[:12]}")
    yield stage
    for writer in stage.writers:
        writer.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "outbox.db", max_bytes=200_000_000)
    yield outbox
    outbox.close()


@pytest.fixture
def deliver(outbox: Outbox) -> Callable[..., Worker]:
    """Puts records into the outbox and delivers them all, with short pauses; gives the worker, closed."""

    def run(settings: LabelStudioSettings, records: Sequence[Record], *, within_s: float = 600.0) -> Worker:
        writer = LabelStudioWriter(settings, pause=lambda seconds: time.sleep(seconds / 10))
        worker = Worker(outbox, "d", lambda: writer, jitter=lambda: 0.05)
        outbox.put(records, ["d"], now_s=time.time())
        end_s = time.monotonic() + within_s
        try:
            while (wait_s := worker.step()) is not None and worker.state is not State.STOPPED:
                assert time.monotonic() < end_s, f"not done in time: {worker.state} {worker.error}"
                time.sleep(min(wait_s, 1.0))
        finally:
            worker.close()
        return worker

    return run
