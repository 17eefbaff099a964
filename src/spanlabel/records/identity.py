"""The record's id: the same spans give the same id on every seat, replay and replica."""

from __future__ import annotations

from uuid import NAMESPACE_DNS, uuid5

NAMESPACE = uuid5(NAMESPACE_DNS, "record.spanlabel")
"""Namespace of all record ids. Never to change: every id that a platform holds was made with it."""


def record_id(trace_id: str, unit_span_id: str, turn: int) -> str:
    """Make a record's id.

    Args:
        trace_id: 32 lower-case hex digits.
        unit_span_id: 16 lower-case hex digits.
        turn: 0 for a unit's first question, 1 for its second, ...

    Returns:
        UUID text, version 5.
    """
    return str(uuid5(NAMESPACE, f"{trace_id}:{unit_span_id}:{turn}"))
