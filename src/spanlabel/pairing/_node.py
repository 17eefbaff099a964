"""The tree that pairing works on: parent links mended, spans that are not GenAI contracted away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Final

from spanlabel.model import Kind, Message, SpanKind, Step, Trace

from ._text import last_question

SLACK_NS: Final = 2_000_000
"""Clocks of spans of one process differ by up to 0.8 ms in JavaScript (traces-other.md 3.1)."""

INNER: Final = frozenset(
    {Kind.TOOL, Kind.RETRIEVER, Kind.EMBEDDING, Kind.RERANK, Kind.GUARDRAIL, Kind.EVALUATOR, Kind.HANDOFF}
)
"""What lies below a span of these kinds is never a unit of its own."""

MAX_AROUND: Final = 128
"""Of how many open runs at a time the smallest around an orphan is sought: keeps hostile traces linear."""

MAX_TOOLS: Final = 200
"""Of how many tool calls it is asked whether a sibling's run lies within them: keeps hostile traces linear."""

COMPOSITE: Final = frozenset({Kind.AGENT, Kind.WORKFLOW, Kind.CHAIN})
RUNS: Final = frozenset({Kind.AGENT, Kind.WORKFLOW})

_REQUESTS: Final = frozenset({SpanKind.SERVER, SpanKind.CONSUMER})


class Top:
    """What stands above a group of nodes: the topmost span of their tree, or the parent that never came.

    Attributes:
        key: Trace id and span id.
        is_request: The topmost span serves a request, so all below it is one piece of work.
    """

    __slots__ = ("is_request", "key")

    def __init__(self, key: tuple[str, str], *, is_request: bool) -> None:
        self.key = key
        self.is_request = is_request


_UNKNOWN: Final = Top(("", ""), is_request=False)


class Node:
    """One GenAI step in the mended tree.

    Attributes:
        step: The step.
        parent: The nearest GenAI step above; None at the top.
        children: The nearest GenAI steps below, by start.
        top: What stands above the whole tree.
        is_inner: It, or a step above it, is a tool, a retriever, an evaluator, ...; not below a mark `spanlabel.root`.
        fate: What became of it, as stable words, for `explain`.
        kind: The step's kind.
        start_ns: Its start.
        end_ns: Its end.
        tools: The tool calls in it or nearest below it, at most `MAX_TOOLS`.
        twins: Copies of the same call by another instrumentation that were dropped in its favour.
    """

    __slots__ = (
        "children",
        "end_ns",
        "fate",
        "is_inner",
        "kind",
        "parent",
        "start_ns",
        "step",
        "tools",
        "top",
        "trace_id",
        "twins",
    )

    def __init__(self, step: Step) -> None:
        span = step.span
        self.step = step
        self.kind = step.kind
        self.trace_id = span.trace_id
        self.start_ns = span.start_ns
        self.end_ns = span.end_ns
        self.parent: Node | None = None
        self.children: list[Node] = []
        self.top = _UNKNOWN
        self.is_inner = False
        self.fate: list[str] = []
        self.tools: tuple[Node, ...] = ()
        self.twins: list[Node] = []

    def detach(self) -> None:
        """Take it out of its parent."""
        if self.parent is not None:
            self.parent.children.remove(self)
            self.parent = None

    def below(self) -> Iterable[Node]:
        """All nodes below, parents before children, by start."""
        stack = list(reversed(self.children))
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


def order(node: Node) -> tuple[int, int, str, str]:
    """By start, the longer first, then by id: the same whatever the order of arrival."""
    return (node.start_ns, -node.end_ns, node.step.span.span_id, node.trace_id)


def forest(traces: Sequence[Trace]) -> list[Node]:
    """Build the mended trees of all traces.

    Returns:
        The topmost GenAI nodes, by start.
    """
    tops: list[Node] = []
    for trace in traces:
        tops.extend(_tree(trace))
    tops.sort(key=order)
    return tops


def _tree(trace: Trace) -> list[Node]:
    nodes = {step.span.span_id: Node(step) for step in trace.steps}
    parents = _parents(nodes)
    _adopt_orphans(nodes, parents)
    climbed: dict[str, str | None] = {}
    _free_leaked(nodes, parents, climbed)
    tops = _tops(nodes, parents)
    out = []
    for span_id, node in nodes.items():
        if node.kind is Kind.NONE:
            continue
        node.top = tops[span_id]
        above = _genai_above(span_id, nodes, parents, climbed)
        if above is None:
            out.append(node)
        else:
            node.parent = nodes[above]
            nodes[above].children.append(node)
    for node in nodes.values():
        if len(node.children) > 1:
            node.children.sort(key=order)
    for node in out:
        _mark_inner(node)
    return out


def _genai_above(
    span_id: str, nodes: dict[str, Node], parents: dict[str, str | None], climbed: dict[str, str | None]
) -> str | None:
    """The nearest GenAI span above; *climbed* remembers it for the spans on the way that are none."""
    above = parents[span_id]
    path = []
    while above is not None and nodes[above].kind is Kind.NONE:
        if above in climbed:
            above = climbed[above]
            break
        path.append(above)
        above = parents[above]
    for passed in path:
        climbed[passed] = above
    return above


def _parents(nodes: dict[str, Node]) -> dict[str, str | None]:
    """The parent of each span where it is known; cycles are broken at the span that starts first."""
    parents: dict[str, str | None] = {}
    for span_id, node in nodes.items():
        above = node.step.span.parent_id
        parents[span_id] = above if above in nodes and above != span_id else None
    known: set[str] = set()  # spans whose line upwards is known to end
    for span_id in nodes:
        if span_id in known or parents[span_id] is None:
            continue
        path: dict[str, None] = {}
        here: str | None = span_id
        while here is not None and here not in known and here not in path:
            path[here] = None
            here = parents[here]
        if here is not None and here in path:
            line = list(path)
            ring = line[line.index(here) :]
            parents[min(ring, key=lambda one: order(nodes[one]))] = None
        known.update(path)
    return parents


def _adopt_orphans(nodes: dict[str, Node], parents: dict[str, str | None]) -> None:
    """Give a span whose parent never came to the smallest agent or chain around it.

    A trace has one root: of several spans without a parent all but one have lost it (AWS's distro, LangChain.js
    under OpenLLMetry). Spans under the same missing parent stay siblings.
    """
    lost = [n for span_id, n in nodes.items() if parents[span_id] is None and n.kind is not Kind.NONE]
    if len(lost) < 2 and not any(n.step.span.parent_id for n in lost):
        return
    holders = sorted((n for n in nodes.values() if n.kind in COMPOSITE), key=order)
    tops = {span_id: above or span_id for span_id, above in parents.items()}
    around: list[Node] = []
    position = 0
    for orphan in sorted(lost, key=order) if holders else ():
        while position < len(holders) and holders[position].start_ns <= orphan.start_ns + SLACK_NS:
            around.append(holders[position])
            position += 1
        if len(around) > MAX_AROUND:
            around = [h for h in around if h.end_ns + SLACK_NS >= orphan.start_ns]
            around = around[: MAX_AROUND // 4] + around[MAX_AROUND // 4 :][-MAX_AROUND // 4 :]
        orphan_id = orphan.step.span.span_id
        fitting = [h for h in around if _is_around(h, orphan) and _top_of(h.step.span.span_id, tops) != orphan_id]
        if fitting:
            best = min(fitting, key=lambda h: h.end_ns - h.start_ns)
            parents[orphan_id] = tops[orphan_id] = best.step.span.span_id
            orphan.fate.append("adopted_orphan")


def _is_around(holder: Node, orphan: Node) -> bool:
    """Whether the holder's time holds the orphan's, and they are not siblings under one missing parent."""
    if holder is orphan or holder.start_ns > orphan.start_ns:
        return False
    gone = orphan.step.span.parent_id
    if gone is not None:
        return holder.end_ns + SLACK_NS >= orphan.end_ns and holder.step.span.parent_id != gone
    is_longer = holder.end_ns - holder.start_ns > orphan.end_ns - orphan.start_ns
    return holder.end_ns >= orphan.end_ns and is_longer and holder.step.span.parent_id is None


def _top_of(span_id: str, tops: dict[str, str]) -> str:
    """The top of the span's tree, so that nobody is adopted by what stands below it; shortens the way in *tops*."""
    while (up := tops[span_id]) != span_id:
        tops[span_id] = tops[up]
        span_id = up
    return span_id


def _free_leaked(nodes: dict[str, Node], parents: dict[str, str | None], climbed: dict[str, str | None]) -> None:
    """Take a run out of the span that only leaked its context to it.

    A run that starts after the model call above it has ended is no part of that call (OpenLLMetry
    0.47.5, traces-python.md 3.5); nor is a run of the same name below one of another question
    that it outlives (`chain.batch`, traces-python.md 3.6).
    """
    for span_id, node in nodes.items():
        if node.kind not in COMPOSITE:
            continue
        above = _genai_above(span_id, nodes, parents, climbed)
        if above is None:
            continue
        parent = nodes[above]
        if parent.kind is Kind.LLM and node.start_ns >= parent.end_ns:
            leaked = True
        else:
            leaked = parent.kind in COMPOSITE and _is_other_run(parent, node)
        if leaked:
            parents[span_id] = None
            node.fate.append("leaked_context")


def _is_other_run(parent: Node, node: Node) -> bool:
    a, b = parent.step, node.step
    if a.span.name != b.span.name or a.span.scope.name != b.span.scope.name:
        return False
    if not (_says(b.input_text, b.input) and _says(b.output_text, b.output)):
        return False
    if _said(a.input_text, a.input) == _said(b.input_text, b.input):
        return False
    return node.end_ns > parent.end_ns or node.start_ns >= parent.end_ns


def _says(text: str | None, messages: Sequence[object]) -> bool:
    return bool(text) or bool(messages)


def _said(text: str | None, messages: Sequence[Message]) -> object:
    if text:
        return text
    asked = last_question(messages)  # tool traffic of the same question makes no other run (Genkit's nested rounds)
    return messages[asked].text if asked is not None else [(m.role, m.text) for m in messages]


def _tops(nodes: dict[str, Node], parents: dict[str, str | None]) -> dict[str, Top]:
    """The top of each span's tree; spans under the same missing parent share one."""
    tops: dict[str, Top] = {}
    missing: dict[str, Top] = {}
    waiting: dict[str, list[str]] = defaultdict(list)
    for span_id, above in parents.items():
        if above is None:
            node = nodes[span_id]
            gone = node.step.span.parent_id
            if gone is not None and gone not in nodes and "leaked_context" not in node.fate:
                top = missing.get(gone)
                if top is None:
                    top = missing[gone] = Top((node.trace_id, gone), is_request=False)
                if node.step.span.kind in _REQUESTS and node.kind is Kind.NONE:
                    top = Top((node.trace_id, span_id), is_request=True)
            else:
                top = Top((node.trace_id, span_id), is_request=node.step.span.kind in _REQUESTS)
            tops[span_id] = top
        else:
            waiting[above].append(span_id)
    stack = list(tops)
    while stack:
        here = stack.pop()
        for below in waiting.get(here, ()):
            tops[below] = tops[here]
            stack.append(below)
    return tops


def _mark_inner(root: Node) -> None:
    stack = [(root, False)]
    downwards: list[Node] = []
    while stack:
        node, inner = stack.pop()
        node.is_inner = (inner or node.kind in INNER) and node.step.root_hint is not True
        downwards.append(node)
        stack.extend((child, node.is_inner) for child in node.children)
    for node in reversed(downwards):
        below = [child.tools for child in node.children if child.tools]
        if node.kind is Kind.TOOL:
            node.tools = (node,)
        elif below:
            node.tools = below[0] if len(below) == 1 else tuple(islice(chain.from_iterable(below), MAX_TOOLS))
