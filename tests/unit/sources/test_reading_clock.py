from __future__ import annotations

from spanlabel.sources.reading_clock import ReadingClock
from spanlabel.testing import FakeClock


def test_it_runs_as_the_clock_does() -> None:
    """As long as there is no reason not to."""
    clock = FakeClock(100)
    reading = ReadingClock(clock.time)
    clock.advance(5)
    assert reading() == 105


def test_what_cannot_be_read_is_not_late() -> None:
    """Ten minutes without room take nothing of the seconds that a trace is waited for."""
    clock = FakeClock(100)
    reading = ReadingClock(clock.time)
    reading.stop("room")
    clock.advance(600)
    assert reading() == 100
    reading.go("room")
    assert reading() == 100
    clock.advance(1)
    assert reading() == 101


def test_it_goes_on_when_the_last_reason_is_gone() -> None:
    """No room, and no broker either."""
    clock = FakeClock(0)
    reading = ReadingClock(clock.time)
    for reason in ("room", "away", "room"):
        reading.stop(reason)
        clock.advance(10)
    reading.go("room")
    reading.go("never was one")
    assert reading.stands_for("away")
    assert not reading.stands_for("room")
    clock.advance(10)
    reading.go("away")
    assert reading() == 0
    clock.advance(1)
    assert reading() == 1
