"""Record → row of the embedded store, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from spanlabel.model import Record
from spanlabel.records import from_dict, json_fields

Cell: TypeAlias = str | int | float | None

_FACTS = (
    "time",
    "model",
    "provider",
    "service",
    "conversation_id",
    "confidence",
    "skipped_steps",
    "latency_ms",
    "input_tokens",
    "output_tokens",
)
_TEXTS = ("id", "trace_id", "prompt", "answer", "time_ns")
_LISTS = ("answers", "messages", "metadata", "documents", "suggestions")

COLUMNS = (*_TEXTS, *_LISTS, *_FACTS, "reasons")
"""The columns that a record fills."""

READ_COLUMNS = (*_TEXTS, *_LISTS)
"""The columns that a record is read back from; the others repeat what is in `metadata`."""


def to_row(record: Record) -> dict[str, Cell]:
    """Fill `COLUMNS` from a record."""
    row: dict[str, Cell] = {name: getattr(record, name) for name in _TEXTS}
    texts = json_fields(record)
    row |= {name: texts[name] for name in _LISTS}
    row |= {name: _cell(record.metadata.get(name)) for name in _FACTS}
    reasons = record.metadata.get("reasons")
    row["reasons"] = ", ".join(reasons) if isinstance(reasons, tuple) else None
    return row


def from_row(row: Mapping[str, Cell]) -> Record:
    """Read `READ_COLUMNS` back.

    Raises:
        ValueError, KeyError, TypeError: Somebody has changed the row by hand.
    """
    return from_dict({name: row[name] for name in _TEXTS} | {name: json.loads(str(row[name])) for name in _LISTS})


def _cell(value: object) -> Cell:
    return value if isinstance(value, str | int | float) else None
