from __future__ import annotations

from pathlib import Path

import pytest

from spanlabel.journal.frame import HEADER_BYTES
from spanlabel.journal.needs import Needs
from spanlabel.journal.segment import Segment

A, B, C, D = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)


@pytest.fixture
def needs() -> Needs:
    """Two sealed segments of 1,000 bytes of entries, made at 1 and 2, of which nothing was told yet."""
    made = Needs()
    for number in (1, 2):
        made.segments[number] = Segment(
            number, Path("x"), made_ns=number, size_bytes=HEADER_BYTES + 1_000, is_sealed=True, untold=2
        )
    return made


def test_who_needs_what(needs: Needs) -> None:
    """
    A segment is needed while any of its entries is untold or holds a needed trace.
    """
    one, two = needs.segments.values()
    assert needs.oldest_needed() is one
    needs.tell(one, 20, 500, [A, B])
    needs.tell(one, 520, 500, [])
    needs.tell(two, 20, 500, [A])
    needs.tell(two, 520, 500, [C])
    needs.release([A])
    assert needs.unneeded() == []
    needs.release([B, D])
    assert (needs.unneeded(), needs.oldest_needed(), needs.traces) == ([one], two, 1)
    needs.release([C])
    assert (needs.unneeded(), needs.oldest_needed(), needs.traces) == ([one, two], None, 0)
    assert (one.kept_bytes, two.kept_bytes) == (0.0, 0.0)


def test_what_is_worth_moving(needs: Needs) -> None:
    """
    When room is wanted, a segment is worth it from half of it on; when ids are forgotten, as soon as anything in it is
    unneeded; never before all of it was told.
    """
    one, two = needs.segments.values()
    for segment in (one, two):
        needs.tell(segment, 20, 500, [A, B, C, D])
    needs.release([B, C, D])
    assert needs.worth_moving(is_crowded=True, made_before_ns=9) is None
    for segment in (one, two):
        needs.tell(segment, 520, 500, [A])
    assert needs.worth_moving(is_crowded=True, made_before_ns=0) is None
    assert needs.worth_moving(is_crowded=False, made_before_ns=1) is None
    assert needs.worth_moving(is_crowded=False, made_before_ns=2) is one

    assert needs.forget(two, 520) == {A}
    assert two.kept_bytes == 125
    assert needs.worth_moving(is_crowded=True, made_before_ns=0) is two


def test_all_is_needed(needs: Needs) -> None:
    """
    A segment of which all is needed stays where it is, whatever was forgotten.
    """
    one = needs.segments[1]
    needs.tell(one, 20, 500, [A, B])
    needs.tell(one, 520, 500, [C])

    assert needs.worth_moving(is_crowded=True, made_before_ns=9) is None


def test_moved(needs: Needs) -> None:
    """
    What was moved is needed where it lies now, and released there.
    """
    one, two = needs.segments.values()
    needs.tell(one, 20, 500, [A, B])
    one.untold = two.untold = 0
    needs.release([B])
    needs.move(one, 20, two, 700, 250)

    assert needs.unneeded() == [one]
    assert two.kept_bytes == 250
    needs.move(one, 20, two, 900, 250)  # it is no longer there
    needs.release([A])
    assert needs.unneeded() == [one, two]
    assert two.kept_bytes == 0
