"""Builders of pairs and records."""

from __future__ import annotations

from spanlabel.model import Message, Pair, Record, Text, Usage
from spanlabel.records import record_of

from .spans import EPOCH_NS, span_id, trace_id


def make_pair(
    number: int = 1,
    *,
    prompt: str | None = None,
    answer: str | None = None,
    conversation: str | None = None,
    service: str = "app",
    model: str = "gpt-4o-mini",
) -> Pair:
    """Make a pair as a root model call gives it; pairs of equal numbers belong to the same run.

    Args:
        number: Which run; it is also how many seconds after `EPOCH_NS` it began.
        prompt: What was asked; by default a text with the number.
        answer: What was answered; the same.
        conversation: Id of the conversation.
        service: Name of the service.
        model: The model that answered.
    """
    asked = f"question {number}" if prompt is None else prompt
    answered = f"answer {number}" if answer is None else answer
    start_ns = EPOCH_NS + number * 10**9
    return Pair(
        trace_id=trace_id(number),
        unit_span_id=span_id(1),
        turn=0,
        prompt=asked,
        answer=answered,
        answers=(answered,),
        messages=(Message("user", (Text(asked),)),),
        prompt_span_id=span_id(1),
        answer_span_id=span_id(1),
        start_ns=start_ns,
        end_ns=start_ns + 1_500 * 10**6,
        confidence=0.95,
        reasons=("single_call",),
        service=service,
        model=model,
        provider="openai",
        conversation_id=conversation,
        usage=Usage(12, 34),
        dialects=("otel_genai",),
    )


def make_record(
    number: int = 1,
    *,
    prompt: str | None = None,
    answer: str | None = None,
    conversation: str | None = None,
    service: str = "app",
    model: str = "gpt-4o-mini",
) -> Record:
    """Make the record of `make_pair` with the same arguments."""
    pair = make_pair(number, prompt=prompt, answer=answer, conversation=conversation, service=service, model=model)
    return record_of(pair)
