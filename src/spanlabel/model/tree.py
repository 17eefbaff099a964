"""Which span stands below which, whatever the ids look like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .span import Span


@dataclass(frozen=True, slots=True)
class Tree:
    """Parents and children of the spans of one trace; from any spans a forest without cycles.

    Siblings, and roots, are in order of start, then of span id. Nothing here recurses: a chain may be as
    deep as there are spans.

    Attributes:
        parent: Parent's id for each span id; None for a root.
        children: Ids of the children for each span id that has any.
        roots: Ids of the spans that have no parent here.
        missing_parent: For a root that named a parent which is not here: that parent's id.
    """

    parent: Mapping[str, str | None]
    children: Mapping[str, tuple[str, ...]]
    roots: tuple[str, ...]
    missing_parent: Mapping[str, str]

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Tree:
        """Build the tree of *spans*, which may come in any order.

        Of several spans with one id the first is taken. A span that is its own parent is a root; of spans
        that are each other's parents in a circle, the one that started first (then the lower id) is.
        """
        by_id: dict[str, Span] = {}
        for span in spans:
            by_id.setdefault(span.span_id, span)
        ordered = sorted(by_id.values(), key=lambda span: (span.start_ns, span.span_id))
        parent: dict[str, str | None] = {}
        missing_parent: dict[str, str] = {}
        for span in ordered:
            parent[span.span_id] = span.parent_id if span.parent_id in by_id else None
            if span.parent_id is not None and span.parent_id not in by_id:
                missing_parent[span.span_id] = span.parent_id
        _break_circles(parent)
        children: dict[str, list[str]] = {}
        for span_id, parent_id in parent.items():
            if parent_id is not None:
                children.setdefault(parent_id, []).append(span_id)
        return cls(
            parent,
            {span_id: tuple(below) for span_id, below in children.items()},
            tuple(span_id for span_id, parent_id in parent.items() if parent_id is None),
            missing_parent,
        )

    def walk(self, *tops: str) -> Iterator[str]:
        """Ids of *tops* and of everything below them, each parent before its children, siblings in order.

        Args:
            tops: Span ids of which none stands below another; without any, the roots.
        """
        waiting = list(reversed(tops or self.roots))
        while waiting:
            span_id = waiting.pop()
            yield span_id
            waiting.extend(reversed(self.children.get(span_id, ())))

    def above(self, span_id: str) -> Iterator[str]:
        """Ids of the parent, its parent, and so on up to the root."""
        while (up := self.parent[span_id]) is not None:
            yield up
            span_id = up


def _break_circles(parent: dict[str, str | None]) -> None:
    """Make a root of one span in each circle (of one or more): of the first one in the order of *parent*."""
    rank = {span_id: n for n, span_id in enumerate(parent)}
    seen: dict[str, str] = {}  # span id → the start of the climb that saw it first
    for start in parent:
        at: str | None = start
        while at is not None and at not in seen:
            seen[at] = start
            at = parent[at]
        if at is None or seen[at] != start:
            continue
        circle = [at]
        while (up := parent[circle[-1]]) != at and up is not None:
            circle.append(up)
        parent[min(circle, key=rank.__getitem__)] = None
