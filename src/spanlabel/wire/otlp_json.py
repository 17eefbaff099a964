"""OTLP/JSON into spans and log records.

Written against opentelemetry-proto's JSON rules (hex ids, 64-bit integers as strings or numbers, unknown
fields ignored) and against what JavaScript and Python exporters, the Collector and Tempo really write.
Nothing in a document makes it raise: a field of a wrong type has its default, a span without usable ids is
left out and counted.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from spanlabel.model import (
    Attributes,
    Log,
    Scope,
    Span,
    SpanEvent,
    SpanKind,
    SpanLink,
    Status,
    Value,
)

from .decoded import Decoded, sentences
from .event_name import event_name_of
from .size import SPAN_BYTES, size_of_attributes, size_of_events, size_of_value

MAX_DEPTH = 50
"""Levels of nesting in an attribute or a log body; deeper lists and mappings are None."""

MAX_EVENTS = 10_000
"""Events of a span that are kept, and links: an empty one takes a hundred times the room that it takes in a request."""

_FLAG_REMOTE_IS_KNOWN = 0x100
_FLAG_IS_REMOTE = 0x200

_is_trace_id = re.compile(r"(?!0{32})[0-9a-fA-F]{32}").fullmatch
_is_span_id = re.compile(r"(?!0{16})[0-9a-fA-F]{16}").fullmatch
_underscore = re.compile(r"_(\w)")
_STANDARD_ALPHABET = str.maketrans("-_", "+/", "=")
_NO_NUMBER = 2**64

_KINDS: dict[object, SpanKind] = {k.value: k for k in SpanKind} | {f"SPAN_KIND_{k.name}": k for k in SpanKind}
_STATUSES: dict[object, Status] = {s.value: s for s in Status} | {f"STATUS_CODE_{s.name}": s for s in Status}

_Member = TypeVar("_Member", SpanKind, Status)
_ReadMember = Callable[["dict[str, object]", Scope, Attributes], "str | None"]


def read_document(document: object) -> Decoded:
    """Read one decoded OTLP/JSON object.

    Args:
        document: What `json.loads` gave for an ExportTraceServiceRequest, an ExportLogsServiceRequest or a
            TracesData. One object may hold both spans and log records. Keys in snake_case are read too.

    Returns:
        The spans and log records, in the order sent. Spans of one resource share its attributes' dictionary,
        those of one scope the `Scope`. Arrays are tuples.
    """
    reader = _Reader()
    if not isinstance(document, dict):
        reader.problems[f"expected a JSON object, found {_json_type(document)}"] = 0
    else:
        reader.read(in_camel_case(document))
    return Decoded(
        spans=tuple(reader.spans),
        logs=tuple(reader.logs),
        problems=sentences(reader.problems),
        refused=sum(reader.problems.values()),
        logs_without_span=reader.logs_without_span,
    )


def in_camel_case(document: dict[str, object]) -> dict[str, object]:
    """*document* with its keys in camel case; itself if they are."""
    if "resource_spans" in document or "resource_logs" in document:
        return _object(_camel_case(document, depth=4 * MAX_DEPTH))
    return document


class _Reader:
    """Walks one document."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.logs: list[Log] = []
        self.problems: dict[str, int] = {}
        """How many spans or log records each kind of fault cost. The kinds are few, whatever is sent."""
        self.logs_without_span = 0

    def read(self, document: dict[str, object]) -> None:
        self._read_groups(document, "resourceSpans", "scopeSpans", "spans", self._read_span)
        self._read_groups(document, "resourceLogs", "scopeLogs", "logRecords", self._read_log)
        # Metrics may stand in the same file: one file exporter can serve three pipelines.
        if document and not any(key.startswith("resource") for key in document):
            found = ", ".join(repr(key[:30]) for key in list(document)[:5])
            self.problems[f"neither resourceSpans nor resourceLogs in this object (found: {found})"] = 0

    def _read_groups(self, document: dict[str, object], key: str, scopes: str, members: str, read: _ReadMember) -> None:
        groups = document.get(key)
        if groups is not None and not isinstance(groups, list):
            self.problems[f"{key} is {_json_type(groups)}, not an array"] = 0
        for group in _objects(groups):
            resource = _attributes(_object(group.get("resource")).get("attributes"), MAX_DEPTH)
            for scoped in _objects(group.get(scopes)):
                scope = _scope(scoped.get("scope"))
                for member in _list(scoped.get(members)):
                    problem = read(_object(member), scope, resource)
                    if problem is not None:
                        self.problems[problem] = self.problems.get(problem, 0) + 1

    def _read_span(self, raw: dict[str, object], scope: Scope, resource: Attributes) -> str | None:
        get = raw.get
        trace_id, span_id = get("traceId"), get("spanId")
        if not (isinstance(trace_id, str) and _is_trace_id(trace_id)):
            return _wrong_id("a span's traceId", trace_id, 32)
        if not (isinstance(span_id, str) and _is_span_id(span_id)):
            return _wrong_id("a span's spanId", span_id, 16)
        name, flags = get("name"), _integer(get("flags"))
        start_ns = _time(get("startTimeUnixNano"))
        attributes = _attributes(get("attributes"), MAX_DEPTH)
        size = SPAN_BYTES + size_of_attributes(attributes)
        events: tuple[SpanEvent, ...] = ()
        links: tuple[SpanLink, ...] = ()
        if "events" in raw or "links" in raw:
            events, links = tuple(_events(get("events"))), tuple(_links(get("links")))
            size += size_of_events(events, links)
        status = _object(get("status"))
        message = status.get("message")
        self.spans.append(
            Span(
                trace_id=trace_id.lower(),
                span_id=span_id.lower(),
                parent_id=_parent_id(get("parentSpanId")),
                parent_is_remote=bool(flags & _FLAG_IS_REMOTE) if flags & _FLAG_REMOTE_IS_KNOWN else None,
                name=name if isinstance(name, str) else "",
                kind=_enum(_KINDS, get("kind"), SpanKind.UNSPECIFIED),
                start_ns=start_ns,
                end_ns=max(start_ns, _time(get("endTimeUnixNano"))),
                attributes=attributes,
                events=events,
                links=links,
                status=_enum(_STATUSES, status.get("code"), Status.UNSET),
                status_message=message if isinstance(message, str) else "",
                scope=scope,
                resource=resource,
                dropped_attributes=max(0, _integer(get("droppedAttributesCount"))),
                size_bytes=size,
            )
        )
        return None

    def _read_log(self, raw: dict[str, object], scope: Scope, resource: Attributes) -> str | None:
        get = raw.get
        trace_id, span_id = get("traceId"), get("spanId")
        if _says_no_span(trace_id) or _says_no_span(span_id):
            self.logs_without_span += 1
            return None
        if not (isinstance(trace_id, str) and _is_trace_id(trace_id)):
            return _wrong_id("a log record's traceId", trace_id, 32)
        if not (isinstance(span_id, str) and _is_span_id(span_id)):
            return _wrong_id("a log record's spanId", span_id, 16)
        attributes = _attributes(get("attributes"), MAX_DEPTH)
        body = _any_value(get("body"), MAX_DEPTH)
        self.logs.append(
            Log(
                trace_id=trace_id.lower(),
                span_id=span_id.lower(),
                event_name=event_name_of(get("eventName"), attributes),
                time_ns=_time(get("timeUnixNano")) or _time(get("observedTimeUnixNano")),
                body=body,
                attributes=attributes,
                scope=scope,
                resource=resource,
                size_bytes=SPAN_BYTES + size_of_value(body) + size_of_attributes(attributes),
            )
        )
        return None


def _events(raw: object) -> Iterator[SpanEvent]:
    for event in islice(_objects(raw), MAX_EVENTS):
        name = event.get("name")
        yield SpanEvent(
            name=name if isinstance(name, str) else "",
            time_ns=_time(event.get("timeUnixNano")),
            attributes=_attributes(event.get("attributes"), MAX_DEPTH),
        )


def _links(raw: object) -> Iterator[SpanLink]:
    for link in islice(_objects(raw), MAX_EVENTS):
        trace_id, span_id = link.get("traceId"), link.get("spanId")
        if isinstance(trace_id, str) and isinstance(span_id, str) and _is_trace_id(trace_id) and _is_span_id(span_id):
            yield SpanLink(
                trace_id=trace_id.lower(),
                span_id=span_id.lower(),
                attributes=_attributes(link.get("attributes"), MAX_DEPTH),
            )


def _scope(raw: object) -> Scope:
    scope = _object(raw)
    name, version = scope.get("name"), scope.get("version")
    return Scope(name if isinstance(name, str) else "", version if isinstance(version, str) else "")


def _attributes(raw: object, depth: int) -> dict[str, Value]:
    """A list of KeyValue; where a key comes twice, the last one counts, and what has no key is left out."""
    attributes: dict[str, Value] = {}
    if not isinstance(raw, list):
        return attributes
    for pair in raw:
        if not isinstance(pair, dict):
            continue
        key, value = pair.get("key"), pair.get("value")
        if not (isinstance(key, str) and key):
            continue
        # Nearly all values are text, so text does not pay for a call.
        text = value.get("stringValue") if isinstance(value, dict) else None
        attributes[key] = text if isinstance(text, str) else _any_value(value, depth)
    return attributes


def _any_value(raw: object, depth: int) -> Value:
    """An AnyValue; None if it is empty, of an unknown type, or a list or mapping nested deeper than *depth*."""
    if not isinstance(raw, dict):
        return None
    for name, value in raw.items():
        if name == "stringValue":
            return value if isinstance(value, str) else None
        if name == "intValue":
            return _int64(value)
        if depth <= 0 and name in ("arrayValue", "kvlistValue"):
            return None
        if name == "arrayValue":
            return tuple([_any_value(element, depth - 1) for element in _list(_object(value).get("values"))])
        if name == "boolValue":
            return value if isinstance(value, bool) else None
        if name == "doubleValue":
            return _double(value)
        if name == "kvlistValue":
            return _attributes(_object(value).get("values"), depth - 1)
        if name == "bytesValue":
            return _bytes(value) if isinstance(value, str) else None
    return None


def _int64(raw: object) -> int | None:
    number = _integer(raw, default=_NO_NUMBER)
    return number if -(2**63) <= number < 2**63 else None


def _double(raw: object) -> float | None:
    # As text: protobuf's JSON mapping writes "NaN", "Infinity" and "-Infinity".
    if isinstance(raw, (int, float, str)) and not isinstance(raw, bool):
        try:
            return float(raw)
        except (ValueError, OverflowError):
            return None
    return None


def _bytes(raw: str) -> bytes | None:
    """Base64 in its standard or its URL-safe alphabet, padded or not, as the JSON mapping allows."""
    text = raw.translate(_STANDARD_ALPHABET)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return None


def _integer(raw: object, default: int = 0) -> int:
    """A whole number as a number or as text."""
    if type(raw) is int:  # not a bool
        return raw
    if isinstance(raw, (str, float)):
        try:
            return int(raw)
        except (ValueError, OverflowError):
            return default
    return default


def _time(raw: object) -> int:
    """Unix time in nanoseconds, 0 if it is none that fits into 63 bits."""
    time_ns = _integer(raw)
    return time_ns if 0 < time_ns < 2**63 else 0


def _enum(members: dict[object, _Member], raw: object, default: _Member) -> _Member:
    """A member by its number or its name in the protocol."""
    return members.get(raw, default) if isinstance(raw, (int, str)) else default


def _parent_id(raw: object) -> str | None:
    return raw.lower() if isinstance(raw, str) and _is_span_id(raw) else None


def _says_no_span(raw: object) -> bool:
    """An id field that is left out, empty or all zero: the record was emitted outside of any span."""
    return raw is None or (isinstance(raw, str) and not raw.strip("0"))


def _wrong_id(which: str, raw: object, digits: int) -> str:
    """Why an id was refused. The id itself is not shown, so that the kinds of fault stay few."""
    if raw is None or raw == "":
        return f"{which} is missing"
    if not isinstance(raw, str):
        return f"{which} is {_json_type(raw)}, not {digits} hex digits in a string"
    if raw == "0" * digits:
        return f"{which} is all zero"
    # A writer that used protobuf's own JSON mapping, which OTLP/JSON departs from just here.
    if len(raw) == 4 * ((digits // 2 + 2) // 3):
        return f"{which} is not {digits} hex digits (it looks like base64, which OTLP/JSON does not use for ids)"
    return f"{which} is not {digits} hex digits"


def _list(raw: object) -> list[object]:
    return raw if isinstance(raw, list) else []


def _object(raw: object) -> dict[str, object]:
    return raw if isinstance(raw, dict) else {}


def _objects(raw: object) -> Iterator[dict[str, object]]:
    return (entry for entry in _list(raw) if isinstance(entry, dict))


def _json_type(raw: object) -> str:
    """What a person calls the type of a JSON value."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(raw), "a number")


def _camel_case(raw: object, depth: int) -> object:
    """*raw* with its keys in camel case; what lies deeper than *depth* is left as it is.

    All keys of an OTLP document are field names: an attribute's key is a value there.
    """
    if depth <= 0:
        return raw
    if isinstance(raw, list):
        return [_camel_case(entry, depth - 1) for entry in raw]
    if isinstance(raw, dict):
        return {
            _underscore.sub(lambda match: match[1].upper(), key): _camel_case(entry, depth - 1)
            for key, entry in raw.items()
        }
    return raw
