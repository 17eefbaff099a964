from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spanlabel.delivery import Outbox, Worker
from spanlabel.metrics import Counts
from spanlabel.testing import FakeClock, MemoryPlatform


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def platform() -> MemoryPlatform:
    return MemoryPlatform()


@pytest.fixture
def outbox(tmp_path: Path, counts: Counts) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "home" / "outbox.db", max_bytes=10_000_000, counts=counts)
    yield outbox
    outbox.close()


@pytest.fixture
def make_worker(
    outbox: Outbox, platform: MemoryPlatform, counts: Counts, clock: FakeClock
) -> Iterator[Callable[..., Worker]]:
    """Makes workers for destination "d" on the fake clock, whose pauses are as long as they can be."""
    made: list[Worker] = []

    def make(**changes: object) -> Worker:
        given = {
            "make_writer": platform.writer,
            "counts": counts,
            "clock": clock.time,
            "pause": clock.advance,
            "jitter": lambda: 0.999,
        }
        worker = Worker(outbox, "d", **given | changes)
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.close()


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker()
