"""Record → LLM event. Pure.

An event, as Trubrics' SDK 1.8.5 sends it::

    {"user_id": .., "prompt": .., "generation": ..,
     "prompt_event_name": "Prompt", "generation_event_name": "Generation",
     "assistant_id": <the model>, "thread_id": <the conversation>,
     "timestamp": <when the answer was there, ISO 8601>, "latency": <seconds>,
     "properties": {"spanlabel_id": .., "trace_id": .., "tags": [..], <all other metadata>}}

What is not known is null, but for the timestamp, which is left out: Trubrics then takes the time of arrival.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from spanlabel.model import MetadataValue, Record
from spanlabel.records.metadata import is_time

ID = "spanlabel_id"
"""The property that holds the record's id. Trubrics does nothing with it; a person can find doubles by it."""

_ELSEWHERE = {"user_id", "model", "conversation_id", "latency_ms", "time"}  # facts that an event has a place for

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_event(record: Record, *, default_user_id: str) -> dict[str, Any]:
    """Make the event of a record: equal records give equal events.

    Args:
        record: Of its answers the first is the generation, the others are the property `other_answers`.
        default_user_id: For a record that names no user.
    """
    facts = record.metadata
    latency_ms = facts.get("latency_ms")
    latency_s = latency_ms / 1_000 if isinstance(latency_ms, int | float) else None
    event: dict[str, Any] = {
        "user_id": facts.get("user_id", default_user_id),
        "prompt": record.prompt,
        "generation": record.answer,
        "prompt_event_name": "Prompt",
        "generation_event_name": "Generation",
        "assistant_id": facts.get("model"),
        "properties": _properties(record),
        "latency": latency_s,
        "thread_id": facts.get("conversation_id"),
    }
    if is_time(record.time_ns):
        answered = _EPOCH + timedelta(microseconds=record.time_ns // 1_000, seconds=latency_s or 0.0)
        event["timestamp"] = answered.isoformat()
    return event


def _properties(record: Record) -> dict[str, Any]:
    properties: dict[str, Any] = {ID: record.id, "trace_id": record.trace_id}
    properties |= {name: _plain(fact) for name, fact in record.metadata.items() if name not in _ELSEWHERE}
    if len(record.answers) > 1:
        properties["other_answers"] = list(record.answers[1:])
    return properties


def _plain(fact: MetadataValue) -> Any:
    return list(fact) if isinstance(fact, tuple) else fact
