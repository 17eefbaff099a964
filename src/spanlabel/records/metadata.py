"""The flat facts beside a record, under names that stay.

A fact that is not known has no key::

    model provider service agent conversation_id user_id     text
    latency_ms input_tokens output_tokens                    whole numbers
    skipped_steps                                            GenAI steps that the reviewer is spared
    trace_id span_id turn                                    where it was found; with them its spans are looked up
    confidence reasons dialects                              how it was found
    prompt_state answer_state                                only if the content did not come whole
    time                                                     start of the unit, ISO 8601, UTC, milliseconds
    sample_probability sample_reason duplicates              how it was chosen, if there are rules for that
    tags                                                     the app's labels
    app.KEY                                                  the app's own facts; nested ones as app.KEY.KEY
    app_left_out answers_left_out ...                        how many did not fit
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from spanlabel.model import ContentState, MetadataValue, Pair, Value

from .cleaning import MAX_DEPTH, Room, clean_text

MAX_FACT = 1_000
"""Characters of one fact, and of one key."""

MAX_APP_FACTS = 50
"""Facts of the app's own on one record."""

MAX_TAGS = 50
"""Entries of a list among the facts."""

_INT64 = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def metadata_of(pair: Pair) -> dict[str, MetadataValue]:
    """Gather what is known of a pair."""
    facts: dict[str, MetadataValue | None] = {
        "model": pair.model,
        "provider": pair.provider,
        "service": pair.service,
        "agent": pair.agent,
        "conversation_id": pair.conversation_id,
        "user_id": pair.user_id,
        "latency_ms": _latency_ms(pair),
        "input_tokens": pair.usage.input_tokens,
        "output_tokens": pair.usage.output_tokens,
        "skipped_steps": pair.skipped_steps,
        "confidence": round(pair.confidence, 3),
        "reasons": pair.reasons,
        "dialects": pair.dialects,
        "prompt_state": _unless_present(pair.prompt_state),
        "answer_state": _unless_present(pair.answer_state),
        "time": _iso(pair.start_ns),
        "trace_id": pair.trace_id,
        "span_id": pair.unit_span_id,
        "turn": pair.turn,
        "tags": pair.tags,
    }
    if pair.noted:
        facts |= pair.noted
    known = {name: cleaned for name, fact in facts.items() if (cleaned := _clean(fact)) is not None}
    return known | _app_facts(pair.metadata or {})


def _app_facts(given: Mapping[str, Value]) -> dict[str, MetadataValue]:
    # Sorted, so that which facts fit does not depend on the seat that the span came through.
    flat = sorted(_flatten("app", given, 0), key=lambda fact: fact[0])
    facts: dict[str, MetadataValue] = {}
    left_out = 0
    for name, value in flat:
        if name in facts or (cleaned := _clean(value)) is None:
            continue
        if len(facts) < MAX_APP_FACTS:
            facts[name] = cleaned
        else:
            left_out += 1
    if left_out:
        facts["app_left_out"] = left_out
    return facts


def _flatten(prefix: str, values: Mapping[str, Value], depth: int) -> Iterator[tuple[str, MetadataValue | None]]:
    for key, value in values.items():
        name = clean_text(f"{prefix}.{key}", MAX_FACT)
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from _flatten(name, value, depth + 1)
        elif isinstance(value, str | int | float) or value is None:
            yield name, value
        elif isinstance(value, Sequence) and not isinstance(value, bytes):
            yield name, tuple(_as_text(item) for item in value[:MAX_TAGS])
        else:
            yield name, _as_text(value)


def _as_text(value: Value) -> str:
    return str(Room(MAX_FACT).value(value))


def _clean(fact: MetadataValue | None) -> MetadataValue | None:
    """Clean one fact; None if there is nothing to tell."""
    if isinstance(fact, str):
        return clean_text(fact, MAX_FACT) or None
    if isinstance(fact, tuple):
        return tuple(clean_text(item, MAX_FACT) for item in fact[:MAX_TAGS]) or None
    if fact is None or isinstance(fact, bool) or (isinstance(fact, int) and -_INT64 <= fact < _INT64):
        return fact
    value = Room(MAX_FACT).value(fact)
    return value if isinstance(value, str | int | float) else None


def _unless_present(state: ContentState) -> str | None:
    return None if state is ContentState.PRESENT else state.value


def is_time(time_ns: int) -> bool:
    """Tell whether a span's time was sent and fits a database (1970 to 2262)."""
    return 0 < time_ns < _INT64


def _latency_ms(pair: Pair) -> int | None:
    if not (is_time(pair.start_ns) and is_time(pair.end_ns)):
        return None
    return max(0, round((pair.end_ns - pair.start_ns) / 1_000_000))


def _iso(time_ns: int) -> str | None:
    if not is_time(time_ns):
        return None
    moment = _EPOCH + timedelta(microseconds=time_ns // 1_000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
