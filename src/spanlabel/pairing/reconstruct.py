"""Traces → pairs: the algorithm, top to bottom.

Mend the tree, contract what is not GenAI, take out copies of one call, read units from the leaves up, join turns that
are one, and look once more over all pairs for inner steps. The rules and what each is worth: docs/explanation, and
reference/reconstruction.md sections 3 and 4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from spanlabel.model import Document, Kind, Pair, Step, Trace, Usage, Value
from spanlabel.model.twin import open_twin

from ._habits import is_machinery
from ._node import COMPOSITE, RUNS, Node, Top, forest
from ._overlap import drop_copies, drop_inner_pairs, key_of
from ._turn import Turn, merged
from ._units import chat_of, units, visible
from ._unlinked import drop_unlinked_steps

FULL: Final = 1.0

_OpenPair: Final = open_twin(Pair)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a window of traces.

    Attributes:
        pairs: By start; also those of low confidence.
        fates: For (trace id, span id) of each GenAI span what became of it, as stable words.
    """

    pairs: tuple[Pair, ...]
    fates: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


CONVERSATION_NAMES: Final = ("session_id", "thread_id", "conversation_id")
USER_NAMES: Final = ("user_id",)
"""How apps call them in the metadata that they hand to LangChain and others (docs.langchain.com/langsmith/threads)."""

MAX_ABOVE: Final = 64
"""Levels above a run in which the app's own spans are asked; without a bound a deep chain takes time by its square."""


def reconstruct(traces: Sequence[Trace]) -> Reading:
    """Find the root-level pairs of a window of traces.

    Args:
        traces: Ready traces; what crosses traces is found only within one call.

    Returns:
        The pairs and what became of each span. Never raises on any content.
    """
    tops, every = forest(traces)
    tops = drop_copies(tops, every)
    if any(node.step.root_hint for node in every):
        tops = _marked(tops)
    groups: dict[tuple[str, str], list[Node]] = defaultdict(list)
    heads: dict[tuple[str, str], Top] = {}
    for node in tops:
        groups[node.top.key].append(node)
        heads[node.top.key] = node.top
    pairs: list[Pair] = []
    origin: dict[tuple[str, str, int], tuple[str, str]] = {}
    for key, nodes in groups.items():
        turns = [turn for node in visible(nodes) for turn in units(node)]
        kept = merged(turns, is_request=heads[key].is_request)
        counter: dict[str, int] = defaultdict(int)
        for turn in sorted(kept, key=lambda t: (t.start_ns, t.end_ns, t.unit.step.span.span_id)):
            if not turn.prompt or not turn.answer:
                turn.unit.fate.append("no_answer" if turn.prompt else "no_prompt")
                continue
            unit_id = turn.unit.step.span.span_id
            pair = _pair(turn, counter[unit_id])
            counter[unit_id] += 1
            pairs.append(pair)
            origin[key_of(pair)] = (_process(turn.unit.step), turn.answer_node.step.span.name)
    kept_pairs = drop_inner_pairs(drop_unlinked_steps(pairs, every), origin)
    kept_pairs.sort(key=lambda p: (p.start_ns, p.end_ns, p.trace_id, p.unit_span_id, p.turn))
    reading = Reading(tuple(kept_pairs), _fates(every, kept_pairs, pairs))
    for node in every:
        node.let_go()
    return reading


def _marked(tops: list[Node]) -> list[Node]:
    """Heed the app's own marks: `spanlabel.root` makes the only roots of its trace, or removes a subtree."""
    marked: dict[str, list[Node]] = defaultdict(list)
    waiting = list(tops)
    while waiting:
        node = waiting.pop()
        if node.step.root_hint is True:
            marked[node.trace_id].append(node)
        else:
            waiting.extend(node.children)
    if not marked:
        return tops
    out = [top for top in tops if top.trace_id not in marked]
    for nodes in marked.values():
        for node in nodes:
            node.detach()
            out.append(node)
    return out


def _above(node: Node) -> list[Node]:
    out, here = [], node.parent
    while here is not None:
        out.append(here)
        here = here.parent
    return out


def _app(node: Node) -> list[Node]:
    """The app's own spans above, the nearest first, as far as `MAX_ABOVE`: one may say whose conversation it is."""
    out: list[Node] = []
    here = node.up
    for _ in range(MAX_ABOVE):
        if here is None:
            break
        if here.kind is Kind.NONE:
            out.append(here)
        here = here.up
    return out


def _pair(turn: Turn, number: int) -> Pair:
    unit, answered, asked = turn.unit.step, turn.answer_node.step, turn.prompt_node.step
    below = turn.unit.below()
    copies = [copy for c in turn.calls for copy in c.twins]  # they may know what the one that speaks does not
    told = [*reversed(turn.calls), *copies]
    # Each node once: of a model call that stands alone, all of these are the same.
    around = dict.fromkeys((turn.unit, *_above(turn.unit), turn.answer_node, *turn.calls, *copies, *_app(turn.unit)))
    conversation_id, user_id, tags, metadata = _of_the_whole(node.step for node in around)
    prompt, answer = turn.prompt or "", turn.answer or ""
    pair = _OpenPair(
        unit.span.trace_id,
        unit.span.span_id,
        number,
        prompt,
        answer,
        tuple(turn.answers) or (answer,),
        chat_of(turn),
        asked.span.span_id,
        answered.span.span_id,
        turn.start_ns,
        turn.end_ns,
        max(0.0, round(FULL - turn.penalty, 2)),
        tuple(turn.reasons),
        service=_service(unit),
        model=answered.model or next((n.step.model for n in told if n.step.model), None) or unit.model,
        provider=(answered.provider if answered.kind is Kind.LLM else None)
        or next((n.step.provider for n in told if n.step.provider), None),
        agent=unit.agent if unit.kind in RUNS else None,
        conversation_id=conversation_id,
        user_id=user_id,
        usage=_usage(turn),
        tags=tags,
        metadata=metadata,
        documents=_documents(turn.unit, below),
        evaluations=tuple(dict.fromkeys([e for n in (*around, *below) for e in n.step.evaluations])),
        prompt_state=asked.input_state,
        answer_state=answered.output_state,
        skipped_steps=_skipped(turn, below),
        dialects=tuple(dict.fromkeys((*asked.dialects, *answered.dialects))),
    )
    pair.__class__ = Pair
    return pair


def _service(step: Step) -> str | None:
    value = step.span.resource.get("service.name")
    return value if isinstance(value, str) and value else None


def _process(step: Step) -> str:
    found = [step.span.resource.get(key) for key in ("service.name", "service.instance.id")]
    return "/".join(value if isinstance(value, str) else "" for value in found)


def _usage(turn: Turn) -> Usage:
    if turn.calls == [turn.unit] and not turn.unit.twins:  # a call that stands alone: most pairs
        return turn.unit.step.usage
    sums: list[int | None] = []
    for name in ("input_tokens", "output_tokens"):
        numbers = [n for call in turn.calls if (n := _tokens(call, name)) is not None]
        sums.append(sum(numbers) if numbers else getattr(turn.unit.step.usage, name))
    return Usage(*sums)


def _tokens(call: Node, name: str) -> int | None:
    """A count of a model call, by whichever of its copies has it."""
    for seen in (call, *call.twins):
        count: int | None = getattr(seen.step.usage, name)
        if count is not None:
            return count
    return None


def _of_the_whole(
    steps: Iterable[Step],
) -> tuple[str | None, str | None, tuple[str, ...], Mapping[str, Value] | None]:
    """Conversation, user, tags and metadata, each from the first step that says it."""
    conversation_id = user_id = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Value] = {}
    for step in steps:
        conversation_id = conversation_id or step.conversation_id
        user_id = user_id or step.user_id
        tags = tags or step.tags
        for key, value in step.metadata.items() if step.metadata else ():
            if not is_machinery(key):
                metadata.setdefault(key, value)
    conversation_id = conversation_id or _named(metadata, CONVERSATION_NAMES)
    user_id = user_id or _named(metadata, USER_NAMES)
    return conversation_id, user_id, tags, metadata or None


def _named(metadata: dict[str, Value], names: Sequence[str]) -> str | None:
    """What the app's own metadata says under a name that frameworks use for it; it is said once then."""
    for name in names:
        value = metadata.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            del metadata[name]
            return str(value)
    return None


def _documents(unit: Node, below: Sequence[Node]) -> tuple[Document, ...]:
    """What was found on the way, each once: a retriever inside a retriever, or a reranker, tells of the same."""
    once: dict[tuple[str | None, str], Document] = {}
    for node in (unit, *below):
        for document in node.step.documents:
            once.setdefault((document.id, document.content), document)
    return tuple(once.values())


def _skipped(turn: Turn, below: Sequence[Node]) -> int:
    """GenAI steps of the run that a reviewer is spared."""
    inside = set(below)
    for call in turn.calls:
        inside.add(call)
        if call.children:
            inside.update(call.below())
    inside.discard(turn.answer_node)
    if turn.unit.kind in COMPOSITE:  # the run itself is no step of it
        inside.discard(turn.unit)
    return len(inside)


def _fates(
    nodes: Sequence[Node], kept: Sequence[Pair], found: Sequence[Pair]
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    out: dict[tuple[str, str], list[str]] = {
        (node.trace_id, node.step.span.span_id): list(dict.fromkeys(node.fate)) if node.fate else [] for node in nodes
    }
    for pair in kept:
        out.setdefault((pair.trace_id, pair.prompt_span_id), []).append("prompt")
        out.setdefault((pair.trace_id, pair.answer_span_id), []).append("answer")
        out.setdefault((pair.trace_id, pair.unit_span_id), []).append("unit")
    remaining = {key_of(p) for p in kept}
    for pair in found:
        if key_of(pair) not in remaining:
            out.setdefault((pair.trace_id, pair.unit_span_id), []).append("inner_pair")
    return {key: tuple(words) for key, words in out.items()}
