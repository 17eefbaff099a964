from __future__ import annotations

from spanlabel.sources.pacing import AHEAD_S, NEAR_S, PATIENCE_S, Pace

T, L = "spans", "logs"
LEFT = {T: 1_000, L: 1_000}


def test_log_records_wait_for_the_spans_they_belong_to() -> None:
    """A backlog of an hour is read side by side, so that nothing is given up before its other half comes."""
    pace = Pace((T, L), 0)
    pace.note(T, 1_000, 0)
    pace.note(L, 1_000 + AHEAD_S, 0)
    assert not pace.is_uneven
    assert pace.next(LEFT, 0) is None
    pace.note(L, 1_001 + AHEAD_S, 0)
    assert pace.is_uneven
    assert pace.next(LEFT, 0) == L
    pace.note(T, 1_001 + AHEAD_S - NEAR_S - 1, 1)
    assert pace.next(LEFT, 1) == L, "it does not go on and off with each message"
    pace.note(T, 1_001 + AHEAD_S - NEAR_S, 1)
    assert pace.next(LEFT, 1) is None
    assert not pace.is_uneven


def test_spans_wait_for_log_records_too() -> None:
    """Whichever is ahead."""
    pace = Pace((T, L), 0)
    pace.note(T, 5_000, 0)
    pace.note(L, 1_000, 0)
    assert pace.next(LEFT, 0) == T


def test_before_its_first_message_a_topic_is_waited_for_a_little() -> None:
    """Its messages may be older than all that the other has."""
    pace = Pace((T, L), 100)
    pace.note(L, 5_000, 100)
    assert pace.next(LEFT, 100) == L
    assert pace.next(LEFT, 100 + PATIENCE_S) is None


def test_nobody_waits_for_a_topic_that_is_read_to_its_end() -> None:
    """In peace log records may be rare, and old."""
    pace = Pace((T, L), 0)
    pace.note(T, 5_000, 0)
    pace.note(L, 1_000, 0)
    assert pace.next({T: 1_000, L: 0}, 0) is None


def test_nobody_waits_for_ever() -> None:
    """What is left may be nothing that is ever handed out, such as the marks of transactions."""
    pace = Pace((T, L), 0)
    pace.note(T, 5_000, 0)
    pace.note(L, 1_000, 0)
    assert pace.next(LEFT, PATIENCE_S - 1) == T
    assert pace.next(LEFT, PATIENCE_S) is None


def test_one_topic_never_waits() -> None:
    """It has nobody to wait for."""
    pace = Pace((T,), 0)
    pace.note(T, 5_000, 0)
    assert not pace.is_uneven
    assert pace.next(LEFT, 0) is None
