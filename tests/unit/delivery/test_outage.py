"""Ten minutes without a platform, in simulated time: the real worker and outbox, a clock that only pauses move."""

from collections.abc import Callable, Sequence
from random import Random

import pytest

from spanlabel.delivery import Outbox, State, Tally, Worker
from spanlabel.errors import TryLater
from spanlabel.model import Record
from spanlabel.ports import Outcome
from spanlabel.testing import FakeClock, MemoryPlatform, MemoryWriter, make_record

OUTAGE_S = 600.0


class _Away(MemoryWriter):
    """Cannot be reached from a moment on, for as long as an outage lasts."""

    def __init__(self, platform: MemoryPlatform, clock: FakeClock, from_s: float) -> None:
        super().__init__(platform)
        self._clock = clock
        self._from_s = from_s

    def write(self, batch: Sequence[Record], **how: object) -> list[Outcome]:
        if 0 <= self._clock.time() - self._from_s < OUTAGE_S:
            self.platform.later += 1
        return super().write(batch, **how)  # type: ignore[arg-type]  # passed on as they came


@pytest.mark.parametrize("seed", range(5))
def test_drained_whole_in_order_of_age(
    outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock, seed: int
) -> None:
    """
    An application goes on for ten minutes while its platform is away, and through a restart: all its records are
    there afterwards, once, the oldest first, within the longest pause after the platform's return; and the platform
    was asked a few dozen times, not thousands.
    """
    chance = Random(seed)  # noqa: S311  the same pauses each time
    begin_s = clock.time()
    from_s = begin_s + 30.0
    first, second = (
        make_worker(make_writer=lambda: _Away(platform, clock, from_s), jitter=chance.random) for _ in range(2)
    )
    made = 0

    def live(worker: Worker, until_s: float) -> None:
        """Make a record each second, and let the worker work whenever it is of use."""
        nonlocal made
        while clock.time() < until_s:
            while made <= clock.time() - begin_s and made < 700:
                outbox.put([make_record(made)], ["d"], now_s=clock.time())
                made += 1
            wait_s = worker.step()
            clock.advance(min(1.0, 1.0 if wait_s is None else wait_s))

    live(first, from_s + OUTAGE_S / 2)
    assert first.state is State.BACKING_OFF
    first.close()
    live(second, from_s + OUTAGE_S)
    asked = len(platform.requests)
    assert outbox.tally("d").waiting >= OUTAGE_S
    live(second, from_s + OUTAGE_S + 61.0)
    assert outbox.tally("d").waiting < 10
    live(second, begin_s + 720.0)

    assert outbox.tally("d") == Tally(made=700, delivered=700)
    assert list(platform.records) == [make_record(n).id for n in range(700)]
    assert platform.doubled == []
    assert asked - 30 < 60


def test_the_longest_pause_is_a_minute(
    outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
) -> None:
    """
    However long a platform was away, what waits begins to flow within a minute of its return.
    """
    from_s = clock.time()
    worker = make_worker(make_writer=lambda: _Away(platform, clock, from_s))
    outbox.put([make_record(n) for n in range(250)], ["d"], now_s=clock.time())
    while not platform.records:
        clock.advance(worker.step() or 0.0)

    assert OUTAGE_S <= clock.time() - from_s <= OUTAGE_S + 60.0
    assert [len(request) for request in platform.requests[:-1]] == [100] * (len(platform.requests) - 1)


def test_an_error_outside_an_outage_is_no_outage(platform: MemoryPlatform, clock: FakeClock) -> None:
    """
    The platform of these tests is away for ten minutes and no longer.
    """
    writer = _Away(platform, clock, clock.time())
    writer.open()
    with pytest.raises(TryLater):
        writer.write([make_record(1)], timeout_s=1.0)
    clock.advance(OUTAGE_S)

    assert writer.write([make_record(1)], timeout_s=1.0) == [Outcome.DELIVERED]
