"""OTLP protobuf into spans and log records, directly.

What comes out is what `read_document` makes of the same request as OTLP/JSON. Nothing of a protobuf message is kept:
one kept span would hold the memory of its whole request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanlabel.model import Attributes, Log, Scope, Span, SpanEvent, SpanKind, SpanLink, Status
from spanlabel.model.twin import open_twin

from .decoded import Decoded, sentences
from .event_name import event_name_of
from .otlp_json import MAX_EVENTS
from .proto_classes import classes, parsed
from .proto_ids import fault_of, is_span_id, says_no_span
from .proto_values import at_hand, each, read_attributes, read_keys, read_value
from .size import SKELETON_BYTES, SPAN_BYTES, size_of_attributes, size_of_events, size_of_value

_FLAG_REMOTE_IS_KNOWN: Final = 0x100
_FLAG_IS_REMOTE: Final = 0x200
_KINDS: Final = {kind.value: kind for kind in SpanKind}
_STATUSES: Final = {status.value: status for status in Status}

_OpenSpan: Final = open_twin(Span)


@dataclass(frozen=True, slots=True)
class Gate:
    """Which spans are read whole; of the others only the structure is.

    Attributes:
        knows: Asked of each span before its content is read: attributes and events have their names, but no values yet.
        kept: Keys of the attributes that a span keeps although it is not known.
    """

    knows: Callable[[Span], bool]
    kept: frozenset[str]


def read_traces(message: bytes, gate: Gate | None = None) -> Decoded:
    """Read an ExportTraceServiceRequest, or TracesData.

    Args:
        message: As it went over the wire.
        gate: Which spans are wanted whole; None for all.

    Returns:
        The spans in the order sent. Those of one resource share its attributes' dictionary, those of one scope the
        `Scope`.

    Raises:
        ImportError: The package opentelemetry-proto is not installed.
        ValueError: It is no such message.
    """
    return _traces_of(parsed(classes().traces, message), gate)


def read_logs(message: bytes) -> Decoded:
    """Read an ExportLogsServiceRequest, or LogsData.

    Raises:
        ImportError: The package opentelemetry-proto is not installed.
        ValueError: It is no such message.
    """
    return _logs_of(parsed(classes().logs, message))


def read_message(message: bytes) -> Decoded:
    """Read a message of which its bytes do not say whether it holds spans or log records.

    What has spans with ids is traces, everything else is tried as logs.

    Returns:
        Spans or log records. Of metrics it holds nothing, or counts log records without ids.

    Raises:
        ImportError: The package opentelemetry-proto is not installed.
        ValueError: It is neither.
    """
    try:
        traces = parsed(classes().traces, message)
    except ValueError:
        return read_logs(message)
    if _has_spans(traces):
        return _traces_of(traces, None)
    try:
        return read_logs(message)
    except ValueError:
        return Decoded()


def _has_spans(traces: Any) -> bool:
    scopes = (scoped for group in traces.resource_spans for scoped in group.scope_spans)
    return any(len(span.trace_id) == 16 for scoped in scopes for span in scoped.spans)


def _traces_of(traces: Any, gate: Gate | None) -> Decoded:
    spans: list[Span] = []
    faults = Counter[str]()
    for group in traces.resource_spans:
        resource = read_attributes(group.resource.attributes)
        for scoped in group.scope_spans:
            scope = _scope(scoped.scope)
            for raw in scoped.spans:
                fault = fault_of("a span", raw.trace_id, raw.span_id)
                if fault:
                    faults[fault] += 1
                else:
                    spans.append(_span(raw, scope, resource, gate))
    return Decoded(spans=tuple(spans), problems=sentences(faults), refused=faults.total())


def _span(raw: Any, scope: Scope, resource: Attributes, gate: Gate | None) -> Span:
    start_ns, end_ns, flags = _time(raw.start_time_unix_nano), raw.end_time_unix_nano, raw.flags
    parent_id, status, pairs = raw.parent_span_id, raw.status, at_hand(raw.attributes)
    keys = read_keys(pairs)
    draft: Any = _OpenSpan(
        raw.trace_id.hex(),
        raw.span_id.hex(),
        parent_id.hex() if is_span_id(parent_id) else None,
        bool(flags & _FLAG_IS_REMOTE) if flags & _FLAG_REMOTE_IS_KNOWN else None,
        raw.name.decode(errors="replace"),
        _KINDS.get(raw.kind, SpanKind.UNSPECIFIED),
        start_ns,
        end_ns if start_ns < end_ns < 2**63 else start_ns,
        {},
        (),
        (),
        _STATUSES.get(status.code, Status.UNSET),
        "",
        scope,
        resource,
        raw.dropped_attributes_count,
        0,
    )
    if gate is None or _is_known(draft, raw, keys, gate):
        draft.attributes = attributes = read_attributes(pairs, keys)
        draft.status_message = status.message.decode(errors="replace")
        draft.size_bytes = SPAN_BYTES + size_of_attributes(attributes)
        events, links = raw.events, raw.links
        if events or links:
            draft.events, draft.links = _events(events), _links(links)
            draft.size_bytes += size_of_events(draft.events, draft.links)
    else:
        draft.attributes = kept = _kept(pairs, keys, gate)
        draft.size_bytes = SKELETON_BYTES + size_of_attributes(kept)
        draft.is_skeleton = True
    draft.__class__ = Span
    span: Span = draft
    return span


def _is_known(draft: Any, raw: Any, keys: Sequence[str], gate: Gate) -> bool:
    draft.attributes = dict.fromkeys(keys)
    if raw.events:
        draft.events = tuple(
            [SpanEvent(event.name.decode(errors="replace"), 0, {}) for event in raw.events[:MAX_EVENTS]]
        )
    is_known = gate.knows(draft)
    draft.events = ()
    return is_known


def _kept(pairs: Sequence[Any], keys: Sequence[str], gate: Gate) -> Attributes:
    if gate.kept.isdisjoint(keys):
        return {}
    return read_attributes([pair for key, pair in zip(keys, each(pairs), strict=True) if key in gate.kept])


def _events(given: Any) -> tuple[SpanEvent, ...]:
    return tuple(
        [
            SpanEvent(
                event.name.decode(errors="replace"), _time(event.time_unix_nano), read_attributes(event.attributes)
            )
            for event in given[:MAX_EVENTS]
        ]
    )


def _links(given: Any) -> tuple[SpanLink, ...]:
    return tuple(
        [
            SpanLink(link.trace_id.hex(), link.span_id.hex(), read_attributes(link.attributes))
            for link in given[:MAX_EVENTS]
            if not fault_of("a link", link.trace_id, link.span_id)
        ]
    )


def _logs_of(logs: Any) -> Decoded:
    read: list[Log] = []
    faults, without_span = Counter[str](), 0
    for group in logs.resource_logs:
        resource = read_attributes(group.resource.attributes)
        for scoped in group.scope_logs:
            scope = _scope(scoped.scope)
            for raw in scoped.log_records:
                fault = fault_of("a log record", raw.trace_id, raw.span_id)
                if not fault:
                    read.append(_log(raw, scope, resource))
                elif says_no_span(raw.trace_id, raw.span_id):
                    without_span += 1
                else:
                    faults[fault] += 1
    return Decoded(logs=tuple(read), problems=sentences(faults), refused=faults.total(), logs_without_span=without_span)


def _log(raw: Any, scope: Scope, resource: Attributes) -> Log:
    attributes, body = read_attributes(raw.attributes), read_value(raw.body)
    return Log(
        trace_id=raw.trace_id.hex(),
        span_id=raw.span_id.hex(),
        event_name=event_name_of(raw.event_name.decode(errors="replace"), attributes),
        time_ns=_time(raw.time_unix_nano) or _time(raw.observed_time_unix_nano),
        body=body,
        attributes=attributes,
        scope=scope,
        resource=resource,
        size_bytes=SPAN_BYTES + size_of_value(body) + size_of_attributes(attributes),
    )


def _scope(raw: Any) -> Scope:
    return Scope(raw.name.decode(errors="replace"), raw.version.decode(errors="replace"))


def _time(raw: int) -> int:
    """Unix time in nanoseconds, 0 if it does not fit into 63 bits."""
    return raw if raw < 2**63 else 0
