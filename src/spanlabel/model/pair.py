"""A question that came in at the root and the answer that finally went out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .message import Message
from .span import Value
from .step import ContentState, Document, Evaluation, Usage


@dataclass(frozen=True, slots=True)
class Pair:
    """One unit of review.

    Attributes:
        trace_id: 32 lower-case hex digits.
        unit_span_id: The span whose run this is; with `trace_id` and `turn` it makes the record's id.
        turn: 0 for a unit's first question, 1 for its second, ...
        prompt: What the user asked.
        answer: What the application finally answered: the first of `answers`.
        answers: All choices, where the model was asked for several.
        messages: The conversation up to the answer: system, history, prompt; without the answer and
            without this run's own tool turns.
        prompt_span_id: The span that the prompt was read from.
        answer_span_id: The span that the answer was read from.
        start_ns: Start of the unit, Unix time in nanoseconds.
        end_ns: End of the unit, Unix time in nanoseconds.
        confidence: 0 to 1.
        reasons: Stable words that say how the pair was found and what lowered the confidence.
        service: `service.name` of the process; None if not given.
        model: The model that gave the answer; None if unknown.
        provider: Its provider; None if unknown.
        agent: Name of the agent; None if there was none.
        conversation_id: None if unknown.
        user_id: None if unknown.
        usage: Token counts, summed over the model calls of the unit.
        tags: Labels that the app set.
        metadata: Further facts that the app set.
        documents: What was retrieved on the way.
        evaluations: Judgements found on the spans.
        prompt_state: What became of the prompt's content on its way here.
        answer_state: The same for the answer.
        skipped_steps: GenAI steps between prompt and answer that a reviewer is spared
            (tool calls, thoughts, inner chains), the step that answered not counted.
        dialects: Names of the dialects that the prompt and the answer were read with.
        noted: What rules say of how the pair was chosen, by the name it gets in the record's metadata.
    """

    trace_id: str
    unit_span_id: str
    turn: int
    prompt: str
    answer: str
    answers: tuple[str, ...]
    messages: tuple[Message, ...]
    prompt_span_id: str
    answer_span_id: str
    start_ns: int
    end_ns: int
    confidence: float
    reasons: tuple[str, ...]
    service: str | None = None
    model: str | None = None
    provider: str | None = None
    agent: str | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    usage: Usage = Usage()
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Value] | None = None
    documents: tuple[Document, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    prompt_state: ContentState = ContentState.PRESENT
    answer_state: ContentState = ContentState.PRESENT
    skipped_steps: int = 0
    dialects: tuple[str, ...] = ()
    noted: Mapping[str, str | int | float] | None = None
