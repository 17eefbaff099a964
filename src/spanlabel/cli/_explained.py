"""What became of the spans and pairs of one trace, for `spanlabel explain` in any format."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spanlabel.dialects import Readers
from spanlabel.model import ContentState, Kind, Pair, Step, Trace
from spanlabel.model.tree import Tree
from spanlabel.pairing import Reading, reconstruct
from spanlabel.pairing.mended import mended_parents
from spanlabel.records import record_id, record_of
from spanlabel.rules import Dropped, Rule, applied

if TYPE_CHECKING:
    from spanlabel.rules.admission import Admission
    from spanlabel.rules.redaction import Redaction

NOT_CAPTURED = frozenset({ContentState.ABSENT, ContentState.REDACTED, ContentState.EXTERNAL})
"""States in which a side has no text."""

_LOOK_BACK = 64
"""How many earlier pairs are compared with a trace without one: keeps a large file linear."""

_ROLES = frozenset({"unit", "prompt", "answer"})


@dataclass(frozen=True, slots=True)
class FoundPair:
    """A pair and what comes of it.

    Attributes:
        number: Counted from 1 within its trace.
        pair: The pair.
        record_id: Id of its record.
        dropped: Name of the rule that drops it; None if it gives a record.
        why: What that rule says of it; "" if it gives a record.
        is_hidden: Its texts are not to be shown, because they could not be redacted.
    """

    number: int
    pair: Pair
    record_id: str
    dropped: str | None = None
    why: str = ""
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Explained:
    """One trace, read.

    Attributes:
        trace: Its steps.
        steps: Its steps by span id.
        tree: Its spans as pairing takes them: orphans below the run that took them in, leaked runs apart.
        pairs: By start.
        fates: For each span id what became of the span, as words of `spanlabel.pairing.words.FATES`, without those
            that say which part of a pair it gave.
        roles: For each span id which part of which pair it gave: "unit", "prompt", "answer", and the pair's number.
        inner_of: The pairs of other traces of which something in this trace is a step.
        within: Of a trace without a pair: those of the same service whose time holds it.
        switches: For each dialect the setting that decides whether content is captured; "" if it has none.
    """

    trace: Trace
    steps: Mapping[str, Step]
    tree: Tree
    pairs: tuple[FoundPair, ...]
    fates: Mapping[str, tuple[str, ...]]
    roles: Mapping[str, tuple[tuple[str, int], ...]]
    inner_of: tuple[Pair, ...]
    within: tuple[Pair, ...]
    switches: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a pair must pass, as `spanlabel.compose` makes it of the settings.

    Attributes:
        rules: Those that look at one pair.
        admission: Those that look back; None if there are none.
        redaction: The one of *rules* that hides what is private: all else that is shown is redacted by it too.
    """

    rules: Sequence[Rule]
    admission: Admission | None = None
    redaction: Redaction | None = None


def explained(traces: Sequence[Trace], readers: Readers, rules: Rules) -> Iterator[Explained]:
    """Pair all traces together, as what belongs together may lie in several, and explain each.

    Args:
        traces: All that was read.
        readers: The dialects that they were read with.
        rules: What a pair must pass.
    """
    reading = reconstruct(traces)
    fate_of = _fates_of(reading.pairs, traces, rules)
    above = mended_parents(traces)
    switches = {dialect.name: dialect.switch for dialect in readers.dialects}
    by_trace: dict[str, list[Pair]] = {}
    by_text: dict[str, list[Pair]] = {}
    for pair in reading.pairs:
        by_trace.setdefault(pair.trace_id, []).append(pair)
        for text in {pair.prompt, pair.answer}:
            by_text.setdefault(text, []).append(pair)
    starts = [pair.start_ns for pair in reading.pairs]
    for trace in traces:
        pairs = tuple(
            replace(fate_of[_key(pair)], number=number)
            for number, pair in enumerate(by_trace.get(trace.trace_id, ()), 1)
        )
        fates = {
            step.span.span_id: tuple(word for word in _words(reading, step) if word not in _ROLES)
            for step in trace.steps
        }
        is_inner = any("inner_pair" in words for words in fates.values())
        inner_of = _outer_pairs(trace, by_text) if is_inner else ()
        within = () if pairs else _around(trace, reading.pairs, starts)
        tree = _tree(trace, fates, above)
        if rules.redaction is not None:
            trace = replace(trace, steps=tuple(map(rules.redaction.step, trace.steps)))  # noqa: PLW2901 - as it is shown
        steps = {step.span.span_id: step for step in trace.steps}
        yield Explained(trace, steps, tree, pairs, fates, _roles(pairs), inner_of, within, switches)


def _words(reading: Reading, step: Step) -> tuple[str, ...]:
    return reading.fates.get((step.span.trace_id, step.span.span_id), ())


def _key(pair: Pair) -> str:
    return record_id(pair.trace_id, pair.unit_span_id, pair.turn)


def _fates_of(pairs: Sequence[Pair], traces: Sequence[Trace], rules: Rules) -> dict[str, FoundPair]:
    """Put all pairs through the rules; by record id, each with number 0."""
    by_id = {trace.trace_id: trace for trace in traces}
    fates: dict[str, FoundPair] = {}
    passed: list[Pair] = []
    for pair in pairs:
        made_id = _key(pair)
        result = applied(rules.rules, pair, by_id[pair.trace_id])
        if isinstance(result, Pair):
            passed.append(result)
            fates[made_id] = FoundPair(0, result, made_id)
            continue
        shown = pair if rules.redaction is None else rules.redaction(pair, by_id[pair.trace_id])
        is_hidden = isinstance(shown, Dropped)
        fates[made_id] = FoundPair(
            0, pair if isinstance(shown, Dropped) else shown, made_id, result.rule, result.why, is_hidden
        )
    if rules.admission is not None and passed:
        records = [record_of(pair) for pair in passed]
        decided = rules.admission.take(records, again=(), now_s=0)
        for record, one in zip(records, decided, strict=True):
            if isinstance(one, Dropped):
                fates[record.id] = replace(fates[record.id], dropped=one.rule, why=one.why)
    return fates


def _roles(pairs: Sequence[FoundPair]) -> dict[str, tuple[tuple[str, int], ...]]:
    roles: dict[str, tuple[tuple[str, int], ...]] = {}
    for found in pairs:
        pair = found.pair
        for role, span_id in (
            ("unit", pair.unit_span_id),
            ("prompt", pair.prompt_span_id),
            ("answer", pair.answer_span_id),
        ):
            roles[span_id] = (*roles.get(span_id, ()), (role, found.number))
    return roles


def _tree(trace: Trace, fates: Mapping[str, tuple[str, ...]], above: Mapping[tuple[str, str], str | None]) -> Tree:
    """The tree of the spans, with those links mended that pairing mended."""
    spans = []
    for step in trace.steps:
        words = fates[step.span.span_id]
        if "leaked_context" in words:
            spans.append(replace(step.span, parent_id=None))
        elif "adopted_orphan" in words:
            spans.append(replace(step.span, parent_id=above[trace.trace_id, step.span.span_id]))
        else:
            spans.append(step.span)
    return Tree.of(spans)


def _outer_pairs(trace: Trace, by_text: Mapping[str, Sequence[Pair]]) -> tuple[Pair, ...]:
    """The pairs of other traces whose time holds this one's start and that share a text with it."""
    first_ns = min(step.span.start_ns for step in trace.steps)
    texts = {
        text.strip(): None
        for step in trace.steps
        for text in (step.input_text, step.output_text, *(m.text for m in (*step.input, *step.output)))
        if text
    }
    found = {
        (pair.trace_id, pair.unit_span_id, pair.turn): pair
        for text in texts
        for pair in by_text.get(text, ())
        if pair.trace_id != trace.trace_id and pair.start_ns <= first_ns <= pair.end_ns
    }
    return tuple(found.values())


def _around(trace: Trace, pairs: Sequence[Pair], starts: Sequence[int]) -> tuple[Pair, ...]:
    """The pairs of the same service whose time holds the whole trace; of many only the ones that began last."""
    first_ns = min(step.span.start_ns for step in trace.steps)
    last_ns = max(step.span.end_ns for step in trace.steps)
    service = trace.steps[0].span.resource.get("service.name")
    before = pairs[max(0, bisect_right(starts, first_ns) - _LOOK_BACK) : bisect_right(starts, first_ns)]
    return tuple(pair for pair in before if pair.end_ns >= last_ns and pair.service == service)


def missing_sides(step: Step) -> tuple[str, ...]:
    """Which sides of a model call have no text: "question", "answer"; of an error nothing is expected."""
    if step.kind is not Kind.LLM or step.is_error:
        return ()
    sides = (("question", step.input_state), ("answer", step.output_state))
    return tuple(side for side, state in sides if state in NOT_CAPTURED)
