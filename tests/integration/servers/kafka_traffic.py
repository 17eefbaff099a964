"""Traces as the Collector's Kafka exporter writes them: keyed by the trace id as 32 hex digits, one trace a message."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence

from confluent_kafka import Producer
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

EPOCH_NS = 1_750_000_000 * 10**9


def trace_id(number: int) -> str:
    """The trace id of a number, spread over the partitions as random ids are."""
    return random.Random(number).randbytes(16).hex()  # noqa: S311  no secret


def span(trace: int, n: int, *, spans: int = 3, text: str = "", is_answer_told: bool = True) -> Span:
    """The nth span of a trace of so many: the first is the root, the last tells question and answer."""
    made = Span(
        trace_id=bytes.fromhex(trace_id(trace)),
        span_id=(n + 1).to_bytes(8, "big"),
        parent_span_id=b"" if n == 0 else (1).to_bytes(8, "big"),
        name="run" if n == 0 else f"step {n}",
        start_time_unix_nano=EPOCH_NS + n * 10**6,
        end_time_unix_nano=EPOCH_NS + (10**9 if n == 0 else (n + 1) * 10**6),
    )
    told = {"gen_ai.operation.name": "invoke_agent"} if n == 0 else {}
    if n == spans - 1:
        told |= {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
        told["gen_ai.input.messages"] = _messages("user", f"Question {trace}? {text}")
        if is_answer_told:
            told["gen_ai.output.messages"] = _messages("assistant", f"Answer {trace}. {text}")
    made.attributes.extend(KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in told.items())
    return made


def spans_message(spans: Iterable[Span]) -> bytes:
    """What the exporter writes with encoding otlp_proto."""
    data = TracesData()
    group = data.resource_spans.add()
    group.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value="shop")))
    group.scope_spans.add().spans.extend(spans)
    return data.SerializeToString()


def json_message(spans: Iterable[Span]) -> bytes:
    """What the exporter writes with encoding otlp_json."""
    from spanlabel.wire.otlp_proto import read_traces

    def attributes(given: object) -> list[dict[str, object]]:
        return [{"key": key, "value": {"stringValue": value}} for key, value in dict(given).items()]  # type: ignore[call-overload]

    read = read_traces(spans_message(spans)).spans
    written = [
        {
            "traceId": one.trace_id,
            "spanId": one.span_id,
            "parentSpanId": one.parent_id or "",
            "name": one.name,
            "startTimeUnixNano": str(one.start_ns),
            "endTimeUnixNano": str(one.end_ns),
            "attributes": attributes(one.attributes),
        }
        for one in read
    ]
    resource = {"attributes": attributes(read[0].resource)}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": written}]}]}).encode()


def answer_log(trace: int, *, span: int) -> bytes:
    """A log record of a span that tells the answer, as some instrumentations do instead of an attribute."""
    record = LogRecord(
        trace_id=bytes.fromhex(trace_id(trace)),
        span_id=(span + 1).to_bytes(8, "big"),
        time_unix_nano=EPOCH_NS + 10**6,
        event_name="gen_ai.client.inference.operation.details",
    )
    told = {
        "gen_ai.input.messages": _messages("user", f"Question {trace}? "),
        "gen_ai.output.messages": _messages("assistant", f"Answer {trace}. "),
    }
    record.attributes.extend(KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in told.items())
    data = LogsData()
    data.resource_logs.add().scope_logs.add().log_records.append(record)
    return data.SerializeToString()


def producer(brokers: str) -> Producer:
    """A producer that gives everything to the same partition for the same key, whatever the topic."""
    return Producer(
        {"bootstrap.servers": brokers, "acks": "all", "linger.ms": 20, "log_level": 0, "partitioner": "fnv1a_random"}
    )


def send(to: Producer, topic: str, trace: int, value: bytes | None, *, is_keyed: bool = True, sent_ms: int = 0) -> None:
    """Send one message with the Collector's key; 0 is sent now."""
    key = trace_id(trace).encode() if is_keyed else None
    while True:
        try:
            to.produce(topic, value, key=key, timestamp=sent_ms)
        except BufferError:
            to.poll(0.1)
        else:
            to.poll(0)
            return


def send_traces(to: Producer, topic: str, traces: Sequence[int], *, spans: int = 3, window: int = 200) -> None:
    """Send each span as a message of its own, those of up to so many traces in any order."""
    shuffled = random.Random(7)  # noqa: S311  no secret
    for begin in range(0, len(traces), window):
        parts = [(trace, n) for trace in traces[begin : begin + window] for n in range(spans)]
        shuffled.shuffle(parts)
        for trace, n in parts:
            send(to, topic, trace, spans_message([span(trace, n, spans=spans)]))
    to.flush(30)


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
