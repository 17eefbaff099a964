"""The SDK's own objects into spans and log records.

Runs in the application's threads, so it is cheap, and it never raises on what an instrumentation put into a
span. It knows the objects by their attributes only and imports nothing of the SDK. Read in opentelemetry-sdk
1.36.0, where a log record carries its resource inside (`LogData.log_record.resource`), and 1.45.1, where it
stands beside it (`ReadWriteLogRecord.resource`, `ReadableLogRecord.resource`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from spanlabel.model import Attributes, Log, Scope, Span, SpanEvent, SpanKind, SpanLink, Status, Value
from spanlabel.model.twin import open_twin

from .event_name import event_name_of
from .size import SPAN_BYTES, size_of_attributes, size_of_events, size_of_value

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

MAX_DEPTH = 50
"""Levels of nesting in an attribute or a log body that are kept; deeper values are None."""

MAX_ELEMENTS = 50_000
"""Elements of one nested value that are kept; the rest is None."""

# The API counts kinds from INTERNAL = 0, OTLP from INTERNAL = 1.
_KINDS: dict[object, SpanKind] = {kind.value - 1: kind for kind in SpanKind if kind}
_STATUSES: dict[object, Status] = {status.value: status for status in Status}
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
_PLAIN_FORMS: tuple[tuple[type, Callable[[Any], Value]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes.__bytes__),
)
_TEXTS = (str, bytes, bytearray, memoryview)  # sequences, but not of values
_NO_SCOPE = Scope()

_OpenSpan = open_twin(Span)

_MAX_RESOURCES = 16
_resources: dict[int, tuple[object, Attributes]] = {}


def span_from_sdk(span: ReadableSpan) -> Span | None:
    """Read one ended span.

    Args:
        span: As a SpanProcessor's `on_end` or a SpanExporter's `export` gets it.

    Returns:
        The span; None if it has no valid ids (one that was made by hand, never by a tracer).
    """
    context, parent = span.get_span_context(), span.parent
    if context is None or not context.is_valid:
        return None
    attributes = _attributes(span.attributes)
    size = SPAN_BYTES + size_of_attributes(attributes)
    # The SDK copies its empty lists at each look.
    events = _events(span.events) if getattr(span, "_events", True) else ()
    links = _links(span.links) if getattr(span, "_links", True) else ()
    if events or links:
        size += size_of_events(events, links)
    start_ns = _time(span.start_time)
    read = _OpenSpan(
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        f"{parent.span_id:016x}" if parent is not None and parent.is_valid else None,
        parent is not None and parent.is_remote,
        _text(span.name),
        _KINDS.get(_number_of(span.kind), SpanKind.UNSPECIFIED),
        start_ns,
        max(start_ns, _time(span.end_time)),
        attributes,
        events,
        links,
        _STATUSES.get(_number_of(span.status.status_code), Status.UNSET),
        _text(span.status.description),
        _scope(span.instrumentation_scope),
        _resource(span.resource),
        span.dropped_attributes,
        size,
    )
    read.__class__ = Span
    return read


def log_from_sdk(record: ReadableLogRecord | ReadWriteLogRecord) -> Log | None:
    """Read one log record.

    Args:
        record: As a LogRecordProcessor's `on_emit` or a LogRecordExporter's `export` gets it; the `LogData`
            of SDKs before 1.39 too.

    Returns:
        The record; None if it was emitted outside of any span.
    """
    inner = record.log_record
    if not (inner.trace_id and inner.span_id):
        return None
    attributes = _attributes(inner.attributes)
    body = _plain(inner.body)
    return Log(
        trace_id=f"{inner.trace_id:032x}",
        span_id=f"{inner.span_id:016x}",
        event_name=event_name_of(getattr(inner, "event_name", None), attributes),
        time_ns=_time(inner.timestamp) or _time(inner.observed_timestamp),
        body=body,
        attributes=attributes,
        scope=_scope(record.instrumentation_scope),
        resource=_resource(getattr(record, "resource", None) or getattr(inner, "resource", None)),
        size_bytes=SPAN_BYTES + size_of_value(body) + size_of_attributes(attributes),
    )


def _events(given: Sequence[Any]) -> tuple[SpanEvent, ...]:
    return tuple([SpanEvent(_text(e.name), _time(e.timestamp), _attributes(e.attributes)) for e in given])


def _links(given: Sequence[Any]) -> tuple[SpanLink, ...]:
    return tuple(
        [
            SpanLink(f"{to.trace_id:032x}", f"{to.span_id:016x}", _attributes(link.attributes))
            for link in given
            if (to := link.context).is_valid
        ]
    )


def _attributes(given: Any) -> Attributes:
    if not given:
        return {}
    # The SDK's `copy` hands out a copy of its inner dictionary at once; reading key by key takes seven times as long.
    copied = given.copy() if hasattr(given, "copy") else given
    attributes: dict[str, Any] = copied if type(copied) is dict else dict(copied)
    for key, value in attributes.items():
        if type(value) not in _PLAIN:
            attributes[key] = _plain(value)  # the key is there already, so this does not disturb the loop
    return attributes


def _plain(value: object) -> Value:
    """*value* as plain data that the application cannot change any more.

    Attributes were cleaned by the SDK, but a log's body is whatever the application passed: endless, of its own
    classes, or being changed by another thread.
    """
    try:
        return _copy(value, MAX_DEPTH, [MAX_ELEMENTS])
    except Exception:  # noqa: BLE001 - the application's own classes may raise anything
        return None


def _copy(value: Any, depth: int, left: list[int]) -> Value:
    """A copy down to *depth* and of at most *left[0]* elements."""
    if type(value) in _PLAIN:
        scalar: Value = value
        return scalar
    # Asking for an abstract class is slow; nearly all containers are tuples, because the SDK has made them so.
    is_list = type(value) is tuple or (isinstance(value, Sequence) and not isinstance(value, _TEXTS))
    if is_list or isinstance(value, Mapping):
        left[0] -= len(value)
        if depth <= 0 or left[0] < 0:
            return None
        if is_list:
            return tuple([_copy(inner, depth - 1, left) for inner in value])
        return {str(key): _copy(inner, depth - 1, left) for key, inner in value.items()}
    # What is left are the application's own classes: a member of an enumeration of strings counts as its text,
    # because that is what the other seats see of it.
    for kind, plain in _PLAIN_FORMS:
        if isinstance(value, kind):
            return plain(value)
    return None


@lru_cache(maxsize=512)
def _named_scope(name: str, version: str) -> Scope:
    return Scope(name, version)


def _scope(scope: Any) -> Scope:
    if scope is None:
        return _NO_SCOPE
    return _named_scope(_text(scope.name), _text(scope.version))


def _resource(resource: Any) -> Attributes:
    """The attributes of *resource*, read once: a process has one resource or very few.

    Found by identity, because the SDK's Resource writes itself as JSON to be hashed. Holding the resource keeps
    its identity from being given to another one.
    """
    known = _resources.get(id(resource))
    if known is not None and known[0] is resource:
        return known[1]
    attributes = _attributes(resource.attributes) if resource is not None else {}
    if len(_resources) >= _MAX_RESOURCES:
        _resources.clear()
    _resources[id(resource)] = (resource, attributes)
    return attributes


def _number_of(member: Any) -> object:
    """The number behind a member of one of the API's enumerations; None if it is none."""
    number = getattr(member, "value", None)
    return number if isinstance(number, int) else None


def _text(raw: object) -> str:
    return raw if type(raw) is str else str.__str__(raw) if isinstance(raw, str) else ""


def _time(raw: Any) -> int:
    """Unix time in nanoseconds, 0 if it is none that fits into 63 bits."""
    try:
        time_ns = raw if type(raw) is int else int(raw)
    except (TypeError, ValueError, OverflowError):
        return 0
    return time_ns if 0 < time_ns < 2**63 else 0
