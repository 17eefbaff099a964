"""One call seen by several instrumentations: which copy speaks.

The copies may stand below one another, side by side, or in traces of their own (reconstruction.md 0.6), so they are
sought over all traces of a window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from spanlabel.model import Kind, Pair

from ._node import COMPOSITE, SLACK_NS, Node, order
from ._text import call_answer

MIN_OVERLAP: Final = 0.8
"""Two LangChain tracers end 2 ms apart (reconstruction.md 3.1)."""

NEIGHBOURS: Final = 16
"""How many copies by start are compared with one: keeps hostile input linear."""


def drop_copies(tops: Sequence[Node], every: Sequence[Node]) -> list[Node]:
    """Take out model calls that another instrumentation recorded too.

    Args:
        tops: The topmost nodes.
        every: All nodes, each parent before its children.

    Returns:
        The topmost nodes that are left.
    """
    calls = [n for n in every if n.kind is Kind.LLM]
    is_one_layer = len({call.step.span.scope.name for call in calls}) < 2
    groups: dict[tuple[str, object], list[Node]] = defaultdict(list)
    for call in _overlapping(calls):
        if is_one_layer:  # one instrumentation repeats a call only under the same response id
            if call.step.response_id:
                groups["id", call.step.response_id].append(call)
            continue
        for sign in _signs(call):
            groups[sign].append(call)
    gone: dict[int, Node] = {}
    for group in groups.values():
        if len(group) > 1:
            _drop_from(group, gone)
    left = list(tops)
    for call in calls:
        if id(call) in gone:
            _take_out(call, left)
    if gone:
        left.sort(key=order)
    return left


def _overlapping(calls: Sequence[Node]) -> list[Node]:
    """The calls that ran at the same time as another one: copies do, while most calls wait for the one before."""
    ordered = sorted(calls, key=lambda call: call.start_ns)
    found: set[Node] = set()
    end_ns = -SLACK_NS - 1
    for call, following in zip_longest(ordered, ordered[1:]):
        if call.start_ns <= end_ns + SLACK_NS or (
            following is not None and following.start_ns <= call.end_ns + SLACK_NS
        ):
            found.add(call)
        end_ns = max(end_ns, call.end_ns)
    return [call for call in calls if call in found]


def _drop_from(group: list[Node], gone: dict[int, Node]) -> None:
    """Note which calls of a group that shares a sign are copies of another."""
    group.sort(key=order)
    for i, a in enumerate(group):
        for b in group[i + 1 : i + 1 + NEIGHBOURS]:
            if id(a) in gone or b.start_ns > a.end_ns + SLACK_NS:
                break
            if id(b) in gone or not _same_call(a, b):
                continue
            kept, lost = (a, b) if _outer(a, b) else (b, a)
            gone[id(lost)] = lost
            kept.twins = (*kept.twins, lost)
            lost.fate.append("copy")


def _signs(call: Node) -> Iterable[tuple[str, object]]:
    step = call.step
    if step.response_id:
        yield ("id", step.response_id)
    call_id = next((c.id for m in step.output for c in m.tool_calls if c.id), None)
    if call_id:
        yield ("tool", call_id)
    answer = call_answer(step)
    if answer is not None:
        yield ("text", answer.text)
    elif not call_id and step.input:
        yield ("asked", step.input[-1].text)


def _same_call(a: Node, b: Node) -> bool:
    if a.step.span.scope.name == b.step.span.scope.name:
        same_id = a.step.response_id is not None and a.step.response_id == b.step.response_id
        if not same_id:
            return False
    start, end = max(a.start_ns, b.start_ns), min(a.end_ns, b.end_ns)
    if end + SLACK_NS < start:
        return False
    inside = (a.start_ns - SLACK_NS <= b.start_ns and b.end_ns <= a.end_ns + SLACK_NS) or (
        b.start_ns - SLACK_NS <= a.start_ns and a.end_ns <= b.end_ns + SLACK_NS
    )
    union = max(a.end_ns, b.end_ns) - min(a.start_ns, b.start_ns)
    return inside or (union > 0 and (end - start) / union >= MIN_OVERLAP)


def _outer(a: Node, b: Node) -> bool:
    """Whether *a* is the copy that speaks: in a run, above the other, with content, or around it."""
    ranks = [(_in_run(n), _holds(n), n in _line(o)) for n, o in ((a, b), (b, a))]
    if ranks[0][0] != ranks[1][0]:
        return ranks[0][0]
    if ranks[0][1] != ranks[1][1]:
        return ranks[0][1] > ranks[1][1]
    if ranks[0][2] != ranks[1][2]:
        return ranks[0][2]
    return a.end_ns - a.start_ns >= b.end_ns - b.start_ns


def _in_run(node: Node) -> bool:
    return node.parent is not None and any(n.kind in COMPOSITE for n in _line(node))


def _line(node: Node) -> list[Node]:
    out: list[Node] = []
    here = node.parent
    while here is not None and len(out) < 1000:
        out.append(here)
        here = here.parent
    return out


def _holds(node: Node) -> int:
    step = node.step
    return 2 * bool(any(m.parts for m in step.output) or step.output_text) + bool(any(m.parts for m in step.input))


def _take_out(node: Node, tops: list[Node]) -> None:
    """Remove one node and hang what is below it to what is above it."""
    parent = node.parent
    children, node.children = node.children, []
    if parent is None:
        if node in tops:
            tops.remove(node)
        for child in children:
            child.parent = None
            tops.append(child)
    else:
        parent.children.remove(node)
        for child in children:
            child.parent = parent
            parent.children.append(child)
        parent.children.sort(key=order)
    node.parent = None


def key_of(pair: Pair) -> tuple[str, str, int]:
    """What tells a pair from all others of a window, whatever else of it is refined."""
    return (pair.trace_id, pair.unit_span_id, pair.turn)


def drop_inner_pairs(pairs: Sequence[Pair], scopes: Mapping[tuple[str, str, int], tuple[str, str]]) -> list[Pair]:
    """Take out pairs that are an inner step of another, whatever their trace ids say.

    OpenLLMetry's LangChain.js gives every chain node a trace of its own (traces-other.md 3.3): a pair
    whose time lies within that of another and that shares its question or its answer is a step of it.
    Two model calls by the same instrumentation in different traces are two users with one question.

    Args:
        pairs: The pairs of a window.
        scopes: For the key of each pair (see `key_of`) the process it came from and the name of its answer's span.
    """
    by_text: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        process = scopes[key_of(pair)][0]
        by_text[process, "q" + pair.prompt].append(pair)
        by_text[process, "a" + pair.answer].append(pair)
    gone: set[int] = set()
    for group in by_text.values():
        if len(group) < 2:
            continue
        group.sort(key=lambda p: (p.start_ns, -p.end_ns, p.trace_id, p.unit_span_id))
        for i, outer in enumerate(group):
            for inner in group[i + 1 : i + 1 + NEIGHBOURS]:
                if inner.start_ns > outer.end_ns:
                    break
                if id(inner) in gone or id(outer) in gone or inner.trace_id == outer.trace_id:
                    continue
                if inner.end_ns > outer.end_ns + SLACK_NS:
                    continue
                if (inner.start_ns, inner.end_ns) == (outer.start_ns, outer.end_ns):
                    continue
                if scopes[key_of(inner)][1] == scopes[key_of(outer)][1]:
                    continue
                gone.add(id(inner))
    return [p for p in pairs if id(p) not in gone]
