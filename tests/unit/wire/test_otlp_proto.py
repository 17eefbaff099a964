"""OTLP protobuf says what the same request says as OTLP/JSON, and one broken text costs nothing else."""

from __future__ import annotations

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

from spanlabel.model import SpanKind, Status
from spanlabel.wire.otlp_json import read_document
from spanlabel.wire.otlp_proto import document_of

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
        decoded = read_document(document_of(traces(sent)))

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
        [found] = read_document(document_of(message)).spans

        assert found.attributes == {"key": read}

    def test_one_broken_text(self) -> None:
        """
        A text that is no UTF-8 is shown with a mark; nothing else of the request is lost.
        """
        message = traces(*[span(n, attributes=[attribute("key", string_value="XYZ")]) for n in range(1, 101)])
        at = message.index(b"XYZ", len(message) // 2)
        broken = message[:at] + b"X\xffZ" + message[at + 3 :]
        found = read_document(document_of(broken)).spans

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
        [log] = read_document(document_of(data.SerializeToString())).logs

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

        decoded = read_document(document_of(data.SerializeToString()))

        assert (decoded.spans, decoded.logs, decoded.refused) == ((), (), 0)

    def test_no_message(self) -> None:
        """
        What is no protobuf is said to be none.
        """
        with pytest.raises(ValueError, match="is no OTLP message"):
            document_of(b"\x0a\xff")

    @given(st.binary(max_size=300), st.integers(0, 200), st.integers(1, 4))
    def test_any_damage(self, noise: bytes, at: int, times: int) -> None:
        """
        Whatever bytes come in place of others: a document, or one error.
        """
        message = bytearray(traces(span(attributes=[attribute("key", string_value="text")])))
        message[at % len(message) : at % len(message) + times] = noise
        with suppress(ValueError):
            assert len(read_document(document_of(bytes(message))).spans) <= 1
