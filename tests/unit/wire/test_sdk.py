"""The SDK's own objects into spans and log records.

Runs on every SDK that spanlabel supports: it emits through the real tracer and the real logger of whichever is
installed.
"""

from __future__ import annotations

import base64
import enum
import json
import sys
from collections import UserDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace as trace_api
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from spanlabel import model
from spanlabel.model import Log, Scope, Span, Status
from spanlabel.wire.otlp_json import read_document
from spanlabel.wire.sdk import MAX_DEPTH, MAX_ELEMENTS, log_from_sdk, span_from_sdk

RESOURCE = Resource({"service.name": "shop", "process.pid": 7})
REMOTE = SpanContext(
    trace_id=0x0AF7651916CD43DD8448EB211C80319C,
    span_id=0x00F067AA0BA902B7,
    is_remote=True,
    trace_flags=TraceFlags(1),
)


class Kept:
    """A span exporter and a log exporter that keep what they are given."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def export(self, batch: Any) -> None:
        self.items.extend(batch)

    def shutdown(self) -> None: ...

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


class OnEmit(Kept):
    """A log processor that keeps what it is given."""

    def on_emit(self, record: Any) -> None:
        self.items.append(record)

    def enabled(self, **_: object) -> bool:
        return True


@pytest.fixture
def spans() -> Iterator[tuple[Kept, trace_api.Tracer]]:
    kept = Kept()
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))  # type: ignore[arg-type] # it has an exporter's methods
    yield kept, provider.get_tracer("lib", "1.2")
    provider.shutdown()


def ended(kept: Kept) -> Span:
    span = span_from_sdk(kept.items[-1])
    assert span is not None
    return span


class TestSpan:
    def test_everything(self, spans: tuple[Kept, trace_api.Tracer]) -> None:
        """All that a tracer records arrives, in the model's units."""
        kept, tracer = spans
        parent = trace_api.set_span_in_context(NonRecordingSpan(REMOTE))
        span = tracer.start_span(
            "chat", parent, SpanKind.CLIENT, {"a": "text", "n": 5}, [Link(REMOTE, {"why": "retry"})], start_time=7
        )
        span.add_event("first", {"k": "v"}, timestamp=8)
        span.set_status(trace_api.Status(trace_api.StatusCode.ERROR, "timed out"))
        span.end(9)
        got = ended(kept)
        assert got.trace_id == "0af7651916cd43dd8448eb211c80319c"
        assert got.span_id == f"{span.get_span_context().span_id:016x}"
        assert (got.parent_id, got.parent_is_remote) == ("00f067aa0ba902b7", True)
        assert (got.name, got.kind) == ("chat", model.SpanKind.CLIENT)
        assert (got.start_ns, got.end_ns) == (7, 9)
        assert got.attributes == {"a": "text", "n": 5}
        assert got.events == (model.SpanEvent("first", 8, {"k": "v"}),)
        assert got.links == (model.SpanLink(got.trace_id, "00f067aa0ba902b7", {"why": "retry"}),)
        assert (got.status, got.status_message) == (Status.ERROR, "timed out")
        assert (got.scope, got.resource) == (Scope("lib", "1.2"), {"service.name": "shop", "process.pid": 7})
        assert (got.dropped_attributes, got.is_skeleton) == (0, False)

    def test_root(self, spans: tuple[Kept, trace_api.Tracer]) -> None:
        """A root has no parent, and the SDK is sure that there is none elsewhere."""
        kept, tracer = spans
        tracer.start_span("root", Context()).end()
        assert (ended(kept).parent_id, ended(kept).parent_is_remote) == (None, False)

    def test_local_parent(self, spans: tuple[Kept, trace_api.Tracer]) -> None:
        """A child knows that its parent lives in the same process."""
        kept, tracer = spans
        with tracer.start_as_current_span("parent") as parent:
            tracer.start_span("child").end()
        child = span_from_sdk(kept.items[0])
        assert child is not None
        assert child.parent_id == f"{parent.get_span_context().span_id:016x}"
        assert child.parent_is_remote is False

    @pytest.mark.parametrize("kind", list(SpanKind))
    def test_kinds(self, spans: tuple[Kept, trace_api.Tracer], kind: SpanKind) -> None:
        """The SDK's and OTLP's numbers differ; the names count."""
        kept, tracer = spans
        tracer.start_span("s", kind=kind).end()
        assert ended(kept).kind.name == kind.name

    def test_dropped_attributes(self) -> None:
        """What the SDK's limit took away is counted."""
        kept = Kept()
        provider = TracerProvider(span_limits=SpanLimits(max_span_attributes=2), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(kept))  # type: ignore[arg-type] # it has an exporter's methods
        span = provider.get_tracer("lib").start_span("s")
        for n in range(5):
            span.set_attribute(f"k{n}", n)
        span.end()
        got = ended(kept)
        assert (got.attributes, got.dropped_attributes) == ({"k3": 3, "k4": 4}, 3)
        assert type(got.attributes) is not type(kept.items[0].attributes)
        provider.shutdown()

    def test_shared(self, spans: tuple[Kept, trace_api.Tracer]) -> None:
        """The resource is read once for all spans of a process."""
        kept, tracer = spans
        tracer.start_span("a").end()
        tracer.start_span("b").end()
        first, second = (span_from_sdk(s) for s in kept.items)
        assert first is not None
        assert second is not None
        assert first.resource is second.resource

    def test_many_resources(self) -> None:
        """A process that makes ever new resources keeps few of them, and each span has its own."""
        for n in range(50):
            kept = Kept()
            provider = TracerProvider(resource=Resource({"n": n}), shutdown_on_exit=False)
            provider.add_span_processor(SimpleSpanProcessor(kept))  # type: ignore[arg-type] # it has an exporter's methods
            provider.get_tracer("lib").start_span("s").end()
            assert ended(kept).resource == {"n": n}
            provider.shutdown()
        assert len(sys.modules["spanlabel.wire.sdk"]._resources) <= 16

    def test_enumeration(self, spans: tuple[Kept, trace_api.Tracer]) -> None:
        """A member of an enumeration of strings is its text here too, as every other exporter writes it."""

        class Role(enum.StrEnum):
            USER = "user"

        kept, tracer = spans
        tracer.start_span("s", attributes={"role": Role.USER}).end()
        value = ended(kept).attributes["role"]
        assert type(value) is str
        assert ended(kept).attributes == {"role": "user"}

    def test_no_context(self) -> None:
        """A span that no tracer made has no ids and gives nothing."""
        assert span_from_sdk(ReadableSpan("by hand", resource=RESOURCE)) is None
        empty = SpanContext(0, 0, is_remote=False)
        assert span_from_sdk(ReadableSpan("by hand", empty, resource=RESOURCE)) is None

    @pytest.mark.parametrize("attributes", [None, {}, {"k": "v"}, UserDict({"k": "v"})])
    def test_made_by_hand(self, attributes: Any) -> None:
        """A span rebuilt by a framework's own exporter, with plain values in it, is read."""
        got = span_from_sdk(ReadableSpan("s", REMOTE, resource=RESOURCE, attributes=attributes))
        assert got is not None
        assert got.attributes == dict(attributes or {})
        assert type(got.attributes) is dict
        assert (got.start_ns, got.end_ns, got.scope, got.status) == (0, 0, Scope(), Status.UNSET)

    def test_odd_values(self) -> None:
        """What should never stand in a span costs its field only."""
        odd = ReadableSpan(
            3,  # type: ignore[arg-type] # odd on purpose, here and below
            REMOTE,
            resource=RESOURCE,
            attributes={"set": {1}, "self": Unreadable(), "bytes": b"\xff"},  # type: ignore[dict-item]
            kind="client",  # type: ignore[arg-type]
            start_time="soon",  # type: ignore[arg-type]
            end_time=float("nan"),  # type: ignore[arg-type]
        )
        got = span_from_sdk(odd)
        assert got is not None
        assert (got.name, got.kind, got.start_ns, got.end_ns) == ("", model.SpanKind.UNSPECIFIED, 0, 0)
        assert got.attributes == {"set": None, "self": None, "bytes": b"\xff"}

    @given(
        attributes=st.dictionaries(
            st.text(max_size=9),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
                lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
                max_leaves=12,
            ),
            max_size=6,
        )
    )
    @settings(deadline=None, max_examples=100)
    def test_any_attributes(self, attributes: dict[str, Any]) -> None:
        """Whatever attributes stand in a span, it is read and they arrive."""
        got = span_from_sdk(ReadableSpan("s", REMOTE, resource=RESOURCE, attributes=attributes))
        assert got is not None
        assert repr(got.attributes) == repr({key: as_tuples(value) for key, value in attributes.items()})
        assert got.size_bytes > sum(len(key) for key in attributes)


class Unreadable(list[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("not now")


def as_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(as_tuples(inner) for inner in value)
    return {k: as_tuples(v) for k, v in value.items()} if isinstance(value, dict) else value


# --- log records


def emit(processor: Any, **fields: Any) -> str:
    """Emit one log record within a span, through a real logger; returns the span's id."""
    logs = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    logs.add_log_record_processor(processor)
    traces = TracerProvider(shutdown_on_exit=False)
    with traces.get_tracer("app").start_as_current_span("chat") as span:
        logs.get_logger("lib", "1.2").emit(record(**fields))
    logs.force_flush()
    logs.shutdown()
    return f"{span.get_span_context().span_id:016x}"


def record(**fields: Any) -> Any:
    """A log record as instrumentations make it for the SDK that is installed."""
    try:
        from opentelemetry.sdk._logs import LogRecord as OlderRecord  # type: ignore[attr-defined] # until 1.38
    except ImportError:
        return LogRecord(**fields)
    return OlderRecord(resource=RESOURCE, **fields)


SEATS = {
    "processor": lambda kept: kept,
    "simple exporter": SimpleLogRecordProcessor,
    "batch exporter": lambda kept: BatchLogRecordProcessor(kept, schedule_delay_millis=60_000),
}


class TestLog:
    @pytest.mark.parametrize("seat", SEATS)
    def test_everything(self, seat: str) -> None:
        """A log record arrives whole at a processor and behind each of the SDK's exporters' processors."""
        kept = OnEmit()
        span_id = emit(
            SEATS[seat](kept),
            timestamp=7,
            observed_timestamp=8,
            body={"content": "hi", "parts": ({"type": "text"},)},
            attributes={"gen_ai.system": "openai"},
            event_name="gen_ai.user.message",
        )
        (item,) = kept.items
        log = log_from_sdk(item)
        assert log is not None
        assert (len(log.trace_id), log.span_id) == (32, span_id)
        assert (log.event_name, log.time_ns) == ("gen_ai.user.message", 7)
        assert log.body == {"content": "hi", "parts": ({"type": "text"},)}
        assert log.attributes == {"gen_ai.system": "openai"}
        assert (log.scope, log.resource) == (Scope("lib", "1.2"), {"service.name": "shop", "process.pid": 7})

    def test_without_own_time(self) -> None:
        """A record without a time of its own has the time at which it was observed."""
        kept = OnEmit()
        emit(kept, observed_timestamp=8, attributes={"event.name": "gen_ai.choice"})
        log = log_from_sdk(kept.items[0])
        assert log is not None
        assert (log.time_ns, log.event_name, log.body) == (8, "gen_ai.choice", None)

    def test_outside_of_a_span(self) -> None:
        """A record that was emitted outside of any span gives nothing."""
        kept = OnEmit()
        logs = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
        logs.add_log_record_processor(kept)  # type: ignore[arg-type] # it has a processor's methods
        logs.get_logger("lib").emit(record(body="start", context=Context()))
        assert [log_from_sdk(item) for item in kept.items] == [None]
        logs.shutdown()

    def test_older_shape(self) -> None:
        """SDKs before 1.39 carry the resource inside the record.

        Their shape is rebuilt from opentelemetry-sdk 1.36.0's `LogData`, because one environment holds one SDK.
        """
        inner = SimpleNamespace(
            trace_id=1,
            span_id=2,
            timestamp=7,
            observed_timestamp=8,
            body="hi",
            attributes={},
            event_name=None,
            resource=RESOURCE,
        )
        data: Any = SimpleNamespace(log_record=inner, instrumentation_scope=None)
        log = log_from_sdk(data)
        assert log is not None
        assert (log.resource, log.scope) == ({"service.name": "shop", "process.pid": 7}, Scope())

    def test_snapshot(self) -> None:
        """What the application does to a body after emitting it does not reach the record."""
        kept = OnEmit()
        body = {"messages": [{"content": "before"}]}
        emit(kept, body=body)
        log = log_from_sdk(kept.items[0])
        assert log is not None
        body["messages"][0]["content"] = "after"
        assert log.body == {"messages": ({"content": "before"},)}

    @pytest.mark.parametrize("kind", ["cycle", "wide cycle", "deep", "own class", "breaks", "huge"])
    def test_hostile_body(self, kind: str) -> None:
        """A body without an end, or of the application's own classes, is cut or left out; nothing is raised."""
        cycle: list[Any] = ["text"]
        cycle.append(cycle)
        wide: list[Any] = []
        wide.extend([wide] * 10)
        deep: list[Any] = []
        for _ in range(5000):
            deep = [deep]
        bodies = {
            "cycle": cycle,
            "wide cycle": wide,
            "deep": deep,
            "own class": object(),
            "breaks": {"a": Unreadable([1])},
            "huge": [[0] * 100] * MAX_ELEMENTS,
        }
        kept = OnEmit()
        emit(kept, body="replaced below")
        kept.items[0].log_record.body = bodies[kind]
        log = log_from_sdk(kept.items[0])
        assert log is not None
        assert depth_of(log.body) <= MAX_DEPTH
        assert leaves_of(log.body) <= MAX_ELEMENTS
        if kind in ("own class", "breaks"):
            assert log.body is None


def depth_of(value: Any) -> int:
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, tuple) else 0


def leaves_of(value: Any) -> int:
    return sum(map(leaves_of, value)) if isinstance(value, tuple) else 1


# --- the same through OTLP


def as_otlp_json(message: Any) -> Any:
    """A protobuf request as OTLP/JSON, which departs from protobuf's own mapping in the ids."""

    def hex_ids(node: Any) -> Any:
        if isinstance(node, list):
            return [hex_ids(inner) for inner in node]
        if isinstance(node, dict):
            return {
                key: base64.b64decode(inner).hex() if key in ("traceId", "spanId", "parentSpanId") else hex_ids(inner)
                for key, inner in node.items()
            }
        return node

    return json.loads(json.dumps(hex_ids(MessageToDict(message))))


@dataclass(frozen=True)
class Case:
    """One span by what the application calls."""

    attributes: dict[str, Any]
    remote: bool


CASES = {
    "plain": Case({"a": "text", "i": -5, "big": 2**62, "f": 0.25, "b": True, "list": ["x", "y"]}, remote=False),
    "remote": Case({"empty": "", "ints": [1, 2]}, remote=True),
    "unicode": Case({"a": "Grüße \N{GRINNING FACE} \x01"}, remote=False),
}
STRUCTURED = Case(
    {"m": [{"role": "user", "parts": [{"text": "x"}]}], "none": None, "bytes": b"\xff", "mix": [1, "a", None, 2.5]},
    remote=False,
)


def has_structured_attributes() -> bool:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("probe").start_span("s", attributes={"m": {"a": 1}})
    return isinstance(span, ReadableSpan) and "m" in (span.attributes or {})


if has_structured_attributes():  # SDKs of 2025 drop them
    CASES["structured"] = STRUCTURED


class TestSameThroughOtlp:
    @pytest.mark.parametrize("name", CASES)
    def test_span(self, name: str, spans: tuple[Kept, trace_api.Tracer]) -> None:
        """A span gives the same whether it comes from the SDK or through OTLP/JSON."""
        kept, tracer = spans
        case = CASES[name]
        context = trace_api.set_span_in_context(NonRecordingSpan(REMOTE)) if case.remote else None
        span = tracer.start_span("s", context, SpanKind.SERVER, case.attributes, [Link(REMOTE, case.attributes)])
        span.add_event("e", case.attributes)
        span.record_exception(ValueError("no"))
        span.set_status(trace_api.StatusCode.ERROR, "no")
        span.end()
        (over_otlp,) = read_document(as_otlp_json(encode_spans(kept.items))).spans
        direct = ended(kept)
        assert replace(over_otlp, size_bytes=0) == replace(direct, size_bytes=0)
        assert len(direct.events) == 2
        assert len(direct.attributes) == len(case.attributes)
        assert abs(over_otlp.size_bytes - direct.size_bytes) < 0.1 * direct.size_bytes

    def test_log(self) -> None:
        """The same for a log record."""
        kept = Kept()
        emit(
            SimpleLogRecordProcessor(kept),  # type: ignore[arg-type] # it has an exporter's methods
            timestamp=7,
            severity_number=SeverityNumber.INFO,
            body={"content": "hi", "list": [1, {"a": None}], "f": 0.5},
            attributes={"event.name": "gen_ai.choice"},
        )
        (over_otlp,) = read_document(as_otlp_json(encode_logs(kept.items))).logs
        direct = log_from_sdk(kept.items[0])
        assert isinstance(direct, Log)
        assert replace(over_otlp, size_bytes=0) == replace(direct, size_bytes=0)
