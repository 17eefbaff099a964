"""What it costs to read OTLP requests: `python benchmarks/decoding.py [rounds]`.

CPU time per span, the median of the rounds, for requests of 100 spans: GenAI spans of 10 KB (15 attributes, three of
them with messages), and spans of a web server (12 short attributes). Beside each, in the same rounds, the stock
protobuf classes parse the same bytes, and `json.loads` the same request as JSON, because a machine's speed changes from
minute to minute.

1. `check_traces`, which stands between a sender and its answer.
2. `read_traces`, with the gate of the receiver and without.
3. `check_json` and `read_json`.

Exit code 1 if a target is missed.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanlabel.dialects import STRUCTURE_KEYS, is_genai
from spanlabel.wire.json_body import check_json, read_json
from spanlabel.wire.otlp_proto import Gate, read_traces
from spanlabel.wire.proto_check import check_traces

SPANS = 100
GATE = Gate(is_genai, frozenset(STRUCTURE_KEYS))
_random = random.Random(1)  # noqa: S311 - the same texts in each run


def prose(length: int) -> str:
    words = [
        "".join(_random.choices("abcdefghijklmnopqrstuvwxyz", k=_random.randint(2, 9))) for _ in range(length // 5)
    ]
    return " ".join(words)[:length]


def messages(role: str, length: int) -> dict[str, str]:
    return {"stringValue": json.dumps([{"role": role, "parts": [{"type": "text", "content": prose(length)}]}])}


def model_call() -> dict[str, Any]:
    """Attributes of a GenAI span of 10 KB."""
    return {
        "gen_ai.operation.name": {"stringValue": "chat"},
        "gen_ai.provider.name": {"stringValue": "openai"},
        "gen_ai.request.model": {"stringValue": "gpt-4o"},
        "gen_ai.response.model": {"stringValue": "gpt-4o-2024-08-06"},
        "gen_ai.response.id": {"stringValue": f"chatcmpl-{prose(30)}"},
        "gen_ai.usage.input_tokens": {"intValue": "2100"},
        "gen_ai.usage.output_tokens": {"intValue": "640"},
        "gen_ai.request.temperature": {"doubleValue": 0.5},
        "gen_ai.response.finish_reasons": {"arrayValue": {"values": [{"stringValue": "stop"}]}},
        "gen_ai.conversation.id": {"stringValue": prose(36)},
        "server.address": {"stringValue": "api.openai.com"},
        "server.port": {"intValue": "443"},
        "gen_ai.system_instructions": messages("system", 1_500),
        "gen_ai.input.messages": messages("user", 5_000),
        "gen_ai.output.messages": messages("assistant", 2_500),
    }


def web_request() -> dict[str, Any]:
    """Attributes of a web server's span."""
    texts = ("http.request.method", "http.route", "url.path", "url.scheme", "server.address", "user_agent.original")
    more = ("client.address", "network.protocol.version", "url.query")
    numbers = ("http.response.status_code", "server.port", "client.port")
    found: dict[str, Any] = {key: {"stringValue": prose(20)} for key in texts + more}
    return found | {key: {"intValue": "443"} for key in numbers}


def spans(attributes_of: Callable[[], dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "traceId": _random.randbytes(16).hex(),
            "spanId": _random.randbytes(8).hex(),
            "parentSpanId": _random.randbytes(8).hex(),
            "flags": 0x100,
            "name": "chat gpt-4o" if attributes_of is model_call else "GET /orders",
            "kind": 3,
            "startTimeUnixNano": "1750000000000000000",
            "endTimeUnixNano": "1750000002000000000",
            "attributes": [{"key": key, "value": value} for key, value in attributes_of().items()],
            "status": {"code": 1},
        }
        for _ in range(SPANS)
    ]


def as_json(these: list[dict[str, Any]]) -> bytes:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    scoped = {"scope": {"name": "instrumentation", "version": "2.0"}, "spans": these}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}).encode()


def as_protobuf(these: list[dict[str, Any]]) -> bytes:
    data = TracesData()
    group = data.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    scoped = group.scope_spans.add()
    scoped.scope.name, scoped.scope.version = "instrumentation", "2.0"
    for raw in these:
        span = scoped.spans.add(
            trace_id=bytes.fromhex(raw["traceId"]),
            span_id=bytes.fromhex(raw["spanId"]),
            parent_span_id=bytes.fromhex(raw["parentSpanId"]),
            flags=raw["flags"],
            name=raw["name"],
            kind=raw["kind"],
            start_time_unix_nano=int(raw["startTimeUnixNano"]),
            end_time_unix_nano=int(raw["endTimeUnixNano"]),
            status=raw["status"],
        )
        for pair in raw["attributes"]:
            _set(span.attributes.add(key=pair["key"]).value, pair["value"])
    sent: bytes = data.SerializeToString()
    return sent


def _set(value: Any, written: dict[str, Any]) -> None:
    for kind, content in written.items():
        if kind == "arrayValue":
            for element in content["values"]:
                _set(value.array_value.values.add(), element)
        elif kind == "stringValue":
            value.string_value = content
        elif kind == "intValue":
            value.int_value = int(content)
        else:
            value.double_value = content


def us_per_span(rounds: int, works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median of each over the rounds, in which all take turns."""
    found: dict[str, list[float]] = {name: [] for name in works}
    gc.collect()
    gc.freeze()  # what the benchmark made is not for the readers to clean up
    for _ in range(rounds + 1):
        for name, work in works.items():
            began_s = time.process_time()
            for _ in range(5):
                work()
            found[name].append(1e6 * (time.process_time() - began_s) / (5 * SPANS))
    gc.unfreeze()
    return {name: median(figures[1:]) for name, figures in found.items()}  # the first round warms up


def main(rounds: int) -> int:
    failed = False
    for name, attributes_of, targets in (
        ("GenAI, 10 KB", model_call, {"check_traces": 1.3, "read_traces": 14.0}),
        # Of a span this short most of a check is the look at its ids, 0.4 us; the bounds only show what grows.
        ("web server", web_request, {"check_traces": 2.2, "read_traces": 17.0}),
    ):
        these = spans(attributes_of)
        packed, text = as_protobuf(these), as_json(these)
        assert len(read_traces(packed).spans) == len(read_json(text).spans) == SPANS
        assert read_traces(packed, GATE).spans[0].is_skeleton == (attributes_of is web_request)
        costs = us_per_span(
            rounds,
            {
                "FromString": lambda b=packed: TracesData.FromString(b),  # type: ignore[misc]  # bound in the loop
                "check_traces": lambda b=packed: check_traces(b),  # type: ignore[misc]
                "read_traces": lambda b=packed: read_traces(b, GATE),  # type: ignore[misc]
                "read_traces, no gate": lambda b=packed: read_traces(b),  # type: ignore[misc]
                "json.loads": lambda b=text: json.loads(b),  # type: ignore[misc]
                "check_json": lambda b=text: check_json(b),  # type: ignore[misc]
                "read_json": lambda b=text: read_json(b),  # type: ignore[misc]
            },
        )
        print(f"{name}: {len(packed) / SPANS / 1000:.1f} KB a span as protobuf, {len(text) / SPANS / 1000:.1f} as JSON")
        for work, cost in costs.items():
            yardstick = "json.loads" if "json" in work else "FromString"
            line = f"  {work:24}{cost:8.2f} us per span = {cost / costs[yardstick]:5.2f} x {yardstick}"
            if work in targets:
                passed = cost <= targets[work] * costs[yardstick]
                failed |= not passed
                line += f"   target {targets[work]:.1f} {'PASS' if passed else 'FAIL'}"
            print(line)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
