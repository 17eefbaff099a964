"""An explained trace in the types that JSON has: `spanlabel explain --format json`.

::

    {"trace_id", "ready": why it was read,
     "spans": [{"span_id", "parent_id": as sent, "below": as pairing takes it, "name", "kind", "scope",
                "dialects": [..], "start_ns", "duration_ns", "model", "agent", "tool", "input_state",
                "output_state", "is_error", "status_message", "fates": [word, ..],
                "roles": [{"role": "unit" | "prompt" | "answer", "pair": number}, ..]}, ..],
     "pairs": [{"number", "dropped": rule or null, "why": what the rule says or null, "confidence", "turn",
                "unit_span_id", "prompt_span_id", "answer_span_id",
                "reasons": [{"word", "off": figure or null, "meaning"}, ..],
                "record": as `spanlabel.records` shows it, null if it could not be redacted}, ..],
     "why_not": sentences, if there is no pair}
"""

from __future__ import annotations

from typing import Any

from spanlabel.model import Pair, Step
from spanlabel.pairing import words
from spanlabel.records import record_of, to_dict

from ._explained import Explained, FoundPair
from ._why_not import why_not


def trace_dict(found: Explained) -> dict[str, Any]:
    """Show one."""
    return {
        "trace_id": found.trace.trace_id,
        "ready": found.trace.ready.value,
        "spans": [_span_dict(found, span_id) for span_id in found.tree.walk()],
        "pairs": [_pair_dict(pair) for pair in found.pairs],
        "why_not": [] if found.pairs else why_not(found),
    }


def _span_dict(found: Explained, span_id: str) -> dict[str, Any]:
    step: Step = found.steps[span_id]
    span = step.span
    return {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "below": found.tree.parent[span_id],
        "name": span.name,
        "kind": step.kind.value,
        "scope": span.scope.name,
        "dialects": list(step.dialects),
        "start_ns": span.start_ns,
        "duration_ns": span.end_ns - span.start_ns,
        "model": step.model,
        "agent": step.agent,
        "tool": step.tool_name,
        "input_state": step.input_state.value,
        "output_state": step.output_state.value,
        "is_error": step.is_error,
        "status_message": span.status_message,
        "roles": [{"role": role, "pair": number} for role, number in found.roles.get(span_id, ())],
        "fates": list(found.fates[span_id]),
    }


def _pair_dict(found: FoundPair) -> dict[str, Any]:
    pair = found.pair
    return {
        "number": found.number,
        "dropped": found.dropped,
        "why": found.why or None,
        "confidence": pair.confidence,
        "turn": pair.turn,
        "unit_span_id": pair.unit_span_id,
        "prompt_span_id": pair.prompt_span_id,
        "answer_span_id": pair.answer_span_id,
        "reasons": _reasons(pair),
        "record": None if found.is_hidden else to_dict(record_of(pair)),
    }


def _reasons(pair: Pair) -> list[dict[str, Any]]:
    figures = words.taken_off(pair.reasons, pair.confidence) or (None,) * len(pair.reasons)
    return [
        {"word": word, "off": figure, "meaning": words.reason(word).meaning}
        for word, figure in zip(pair.reasons, figures, strict=True)
    ]
