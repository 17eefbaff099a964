"""Ids of spans as OTLP protobuf has them: in bytes."""

from __future__ import annotations

from typing import Final

_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


def fault_of(whose: str, trace_id: bytes, span_id: bytes) -> str:
    """What is wrong with the ids, in the words of OTLP/JSON; "" if nothing is."""
    if len(trace_id) == 16 and len(span_id) == 8 and trace_id != _NO_TRACE and span_id != _NO_SPAN:
        return ""
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        return _wrong_id(f"{whose}'s traceId", trace_id, 16)
    return _wrong_id(f"{whose}'s spanId", span_id, 8)


def is_span_id(raw: bytes) -> bool:
    """Whether *raw* can be the id of a span."""
    return len(raw) == 8 and raw != _NO_SPAN


def says_no_span(trace_id: bytes, span_id: bytes) -> bool:
    """Whether an id of a log record is left out or all zero: it was emitted outside of any span."""
    return not (trace_id.strip(b"\0") and span_id.strip(b"\0"))


def _wrong_id(which: str, raw: bytes, size: int) -> str:
    if not raw:
        return f"{which} is missing"
    return f"{which} is all zero" if len(raw) == size else f"{which} is not {2 * size} hex digits"
