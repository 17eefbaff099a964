"""What an instrumentation sent: spans, their events and log records, with no meaning read into them yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

Value: TypeAlias = "str | bool | int | float | bytes | Sequence[Value] | Mapping[str, Value] | None"
"""An attribute value or a log body: OTLP's AnyValue as plain Python. Sequences are lists or tuples."""

Attributes: TypeAlias = Mapping[str, Value]


class SpanKind(IntEnum):
    """OTLP's span kinds with OTLP's numbers (opentelemetry-proto, trace.proto)."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class Status(IntEnum):
    """OTLP's status codes with OTLP's numbers."""

    UNSET = 0
    OK = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Scope:
    """The instrumentation library that made a span or a log record.

    Attributes:
        name: Its name, "" if not given.
        version: Its version, "" if not given.
    """

    name: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """A named moment within a span.

    Attributes:
        name: Event name.
        time_ns: Unix time in nanoseconds.
        attributes: As sent.
    """

    name: str
    time_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A reference from one span to another.

    Attributes:
        trace_id: 32 lower-case hex digits.
        span_id: 16 lower-case hex digits.
        attributes: As sent.
    """

    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """One ended span, whatever carried it here.

    Attributes:
        trace_id: 32 lower-case hex digits, never all zero.
        span_id: 16 lower-case hex digits, never all zero.
        parent_id: 16 lower-case hex digits; None if the span has no parent.
        parent_is_remote: Whether the parent lives in another process; None if the sender did not say.
        name: Span name.
        kind: Client, server, internal, ...
        start_ns: Start, Unix time in nanoseconds; 0 if not sent.
        end_ns: End, Unix time in nanoseconds; never below `start_ns`.
        attributes: As sent: JSON strings stay strings.
        events: In the order sent.
        links: In the order sent.
        status: Outcome that the instrumentation set.
        status_message: Text beside an error status; "" if none.
        scope: Who made the span.
        resource: Attributes of the process that sent it (`service.name`, ...); shared between its spans.
        dropped_attributes: How many attributes the SDK's count limit took away.
        size_bytes: Estimate of the memory held, for the buffers' bounds.
        is_skeleton: True if only ids, name, kind and times were kept, because the span is not GenAI.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    parent_is_remote: bool | None
    name: str
    kind: SpanKind
    start_ns: int
    end_ns: int
    attributes: Attributes
    events: tuple[SpanEvent, ...]
    links: tuple[SpanLink, ...]
    status: Status
    status_message: str
    scope: Scope
    resource: Attributes
    dropped_attributes: int
    size_bytes: int
    is_skeleton: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """One log record that belongs to a span; some instrumentations put message content only here.

    Attributes:
        trace_id: 32 lower-case hex digits of the span's trace.
        span_id: 16 lower-case hex digits of the span it was emitted in.
        event_name: The record's event name: the EventName field, else attribute `event.name` or
            `event_name`; "" if none.
        time_ns: Unix time in nanoseconds: the record's time, else the time it was observed; 0 if neither.
        body: As sent; None if empty.
        attributes: As sent.
        scope: Who emitted it.
        resource: Attributes of the process that sent it.
        size_bytes: Estimate of the memory held.
    """

    trace_id: str
    span_id: str
    event_name: str
    time_ns: int
    body: Value
    attributes: Attributes
    scope: Scope
    resource: Attributes
    size_bytes: int
