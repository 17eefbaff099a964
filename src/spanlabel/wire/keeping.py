"""A request made shorter: what is left of it holds some of its traces, and reads as they did before."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

from .json_body import document_of
from .otlp_json import in_camel_case
from .proto_classes import classes, parsed

_LEVELS: Final = (
    ("resourceSpans", ("scopeSpans", "spans")),
    ("resourceLogs", ("scopeLogs", "logRecords")),
)


def kept_traces(message: bytes, trace_ids: Collection[str]) -> bytes:
    """Leave only some traces in an ExportTraceServiceRequest.

    Fields that nobody here knows, and texts that are no UTF-8, stay as they are.

    Args:
        message: As it went over the wire.
        trace_ids: 32 lower-case hex digits each.

    Raises:
        ImportError: The package opentelemetry-proto is not installed.
        ValueError: It is no such message.
    """
    return _kept(parsed(classes().traces, message), ("resource_spans", "scope_spans", "spans"), trace_ids)


def kept_logs(message: bytes, trace_ids: Collection[str]) -> bytes:
    """Leave only the log records of some traces in an ExportLogsServiceRequest, as `kept_traces` does."""
    return _kept(parsed(classes().logs, message), ("resource_logs", "scope_logs", "log_records"), trace_ids)


def kept_json(body: bytes, trace_ids: Collection[str]) -> bytes:
    """Leave only some traces in the body of an OTLP/JSON request.

    Raises:
        ValueError: It is no JSON object.
    """
    document: Any = in_camel_case(document_of(body))
    left = {**document}
    for key, below in _LEVELS:
        if key in document:
            left[key] = _kept_members(document[key], below, trace_ids)
    try:
        return json.dumps(left, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can say and UTF-8 cannot
        return json.dumps(left, separators=(",", ":")).encode()


def _kept(message: Any, levels: tuple[str, ...], trace_ids: Collection[str]) -> bytes:
    _keep(message, levels, frozenset(map(bytes.fromhex, trace_ids)))
    made: bytes = message.SerializeToString()
    return made


def _keep(message: Any, levels: tuple[str, ...], trace_ids: Collection[bytes]) -> bool:
    """Leave only the members of these traces, and only what holds any.

    Returns:
        Whether anything is left.
    """
    first, *below = levels
    members = getattr(message, first)
    if below:
        left = [one for one in members if _keep(one, tuple(below), trace_ids)]
    else:
        left = [one for one in members if one.trace_id in trace_ids]
    if len(left) < len(members):
        del members[:]
        members.extend(left)
    return bool(left)


def _kept_members(members: Any, below: tuple[str, ...], trace_ids: Collection[str]) -> Any:
    """As `_keep`; what is no list, or no object in it, holds nothing that could be read."""
    found = [one for one in members if isinstance(one, dict)] if isinstance(members, list) else []
    if not below:
        return [one for one in found if isinstance(id_ := one.get("traceId"), str) and id_.lower() in trace_ids]
    first, *rest = below
    left = [{**one, first: _kept_members(one.get(first), tuple(rest), trace_ids)} for one in found]
    return [one for one in left if one[first]]
