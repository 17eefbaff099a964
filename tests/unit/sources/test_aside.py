from __future__ import annotations

from spanlabel.sources.aside import Aside
from spanlabel.testing import make_log, make_span, trace_id


def test_what_was_put_aside_can_be_taken_once() -> None:
    """In the order in which it came, spans and log records."""
    aside = Aside(100_000)
    first, second, other = make_span(trace=1), make_log(trace=1), make_span(trace=2)
    aside.put([first, other])
    aside.put([second])
    assert aside.take(trace_id(1)) == [first, second]
    assert aside.take(trace_id(1)) is None
    assert len(aside) == 1


def test_it_is_bounded() -> None:
    """The trace that came first leaves, whole."""
    size = make_span().size_bytes
    aside = Aside(size * 10)
    for n in range(100):
        aside.put([make_span(trace=n // 2, span=n)])
    assert [n for n in range(50) if aside.take(trace_id(n))] == [45, 46, 47, 48, 49]
    aside.put([make_span(trace=n) for n in range(11)])
    assert len(aside) == 10


def test_what_nobody_wants_any_more_leaves() -> None:
    """Nothing of a partition stays that another member reads."""
    size = make_span().size_bytes
    aside = Aside(size * 2)
    aside.put([make_span(trace=1), make_span(trace=2)])
    aside.keep(lambda one: one == trace_id(2))
    aside.put([make_span(trace=3)])
    assert [aside.take(trace_id(n)) is not None for n in (1, 2, 3)] == [False, True, True]
