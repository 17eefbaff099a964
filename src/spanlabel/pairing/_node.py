"""The tree that pairing works on: parent links mended, spans that are not GenAI contracted away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """One step in the mended tree.

    Attributes:
        step: The step.
        up: The step above, GenAI or not; None at the top.
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
        "up",
    )

    def __init__(self, step: Step) -> None:
        span = step.span
        self.step = step
        self.kind = step.kind
        self.trace_id = span.trace_id
        self.start_ns = span.start_ns
        self.end_ns = span.end_ns
        self.up: Node | None = None
        self.parent: Node | None = None
        self.children: list[Node] = []
        self.top = _UNKNOWN
        self.is_inner = False
        self.fate: list[str] = []
        self.tools: tuple[Node, ...] = ()
        self.twins: tuple[Node, ...] = ()

    def detach(self) -> None:
        """Take it out of its parent."""
        if self.parent is not None:
            self.parent.children.remove(self)
            self.parent = None

    def let_go(self) -> None:
        """Forget whoever is below, so that no circle of references keeps what was read in memory."""
        self.children = []
        self.tools = self.twins = ()

    def below(self) -> list[Node]:
        """All nodes below, parents before children, by start."""
        return downwards(self.children) if self.children else []


def downwards(nodes: Sequence[Node]) -> list[Node]:
    """These nodes and all below them, parents before children, by start."""
    out: list[Node] = []
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        out.append(node)
        if node.children:
            stack.extend(reversed(node.children))
    return out


def order(node: Node) -> tuple[int, int, str, str]:
    """By start, the longer first, then by id: the same whatever the order of arrival."""
    return (node.start_ns, -node.end_ns, node.step.span.span_id, node.trace_id)


def forest(traces: Sequence[Trace]) -> tuple[list[Node], list[Node]]:
    """Build the mended trees of all traces.

    Returns:
        The topmost GenAI nodes, by start; and all GenAI nodes, each parent before its children.
    """
    tops: list[Node] = []
    for trace in traces:
        tops.extend(_tree(trace))
    tops.sort(key=order)
    every = downwards(tops)
    _mark_inner(every)
    return tops, every


def _tree(trace: Trace) -> list[Node]:
    nodes = {step.span.span_id: Node(step) for step in trace.steps}
    climbed: dict[Node, Node | None] = {}
    if len(nodes) > 1:
        _link(nodes)
        _adopt_orphans(nodes)
        _free_leaked(nodes, climbed)
    _set_tops(nodes)
    out = []
    for node in nodes.values():
        if node.kind is Kind.NONE:
            continue
        above = _genai_above(node, climbed)
        if above is None:
            out.append(node)
        else:
            node.parent = above
            above.children.append(node)
    for node in nodes.values():
        if len(node.children) > 1:
            node.children.sort(key=order)
    return out


def _genai_above(node: Node, climbed: dict[Node, Node | None]) -> Node | None:
    """The nearest GenAI span above; *climbed* remembers it for the spans on the way that are none."""
    above = node.up
    if above is None or above.kind is not Kind.NONE:
        return above
    path = []
    while above is not None and above.kind is Kind.NONE:
        if above in climbed:
            above = climbed[above]
            break
        path.append(above)
        above = above.up
    for passed in path:
        climbed[passed] = above
    return above


def _link(nodes: Mapping[str, Node]) -> None:
    """Tie each span to its parent where that is known; cycles are broken at the span that starts first."""
    for node in nodes.values():
        parent_id = node.step.span.parent_id
        above = nodes.get(parent_id) if parent_id is not None else None
        node.up = above if above is not node else None
    known: set[Node] = set()  # spans whose line upwards is known to end
    for node in nodes.values():
        if node.up is None or node.up in known:  # as good as always, for the spans come by start
            known.add(node)
            continue
        path: dict[Node, None] = {}
        here: Node | None = node
        while here is not None and here not in known and here not in path:
            path[here] = None
            here = here.up
        if here is not None and here in path:
            line = list(path)
            min(line[line.index(here) :], key=order).up = None
        known.update(path)


def _adopt_orphans(nodes: Mapping[str, Node]) -> None:
    """Give a span whose parent never came to the smallest agent or chain around it.

    A trace has one root: of several spans without a parent all but one have lost it (AWS's distro, LangChain.js
    under OpenLLMetry). Spans under the same missing parent stay siblings.
    """
    lost = [n for n in nodes.values() if n.up is None and n.kind is not Kind.NONE]
    if len(lost) < 2 and not any(n.step.span.parent_id for n in lost):
        return
    holders = sorted((n for n in nodes.values() if n.kind in COMPOSITE), key=order)
    tops = {n: n.up or n for n in nodes.values()}
    around: list[Node] = []
    position = 0
    for orphan in sorted(lost, key=order) if holders else ():
        while position < len(holders) and holders[position].start_ns <= orphan.start_ns + SLACK_NS:
            around.append(holders[position])
            position += 1
        if len(around) > MAX_AROUND:
            around = [h for h in around if h.end_ns + SLACK_NS >= orphan.start_ns]
            around = around[: MAX_AROUND // 4] + around[MAX_AROUND // 4 :][-MAX_AROUND // 4 :]
        fitting = [h for h in around if _is_around(h, orphan) and _is_apart(h, orphan, tops)]
        if fitting:
            best = min(fitting, key=lambda h: h.end_ns - h.start_ns)
            orphan.up = tops[orphan] = best
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


def _is_apart(holder: Node, orphan: Node, tops: dict[Node, Node]) -> bool:
    """Whether the holder stands neither below the orphan nor below a sibling of it."""
    top, gone = _top_of(holder, tops), orphan.step.span.parent_id
    return top is not orphan and (gone is None or top.step.span.parent_id != gone)


def _top_of(node: Node, tops: dict[Node, Node]) -> Node:
    """The top of the span's tree, so that nobody is adopted by what stands below it; shortens the way in *tops*."""
    while (up := tops[node]) is not node:
        tops[node] = tops[up]
        node = up
    return node


def _free_leaked(nodes: Mapping[str, Node], climbed: dict[Node, Node | None]) -> None:
    """Take a run out of the span that only leaked its context to it.

    A run that starts after the model call above it has ended is no part of that call (OpenLLMetry
    0.47.5, traces-python.md 3.5); nor is a run of the same name below one of another question
    that it outlives (`chain.batch`, traces-python.md 3.6).
    """
    for node in nodes.values():
        if node.kind is Kind.LLM:
            _free_call(node)
            continue
        parent = _genai_above(node, climbed) if node.kind in COMPOSITE else None
        if parent is None:
            continue
        if parent.kind is Kind.LLM and node.start_ns >= parent.end_ns:
            leaked = True
        else:
            leaked = parent.kind in COMPOSITE and _is_other_run(parent, node)
        if leaked:
            node.up = None
            node.fate.append("leaked_context")


def _free_call(node: Node) -> None:
    """Put a model call that starts after the model call above it had ended beside that one."""
    above = node.up
    while above is not None and above.kind is Kind.LLM and node.start_ns >= above.end_ns:
        above = above.up
    if above is not node.up:
        node.up = above
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


def _set_tops(nodes: Mapping[str, Node]) -> None:
    """Say what stands above each span's tree; spans under the same missing parent share one top."""
    missing: dict[str, Top] = {}
    for node in nodes.values():
        path = []
        here = node
        while here.top is _UNKNOWN and here.up is not None:
            path.append(here)
            here = here.up
        if here.top is _UNKNOWN:
            here.top = _new_top(here, nodes, missing)
        for passed in path:
            passed.top = here.top


def _new_top(node: Node, nodes: Mapping[str, Node], missing: dict[str, Top]) -> Top:
    span = node.step.span
    is_request = span.kind in _REQUESTS
    gone = span.parent_id
    if gone is None or gone in nodes or "leaked_context" in node.fate:
        return Top((node.trace_id, span.span_id), is_request=is_request)
    if is_request and node.kind is Kind.NONE:
        return Top((node.trace_id, span.span_id), is_request=True)
    if gone not in missing:
        missing[gone] = Top((node.trace_id, gone), is_request=False)
    return missing[gone]


def _mark_inner(every: Sequence[Node]) -> None:
    """Mark what is inner, and note the tool calls below each node.

    Args:
        every: Nodes, each parent before its children.
    """
    for node in every:
        if node.kind in INNER or (node.parent is not None and node.parent.is_inner):
            node.is_inner = node.step.root_hint is not True
    for node in reversed(every):
        if node.kind is Kind.TOOL:
            node.tools = (node,)
        elif node.children:
            below = [child.tools for child in node.children if child.tools]
            if below:
                node.tools = below[0] if len(below) == 1 else tuple(islice(chain.from_iterable(below), MAX_TOOLS))
