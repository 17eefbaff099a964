"""What is written to a platform: the same for every platform, ready for its preset to map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from .message import Message
from .step import Document, Evaluation

MetadataValue: TypeAlias = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One pair, cleaned and capped.

    No text in a record holds NUL or a lone surrogate, and none is longer than the cap; what was cut
    ends in a visible mark.

    Attributes:
        id: UUID text; the same spans give the same id on every seat, replay and replica.
        trace_id: 32 lower-case hex digits.
        prompt: What the user asked.
        answer: What the application finally answered.
        answers: All choices; the first is `answer`.
        messages: The conversation up to the answer.
        metadata: Flat facts under stable names (`model`, `service`, `conversation_id`, `latency_ms`,
            `confidence`, ...); a fact that is not known has no key.
        documents: What was retrieved on the way.
        suggestions: Judgements found on the spans, to be offered to the reviewer.
        time_ns: Start of the unit, Unix time in nanoseconds.
    """

    id: str
    trace_id: str
    prompt: str
    answer: str
    answers: tuple[str, ...]
    messages: tuple[Message, ...]
    metadata: Mapping[str, MetadataValue]
    documents: tuple[Document, ...] = ()
    suggestions: tuple[Evaluation, ...] = ()
    time_ns: int = 0
