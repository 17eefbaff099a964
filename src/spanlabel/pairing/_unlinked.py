"""Steps of a run whose instrumentation links none of them to it: LangChain.js under OpenLLMetry.

Each step is a trace of its own, or lies beside its run under the app's span (traces-other.md 3.3). What belongs to
which run is told by time and by what was said.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from spanlabel.model import Kind, Pair

from ._habits import WITHOUT_PARENTS
from ._node import COMPOSITE, SLACK_NS, Node, order
from ._text import question_of, run_answer
from ._turn import MIN_SHARED

MAX_STEPS: Final = 64
"""How many pairs by start are asked whether they are steps of one run: keeps hostile input linear."""


def drop_unlinked_steps(pairs: Sequence[Pair], nodes: Iterable[Node]) -> list[Pair]:
    """Take out pairs that are steps of a run that no link leads to.

    A pair is a step if it ran within the time of a run or a tool call, under another name, and its question is
    theirs, holds it, or holds what an earlier step answered; or if it answered what the run did. The run's own pair
    takes the conversation of a step with the same question where that knows more (the system prompt).

    Args:
        pairs: The pairs of a window.
        nodes: All its GenAI nodes.
    """
    known = {(n.trace_id, n.step.span.span_id): n for n in nodes if n.step.span.scope.name == WITHOUT_PARENTS}
    flat = [p for p in pairs if (p.trace_id, p.unit_span_id) in known]
    if len(known) < 2 or not flat:
        return list(pairs)
    flat.sort(key=lambda p: (p.start_ns, p.end_ns, p.trace_id, p.unit_span_id))
    gone: set[int] = set()
    richer: dict[tuple[str, str], Pair] = {}
    for key, run in sorted(known.items(), key=lambda item: order(item[1])):
        for step in _steps(run, flat, known, gone):
            gone.add(id(step))
            if run.kind in COMPOSITE:
                richer.setdefault(key, step)
    return [_with_chat(p, richer.get((p.trace_id, p.unit_span_id))) for p in pairs if id(p) not in gone]


def _steps(run: Node, flat: Sequence[Pair], known: dict[tuple[str, str], Node], gone: set[int]) -> Iterable[Pair]:
    """The pairs that are steps of one run, by start."""
    asked = question_of(run.step) if run.kind in COMPOSITE or run.kind is Kind.TOOL else None
    if asked is None:
        return
    answer = run_answer(run.step)
    texts = [asked.text]
    first = bisect_left(flat, run.start_ns - SLACK_NS, key=lambda p: p.start_ns)
    for pair in flat[first : first + MAX_STEPS]:
        if pair.start_ns > run.end_ns:
            return
        unit = known[pair.trace_id, pair.unit_span_id]
        if id(pair) in gone or not _within(unit, pair, run):
            continue
        is_last = answer is not None and answer.text == pair.answer
        if is_last or any(_goes_into(text, pair.prompt) for text in texts):
            texts.append(pair.answer)
            yield pair
        elif run.kind is Kind.TOOL and _goes_into(pair.prompt, asked.text):
            yield pair


def _within(unit: Node, pair: Pair, run: Node) -> bool:
    a, b = unit.step.span, run.step.span
    shorter = pair.end_ns - pair.start_ns < run.end_ns - run.start_ns
    return shorter and pair.end_ns <= run.end_ns + SLACK_NS and a.name != b.name and a.resource == b.resource


def _goes_into(text: str, other: str) -> bool:
    return text in other if len(text) >= MIN_SHARED else text == other


def _with_chat(pair: Pair, step: Pair | None) -> Pair:
    if step is None or step.prompt != pair.prompt or len(step.messages) <= len(pair.messages):
        return pair
    return replace(pair, messages=step.messages)
