"""Turns: candidates for a pair, and when two of them are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from spanlabel.model import Kind, Message

from ._habits import bare_question
from ._node import RUNS, SLACK_NS, Node
from ._text import texts_of

MIN_SHARED: Final = 8
"""Shorter texts occur in others by chance."""

LOOK_BACK: Final = 32
"""How many earlier turns of a group one is compared with: keeps a trace of 10 000 calls linear."""


@dataclass(slots=True)
class Turn:
    """A question and perhaps its answer, and what they were read from.

    Attributes:
        unit: The node whose run this is.
        prompt: The question; None if there is none.
        answer: The answer; None if there is none yet.
        answers: All choices.
        chat: The conversation up to the question.
        prompt_node: Where the question was read.
        answer_node: Where the answer was read.
        start_ns: Start of the first node.
        end_ns: End of the last node.
        calls: The model calls in it, by start.
        asked: The input of its first model call, or the unit's own: what it knew when it began.
        is_failed: It ended in an error.
        reasons: Stable words.
        penalty: What the reasons take off the confidence.
    """

    unit: Node
    prompt: str | None
    answer: str | None
    answers: tuple[str, ...]
    chat: tuple[Message, ...]
    prompt_node: Node
    answer_node: Node
    start_ns: int
    end_ns: int
    calls: list[Node]
    asked: tuple[Message, ...]
    is_failed: bool = False
    reasons: list[str] = field(default_factory=list)
    penalty: float = 0.0
    known: _Known | None = None

    def lower(self, reason: str, by: float = 0.0) -> None:
        """Note a reason and what it takes off."""
        if reason not in self.reasons:
            self.reasons.append(reason)
            self.penalty += by


class _Known:
    """Texts that a turn knew when it began, each kind read once and only when it is asked for."""

    __slots__ = ("_given", "_messages", "_replies")

    def __init__(self, messages: tuple[Message, ...]) -> None:
        self._messages = messages
        self._replies: frozenset[str] | None = None
        self._given: list[str] | None = None

    @property
    def replies(self) -> frozenset[str]:
        """What the assistant had said."""
        if self._replies is None:
            self._replies = frozenset(texts_of(self._messages, "assistant"))
        return self._replies

    @property
    def given(self) -> list[str]:
        """What the others had said, and what tools had given."""
        if self._given is None:
            self._given = texts_of(self._messages, "user", "system", "tool")
        return self._given


def known_of(turn: Turn) -> _Known:
    if turn.known is None:
        turn.known = _Known(turn.asked)
    return turn.known


def merged(turns: list[Turn], *, is_request: bool) -> list[Turn]:
    """Join the turns of one group that are one turn, and keep the others apart.

    Args:
        turns: In any order.
        is_request: The group serves one request, so what follows one another there belongs together.
    """
    if len(turns) < 2:
        return turns
    ordered = sorted(turns, key=_moment)
    groups: list[list[Turn]] = []
    for turn in ordered:
        related: list[list[Turn]] = []
        for group in reversed(groups[-LOOK_BACK:]):
            relation = _relation(group, turn, is_request=is_request)
            if relation is None:
                continue
            if related and relation[0] not in _GATHERING:
                continue
            turn.lower(*relation)
            related.append(group)
            if relation[0] not in _GATHERING:
                break
        if not related:
            groups.append([turn])
            continue
        home = related[-1]
        for group in related[:-1]:
            home.extend(group)
            groups = [g for g in groups if g is not group]
        if len(related) > 1:
            home.sort(key=_moment)
        home.append(turn)
    return [_joined(group) for group in groups]


def _moment(turn: Turn) -> tuple[int, int, str]:
    return (turn.start_ns, turn.end_ns, turn.unit.step.span.span_id)


_GATHERING: Final = frozenset({"merged:dataflow", "same_request"})
"""Relations by which one turn may take up several parallel ones (map, then reduce)."""


def _relation(group: list[Turn], later: Turn, *, is_request: bool) -> tuple[str, float] | None:
    """Why *later* belongs to the group, with what it takes off the confidence; None if it does not."""
    best: tuple[str, float] | None = None
    for earlier in group[-LOOK_BACK:]:
        if earlier.end_ns > later.start_ns + SLACK_NS:
            continue
        known = known_of(later)
        differs = earlier.prompt != later.prompt
        if earlier.answer and differs and (earlier.answer in known.replies or _goes_on_to_ask(earlier, later)):
            return None  # a further question of the conversation
        if best is None:
            best = _one(earlier, later, known, is_request=is_request)
    return best


def _goes_on_to_ask(earlier: Turn, later: Turn) -> bool:
    """Whether a run of the same agent asks something new after the earlier question, which it remembers.

    Its memory may hold the answer in other words than the run gave it (code, a tool's arguments).
    """
    if earlier.unit.kind not in RUNS or earlier.unit.step.span.name != later.unit.step.span.name:
        return False
    asked = [bare_question(m.text.strip()) for m in later.asked if m.role == "user" and m.text.strip()]
    return len(asked) > 1 and asked[-1] == later.prompt and earlier.prompt in asked[:-1]


def _one(earlier: Turn, later: Turn, known: _Known, *, is_request: bool) -> tuple[str, float] | None:
    if later.prompt is None and earlier.answer is None and _serves(earlier, later):
        return ("merged:continues", 0.0)
    if earlier.prompt is not None and earlier.prompt == later.prompt:
        goes_on = len(later.asked) > len(earlier.asked) and any(m.tool_results for m in later.asked)
        both_runs = earlier.unit.kind in RUNS and later.unit.kind in RUNS
        if earlier.answer is None or earlier.is_failed or goes_on or both_runs:
            return ("merged:continues", 0.0)
    if earlier.answer and flows(earlier.answer, known.given):
        return ("merged:dataflow", 0.1)
    a, b = earlier.prompt, later.prompt
    if a and b and a != b and min(len(a), len(b)) >= MIN_SHARED and (a in b or b in a):
        return ("merged:rewrite", 0.1)
    if is_request:
        return ("same_request", 0.3)
    return None


def _serves(earlier: Turn, later: Turn) -> bool:
    """Whether the later call was given only what tools answered to the earlier one (a stored conversation)."""
    served = {result.id for m in later.asked for result in m.tool_results if result.id}
    return bool(served) and any(
        call.id in served for node in earlier.calls for m in node.step.output for call in m.tool_calls
    )


def flows(answer: str, texts: Sequence[str]) -> bool:
    """Whether an answer is one of these texts or, if it is long enough to tell, a part of one."""
    if len(answer) < MIN_SHARED:
        return answer in texts
    for text in texts:  # noqa: SIM110 - `any` takes twice as long, and this is asked of any two turns
        if answer in text:
            return True
    return False


def _joined(group: list[Turn]) -> Turn:
    """One turn out of several: the first question, the answer that ended last."""
    if len(group) == 1:
        return group[0]
    first = next((t for t in group if t.prompt), group[0])
    answered = [t for t in group if t.answer and not t.is_failed] or [t for t in group if t.answer]
    last = max(answered, key=lambda t: t.end_ns) if answered else group[-1]
    reasons = {reason for t in group for reason in t.reasons}
    if "merged:rewrite" in reasons:
        asked = [
            t for t in group if t.prompt and first.prompt and (t.prompt in first.prompt or first.prompt in t.prompt)
        ]
        first = min(asked, key=lambda t: len(t.prompt or ""), default=first)
    elif "same_request" in reasons and last.prompt:
        first = last
    turn = Turn(
        first.unit,
        first.prompt,
        last.answer,
        last.answers,
        first.chat,
        first.prompt_node,
        last.answer_node,
        min(t.start_ns for t in group),
        max(t.end_ns for t in group),
        [call for t in group for call in t.calls],
        group[0].asked,
        is_failed=not answered and any(t.is_failed for t in group),
    )
    kept = {id(first), id(last)}
    for t in group:
        for reason in t.reasons:
            if reason.startswith(("merged", "same_request")) or id(t) in kept:
                turn.reasons.append(reason) if reason not in turn.reasons else None
    turn.penalty = max(t.penalty for t in group)
    return turn


def is_call(node: Node) -> bool:
    """Whether the node is a model call."""
    return node.kind is Kind.LLM
