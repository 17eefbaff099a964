"""Parents and children, whatever the ids look like."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spanlabel.model import Scope, Span, SpanKind, Status, Tree


def make_span(span_id: str, parent_id: str | None = None, start_ns: int = 0) -> Span:
    return Span(
        "t1",
        span_id,
        parent_id,
        None,
        "",
        SpanKind.INTERNAL,
        start_ns,
        start_ns,
        {},
        (),
        (),
        Status.UNSET,
        "",
        Scope(),
        {},
        0,
        0,
    )


def test_children_in_order_of_start() -> None:
    """
    Children and roots come by start, then by id, in whatever order the spans are given.
    """
    spans = [make_span("d", "a", 3), make_span("c", "a", 2), make_span("b", "a", 2), make_span("a")]
    tree = Tree.of([*spans, make_span("z", None, -1)])

    assert tree.roots == ("z", "a")
    assert tree.children == {"a": ("b", "c", "d")}
    assert tree.parent == {"z": None, "a": None, "b": "a", "c": "a", "d": "a"}
    assert tree.missing_parent == {}


def test_missing_parent() -> None:
    """
    A span whose parent never came is a root, and the parent's id is not lost.
    """
    tree = Tree.of([make_span("b", "gone", 1), make_span("c", "b", 2)])

    assert tree.roots == ("b",)
    assert tree.missing_parent == {"b": "gone"}


def test_own_parent() -> None:
    """
    A span that is its own parent is a root.
    """
    tree = Tree.of([make_span("a", "a"), make_span("b", "a", 1)])

    assert (tree.roots, tree.children, tree.missing_parent) == (("a",), {"a": ("b",)}, {})


def test_circle_breaks_at_the_earliest() -> None:
    """
    Of spans that are each other's parents the one that started first becomes the root; what hangs below stays.
    """
    spans = [
        make_span("a", "c", 5),
        make_span("b", "a", 1),
        make_span("c", "b", 3),
        make_span("tail", "a", 0),
        make_span("x", "y", 7),
        make_span("y", "x", 7),
    ]
    tree = Tree.of(spans)

    assert tree.roots == ("b", "x")
    assert tree.parent == {"b": None, "c": "b", "a": "c", "tail": "a", "x": None, "y": "x"}


def test_child_that_starts_before_its_parent() -> None:
    """
    Clocks of two processes differ: a child that seems to start before its parent is a child all the same.
    """
    tree = Tree.of([make_span("a", None, 5), make_span("b", "a", 0), make_span("c", "b", 6)])

    assert tree.parent == {"a": None, "b": "a", "c": "b"}


def test_repeated_id() -> None:
    """
    Of two spans with one id the first counts.
    """
    tree = Tree.of([make_span("a"), make_span("b", "a", 1), make_span("b", None, 0)])

    assert tree.parent == {"a": None, "b": "a"}


def test_deep_chain() -> None:
    """
    A chain of 10 000 spans is walked down and up without trouble.
    """
    n = 10_000
    tree = Tree.of([make_span(f"{i:05}", f"{i - 1:05}" if i else None) for i in reversed(range(n))])

    assert list(tree.walk()) == [f"{i:05}" for i in range(n)]
    assert list(tree.above(f"{n - 1:05}")) == [f"{i:05}" for i in reversed(range(n - 1))]


def test_walk_below_one_span() -> None:
    """
    A walk can start anywhere, and gives each parent before its children.
    """
    spans = [make_span("a"), make_span("b", "a", 1), make_span("c", "b", 2), make_span("d", "a", 3)]
    tree = Tree.of(spans)

    assert list(tree.walk()) == ["a", "b", "c", "d"]
    assert list(tree.walk("b")) == ["b", "c"]
    assert list(tree.walk("d", "b")) == ["d", "b", "c"]


ids = st.integers(0, 12).map(str)


@given(st.lists(st.tuples(ids, st.none() | ids, st.integers(0, 3)), max_size=30))
def test_any_ids_make_a_forest(drawn: list[tuple[str, str | None, int]]) -> None:
    """
    Whatever parents are claimed, each span is reached once from the roots, and order of arrival is no matter.
    """
    spans = list({span_id: make_span(span_id, up, start) for span_id, up, start in drawn}.values())
    tree = Tree.of(spans)

    assert sorted(tree.walk()) == sorted(span.span_id for span in spans)
    assert all(list(tree.above(span_id))[-1:] != [span_id] for span_id in tree.parent)
    assert {c: p for p, below in tree.children.items() for c in below} == {
        c: p for c, p in tree.parent.items() if p is not None
    }
    assert Tree.of(reversed(spans)) == tree
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        named = span.parent_id
        assert (span.span_id in tree.missing_parent) == (named is not None and named not in by_id)
        circle = circle_of(span, by_id)
        earliest = min(circle, key=lambda s: (s.start_ns, s.span_id), default=None)
        assert tree.parent[span.span_id] == (None if named not in by_id or span is earliest else named)


def circle_of(span: Span, by_id: dict[str, Span]) -> list[Span]:
    """The spans on the circle that *span* is on, itself first; empty if it is on none."""
    climbed, at = [span], by_id.get(span.parent_id or "")
    while at is not None and at is not span and len(climbed) <= len(by_id):
        climbed.append(at)
        at = by_id.get(at.parent_id or "")
    return climbed if at is span else []
