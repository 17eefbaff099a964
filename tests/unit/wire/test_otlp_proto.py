"""OTLP protobuf says what the same request says as OTLP/JSON, and one broken text costs nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.proto", reason="the extra protobuf is not installed")

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanlabel.assembly import Limits
from spanlabel.dialects import STRUCTURE_KEYS, is_genai
from spanlabel.metrics import Counts, Metric
from spanlabel.model import Pair, Span, SpanKind, Status
from spanlabel.pipeline import Pipeline
from spanlabel.wire.decoded import Decoded
from spanlabel.wire.otlp_json import MAX_DEPTH, MAX_EVENTS, read_document
from spanlabel.wire.otlp_proto import Gate, read_logs, read_message, read_traces

TRACE_ID, SPAN_ID, PARENT_ID = bytes(range(1, 17)), bytes(range(1, 9)), bytes(range(2, 10))


def attribute(key: str, **value: Any) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))


def traces(*spans: ProtoSpan) -> bytes:
    data = TracesData()
    group = data.resource_spans.add()
    group.resource.attributes.append(attribute("service.name", string_value="shop"))
    scoped = group.scope_spans.add()
    scoped.scope.name, scoped.scope.version = "instrumentation", "1.2"
    scoped.spans.extend(spans)
    return data.SerializeToString()


def span(number: int = 1, **more: Any) -> ProtoSpan:
    return ProtoSpan(trace_id=TRACE_ID, span_id=number.to_bytes(8, "big"), name=f"span {number}", **more)


Encode = Callable[[Mapping[str, Any]], bytes]
GATE = Gate(is_genai, frozenset(STRUCTURE_KEYS))

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)  # lone surrogates are no UTF-8
_integers = st.integers(-(2**63), 2**63 - 1)
_values = st.recursive(
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"stringValue": _texts}),
        st.fixed_dictionaries({"intValue": _integers | _integers.map(str)}),
        st.fixed_dictionaries({"doubleValue": st.floats()}),
        st.fixed_dictionaries({"boolValue": st.booleans()}),
        st.fixed_dictionaries({"bytesValue": st.sampled_from(["", "AP8=", "AAECAw=="])}),
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: {"arrayValue": {"values": values}})
        | st.lists(st.fixed_dictionaries({"key": _texts, "value": inner}), max_size=3).map(
            lambda values: {"kvlistValue": {"values": values}}
        )
    ),
    max_leaves=6,
)
_keys = st.sampled_from(["gen_ai.system", "session.id", "a", ""]) | _texts
_attributes = st.lists(st.fixed_dictionaries({"key": _keys, "value": _values}), max_size=5)
_trace_ids = st.sampled_from([TRACE_ID.hex(), TRACE_ID.hex(), "0" * 32, "", "ab", "00", "ab" * 40])
_span_ids = st.sampled_from([SPAN_ID.hex(), PARENT_ID.hex(), "0" * 16, "", "ab", "00", "ab" * 40])
_times = st.integers(0, 2**64 - 1) | st.integers(0, 2**64 - 1).map(str) | st.just(1_750_000_000_000_000_000)
_counts = st.integers(0, 2**32 - 1)
_resources = st.fixed_dictionaries({}, optional={"attributes": _attributes})
_scopes = st.fixed_dictionaries({}, optional={"name": _texts, "version": _texts})
_spans = st.fixed_dictionaries(
    {"traceId": _trace_ids, "spanId": _span_ids},
    optional={
        "parentSpanId": _span_ids,
        "name": _texts,
        "kind": st.integers(-1, 7),
        "flags": _counts,
        "startTimeUnixNano": _times,
        "endTimeUnixNano": _times,
        "attributes": _attributes,
        "droppedAttributesCount": _counts,
        "events": st.lists(
            st.fixed_dictionaries({}, optional={"name": _texts, "timeUnixNano": _times, "attributes": _attributes}),
            max_size=2,
        ),
        "links": st.lists(
            st.fixed_dictionaries({"traceId": _trace_ids, "spanId": _span_ids}, optional={"attributes": _attributes}),
            max_size=2,
        ),
        "status": st.fixed_dictionaries({}, optional={"code": st.integers(0, 5), "message": _texts}),
    },
)
_records = st.fixed_dictionaries(
    {"traceId": _trace_ids, "spanId": _span_ids},
    optional={
        "eventName": _texts,
        "timeUnixNano": _times,
        "observedTimeUnixNano": _times,
        "body": _values,
        "attributes": _attributes,
    },
)


def _requests(groups: str, scopes: str, members: str, one: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    scoped = st.fixed_dictionaries({"scope": _scopes, members: st.lists(one, max_size=3)})
    group = st.fixed_dictionaries({"resource": _resources, scopes: st.lists(scoped, max_size=2)})
    return st.fixed_dictionaries({groups: st.lists(group, max_size=2)})


def shown(decoded: Decoded) -> str:
    """Everything in *decoded*: 1, 1.0 and True are not the same, and NaN is."""
    return repr(decoded)


def over_json(document: dict[str, Any]) -> Decoded:
    """*document* as it is read when it comes as text; with texts of its own, because one grows when it is encoded."""
    return read_document(json.loads(json.dumps(document)))


def length_delimited(number: int, content: bytes) -> bytes:
    """A field as it goes over the wire."""
    left, length = len(content), b""
    while left > 127:
        length, left = length + bytes([left & 127 | 128]), left >> 7
    return bytes([number << 3 | 2]) + length + bytes([left]) + content


class TestLikeJson:
    @given(document=_requests("resourceSpans", "scopeSpans", "spans", _spans))
    def test_spans(self, as_protobuf: Encode, document: dict[str, Any]) -> None:
        """
        Any request of spans says the same in both encodings, what is refused of it too.
        """
        expected = shown(over_json(document))
        assert shown(read_traces(as_protobuf(document))) == expected

    @given(document=_requests("resourceLogs", "scopeLogs", "logRecords", _records))
    def test_logs(self, as_protobuf: Encode, document: dict[str, Any]) -> None:
        """
        Any request of log records says the same in both encodings, what is refused of it too.
        """
        expected = shown(over_json(document))
        assert shown(read_logs(as_protobuf(document))) == expected

    def test_recorded(self, as_protobuf: Encode, recorded_documents: list[dict[str, Any]]) -> None:
        """
        Everything that was recorded of real applications says the same in both encodings.
        """
        for document in recorded_documents:
            read = read_logs if "resourceLogs" in document else read_traces
            expected = shown(over_json(document))
            assert shown(read(as_protobuf(document))) == expected

    @pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 5_000])
    @pytest.mark.parametrize("bottom", [{"stringValue": "bottom"}, {"stringValue": ""}, {"boolValue": True}])
    @pytest.mark.parametrize("shape", ["array", "mapping"])
    def test_deep(self, levels: int, bottom: dict[str, Any], shape: str) -> None:
        """
        A value of thousands of levels is read down to the stated depth, and costs nothing else of the request.
        """
        packed = length_delimited(1, bottom["stringValue"].encode()) if "stringValue" in bottom else b"\x10\x01"
        written = bottom
        for _ in range(levels):
            if shape == "array":
                packed = length_delimited(5, length_delimited(1, packed))
                written = {"arrayValue": {"values": [written]}}
            else:
                packed = length_delimited(
                    6, length_delimited(1, length_delimited(1, b"k") + length_delimited(2, packed))
                )
                written = {"kvlistValue": {"values": [{"key": "k", "value": written}]}}
        ids = length_delimited(1, TRACE_ID) + length_delimited(2, SPAN_ID)
        deep = length_delimited(9, length_delimited(1, b"deep") + length_delimited(2, packed))
        message = length_delimited(1, length_delimited(2, length_delimited(2, ids + deep)))
        [found] = read_traces(message).spans
        raw = {"traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex(), "attributes": [{"key": "deep", "value": written}]}
        [expected] = read_document({"resourceSpans": [{"scopeSpans": [{"spans": [raw]}]}]}).spans

        assert repr(found) == repr(expected)

    @pytest.mark.parametrize("number", [999, 1_000, 1_001, 2_500])
    def test_many(self, as_protobuf: Encode, number: int) -> None:
        """
        Thousands of attributes, elements and entries are read as a few are.
        """
        pairs = [{"key": f"k{n}", "value": {"intValue": n}} for n in range(number)]
        values = [pair["value"] for pair in pairs]
        nested = [
            {"key": "list", "value": {"arrayValue": {"values": values}}},
            {"key": "mapping", "value": {"kvlistValue": {"values": pairs}}},
        ]
        raw = {"traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex(), "attributes": nested + pairs}
        document = {"resourceSpans": [{"scopeSpans": [{"spans": [raw]}]}]}

        assert shown(read_traces(as_protobuf(document))) == shown(over_json(document))

    def test_too_many_events(self, as_protobuf: Encode) -> None:
        """
        Of events and links without end a span keeps the first ten thousand, in both encodings.
        """
        link = {"traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex()}
        raw = {**link, "events": [{}] * (MAX_EVENTS + 1), "links": [link] * (MAX_EVENTS + 1)}
        document = {"resourceSpans": [{"scopeSpans": [{"spans": [raw]}]}]}
        over_both = read_traces(as_protobuf(document)), over_json(document)

        assert shown(over_both[0]) == shown(over_both[1])
        assert [len(over_both[0].spans[0].events), len(over_both[0].spans[0].links)] == [MAX_EVENTS] * 2

    def test_broken_list(self) -> None:
        """
        A nested value that cannot be decoded is None; its neighbours are read.
        """
        broken = length_delimited(5, b"\x0a\xff")  # an element longer than what is there
        pairs = [
            length_delimited(9, length_delimited(1, key) + length_delimited(2, value))
            for key, value in ((b"broken", broken), (b"whole", length_delimited(1, b"text")))
        ]
        ids = length_delimited(1, TRACE_ID) + length_delimited(2, SPAN_ID)
        message = length_delimited(1, length_delimited(2, length_delimited(2, ids + b"".join(pairs))))
        [found] = read_traces(message).spans

        assert found.attributes == {"broken": None, "whole": "text"}


class TestSharing:
    def test_resource_and_scope(self) -> None:
        """
        Spans of one resource share its attributes, those of one scope the scope: a request is not held many times.
        """
        first, second = read_traces(traces(span(1), span(2))).spans

        assert first.resource is second.resource
        assert first.scope is second.scope

    def test_keys(self) -> None:
        """
        A key is held once, whatever number of spans has it.
        """
        first, second = read_traces(
            traces(*[span(n, attributes=[attribute("some.long.key", int_value=n)]) for n in (1, 2)])
        ).spans

        assert next(iter(first.attributes)) is next(iter(second.attributes))


class TestGate:
    @given(document=_requests("resourceSpans", "scopeSpans", "spans", _spans))
    def test_one_by_one(self, as_protobuf: Encode, document: dict[str, Any]) -> None:
        """
        Of a span that no dialect knows the gate leaves just what the pipeline would leave of it, and nothing else.
        """
        assert_gated(as_protobuf(document))

    def test_recorded(self, as_protobuf: Encode, recorded_documents: list[dict[str, Any]]) -> None:
        """
        Nothing of a recorded trace is lost at the gate: the pairs are the same, and so is what is counted.
        """
        messages = [as_protobuf(document) for document in recorded_documents if "resourceSpans" in document]
        for message in messages:
            assert_gated(message)
        whole, gated = [pairs_of(messages, gate) for gate in (None, GATE)]

        assert len(whole[0]) > 100
        assert gated == whole

    def test_events_count(self) -> None:
        """
        A span that only its event marks is GenAI, and read whole.
        """
        event = ProtoSpan.Event(
            name="gen_ai.content.prompt", time_unix_nano=3, attributes=[attribute("a", int_value=1)]
        )
        [read] = read_traces(traces(span(events=[event])), GATE).spans

        assert not read.is_skeleton
        assert (read.events[0].time_ns, read.events[0].attributes) == (3, {"a": 1})

    def test_content_of_others(self) -> None:
        """
        Of a span that is not GenAI only ids, name, kind, times and whose conversation it is are kept.
        """
        attributes = [attribute("http.route", string_value="/"), attribute("session.id", string_value="s-1")]
        sent = span(attributes=attributes, events=[ProtoSpan.Event(name="exception")], status={"message": "secret"})
        [read] = read_traces(traces(sent), GATE).spans

        assert read.is_skeleton
        assert (read.name, read.attributes, read.events, read.status_message) == (
            "span 1",
            {"session.id": "s-1"},
            (),
            "",
        )
        assert read.size_bytes < 1_000


def assert_gated(message: bytes) -> None:
    slim = Pipeline(Limits.for_files(), window_s=0, rules=(), counts=Counts())._slim
    whole, gated = read_traces(message), read_traces(message, GATE)
    assert [repr(one) for one in gated.spans] == [repr(slim(one)) for one in whole.spans]
    assert (gated.problems, gated.refused) == (whole.problems, whole.refused)
    assert all(type(one) is Span for one in gated.spans)


def pairs_of(messages: Iterable[bytes], gate: Gate | None) -> tuple[list[Pair], dict[Metric, int]]:
    counts = Counts()
    pipeline = Pipeline(Limits.for_files(), window_s=0, rules=(), counts=counts)
    for message in messages:
        pipeline.accept(read_traces(message, gate).spans, now_s=0)
    return pipeline.drain(now_s=0), {metric: counts.total(metric) for metric in Metric}


class TestTraces:
    def test_everything(self) -> None:
        """
        Ids, times, kinds, states, events, links, resource and scope are those that were sent.
        """
        sent = ProtoSpan(
            trace_id=TRACE_ID,
            span_id=SPAN_ID,
            parent_span_id=PARENT_ID,
            flags=0x300,
            name="chat",
            kind=ProtoSpan.SPAN_KIND_CLIENT,
            start_time_unix_nano=1_750_000_000_000_000_001,
            end_time_unix_nano=1_750_000_000_000_000_009,
            events=[ProtoSpan.Event(time_unix_nano=5, name="gen_ai.choice", attributes=[attribute("n", int_value=1)])],
            links=[ProtoSpan.Link(trace_id=TRACE_ID, span_id=PARENT_ID)],
            dropped_attributes_count=3,
            status={"code": 2, "message": "too long"},
        )
        decoded = read_message(traces(sent))

        assert decoded.problems == ()
        [read] = decoded.spans
        assert (read.trace_id, read.span_id, read.parent_id) == (TRACE_ID.hex(), SPAN_ID.hex(), PARENT_ID.hex())
        assert (read.kind, read.status, read.status_message) == (SpanKind.CLIENT, Status.ERROR, "too long")
        assert (read.start_ns, read.end_ns) == (1_750_000_000_000_000_001, 1_750_000_000_000_000_009)
        assert (read.events[0].name, read.events[0].attributes) == ("gen_ai.choice", {"n": 1})
        assert (read.links[0].span_id, read.parent_is_remote, read.dropped_attributes) == (PARENT_ID.hex(), True, 3)
        assert (read.scope.name, read.scope.version, read.resource) == (
            "instrumentation",
            "1.2",
            {"service.name": "shop"},
        )

    @pytest.mark.parametrize(
        ("value", "read"),
        [
            pytest.param({"string_value": "ä🙂"}, "ä🙂", id="text"),
            pytest.param({"string_value": ""}, "", id="empty text"),
            pytest.param({"int_value": -(2**63)}, -(2**63), id="number"),
            pytest.param({"int_value": 0}, 0, id="zero"),
            pytest.param({"double_value": 0.5}, 0.5, id="fraction"),
            pytest.param({"bool_value": False}, False, id="false"),
            pytest.param({"bytes_value": b"\x00\xff"}, b"\x00\xff", id="bytes"),
            pytest.param(
                {"array_value": ArrayValue(values=[AnyValue(string_value="a"), AnyValue(int_value=1)])},
                ("a", 1),
                id="list",
            ),
            pytest.param(
                {"kvlist_value": KeyValueList(values=[attribute("a", string_value="b")])}, {"a": "b"}, id="mapping"
            ),
            pytest.param({}, None, id="nothing"),
        ],
    )
    def test_values(self, value: dict[str, Any], read: object) -> None:
        """
        Each kind of value comes out as it went in, empty ones too.
        """
        message = traces(span(attributes=[attribute("key", **value)]))
        [found] = read_message(message).spans

        assert found.attributes == {"key": read}

    def test_one_broken_text(self) -> None:
        """
        A text that is no UTF-8 is shown with a mark; nothing else of the request is lost.
        """
        message = traces(*[span(n, attributes=[attribute("key", string_value="XYZ")]) for n in range(1, 101)])
        at = message.index(b"XYZ", len(message) // 2)
        broken = message[:at] + b"X\xffZ" + message[at + 3 :]
        found = read_message(broken).spans

        assert len(found) == 100
        assert sorted({str(one.attributes["key"]) for one in found}) == ["XYZ", "X\N{REPLACEMENT CHARACTER}Z"]


class TestOthers:
    def test_logs(self) -> None:
        """
        A request of log records is told from one of spans.
        """
        data = LogsData()
        record = data.resource_logs.add().scope_logs.add().log_records.add()
        record.trace_id, record.span_id, record.event_name = TRACE_ID, SPAN_ID, "gen_ai.choice"
        record.time_unix_nano = 7
        record.body.kvlist_value.values.append(attribute("message", string_value="Yes."))
        [log] = read_message(data.SerializeToString()).logs

        assert (log.trace_id, log.span_id, log.event_name, log.time_ns) == (
            TRACE_ID.hex(),
            SPAN_ID.hex(),
            "gen_ai.choice",
            7,
        )
        assert log.body == {"message": "Yes."}

    def test_metrics(self) -> None:
        """
        Metrics hold nothing for us, and do no harm.
        """
        data = MetricsData()
        metric = data.resource_metrics.add().scope_metrics.add().metrics.add()
        metric.name = "requests"
        metric.gauge.data_points.add().as_int = 5

        decoded = read_message(data.SerializeToString())

        assert (decoded.spans, decoded.logs, decoded.refused) == ((), (), 0)

    def test_no_message(self) -> None:
        """
        What is no protobuf is said to be none.
        """
        with pytest.raises(ValueError, match="is no OTLP message"):
            read_message(b"\x0a\xff")

    @given(st.binary(max_size=300), st.integers(0, 200), st.integers(1, 4))
    def test_any_damage(self, noise: bytes, at: int, times: int) -> None:
        """
        Whatever bytes come in place of others: a document, or one error.
        """
        message = bytearray(traces(span(attributes=[attribute("key", string_value="text")])))
        message[at % len(message) : at % len(message) + times] = noise
        with suppress(ValueError):
            assert len(read_message(bytes(message)).spans) <= 1
