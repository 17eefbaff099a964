"""A real Collector at the receiver's real doors: whatever way it can send."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from receiver.serving import ListIntake, opened_doors
from servers.collector import run_collector
from servers.patience import until
from servers.traces import make_trace

from spanlabel.sources.request import Encoding, Request
from spanlabel.sources.tokens import Tokens
from spanlabel.wire.otlp_json import read_document

pytestmark = pytest.mark.integration

WAYS: dict[str, dict[str, str]] = {
    "grpc-none": {"compression": "none"},
    "grpc-gzip": {"compression": "gzip"},
    "http-none": {"compression": "none"},
    "http-gzip": {"compression": "gzip"},
    "http-zstd": {"compression": "zstd"},
    "http-deflate": {"compression": "deflate"},
    "http-json-none": {"compression": "none", "encoding": "json"},
    "http-json-zstd": {"compression": "zstd", "encoding": "json"},
}
"""Each is an exporter, and the token with which it comes."""


def config(lab: Any, doors: Any, ways: dict[str, dict[str, str]]) -> Path:
    """A Collector that sends a copy in each way."""
    exporters = {}
    for way, more in ways.items():
        kind = way.partition("-")[0]
        exporters[f"otlp_{kind}/{way}"] = {
            "endpoint": doors.grpc_target if kind == "grpc" else doors.http_url,
            "tls": {"insecure": True},
            "headers": {"authorization": f"Bearer {way}"},
            "retry_on_failure": {"initial_interval": "500ms", "max_interval": "1s"},
            **more,
        }
    receivers = {"otlp": {"protocols": {"http": {"endpoint": lab.http, "max_request_body_size": 64 << 20}}}}
    pipelines = {"traces": {"receivers": ["otlp"], "exporters": list(exporters)}}
    path: Path = lab.folder / "all-ways.yaml"
    path.write_text(
        yaml.safe_dump({"receivers": receivers, "exporters": exporters, "service": {"pipelines": pipelines}})
    )
    return path


def spans_of(request: Request) -> list[str]:
    if request.encoding is Encoding.JSON:
        return [span.span_id for span in read_document(json.loads(request.body)).spans]
    parsed = trace_service_pb2.ExportTraceServiceRequest.FromString(request.body)
    scopes = [scope for resource in parsed.resource_spans for scope in resource.scope_spans]
    return [span.span_id.hex() for scope in scopes for span in scope.spans]


def arrived(intake: ListIntake, way: str) -> Counter[str]:
    return Counter(span for request in intake.got if request.token == way for span in spans_of(request))


def test_every_way_of_sending_is_understood(program: Path, recorded: list[dict[str, Any]], lab: Any) -> None:
    """gRPC and HTTP, protobuf and JSON, every compression that both know: each brings every span, and each once."""
    documents = [one for one in recorded if "resourceSpans" in one][:300]
    sent = Counter(span.span_id for one in documents for span in read_document(one).spans)
    tokens = Tokens([(way, way) for way in WAYS])
    with opened_doors(tokens=tokens) as doors, run_collector(program, config(lab, doors, WAYS), log=lab.log):
        lab.send(documents)
        until(lambda: len(doors.intake.got) >= len(WAYS) * len(documents), "every request in every way")
        assert {way: arrived(doors.intake, way) == sent for way in WAYS} == dict.fromkeys(WAYS, True)
        kinds = {way: {one.encoding for one in doors.intake.got if one.token == way} for way in WAYS}
    assert kinds == {way: {Encoding.JSON if "json" in way else Encoding.PROTOBUF} for way in WAYS}


def test_a_full_receiver_is_asked_again(program: Path, lab: Any) -> None:
    """While there is no room the Collector keeps all it has, and sends it when there is."""
    documents = [make_trace(number, 3) for number in range(40)]
    sent = Counter(span.span_id for one in documents for span in read_document(one).spans)
    intake = ListIntake(room_bytes=10)
    tokens = Tokens([(way, way) for way in WAYS])
    with (
        opened_doors(intake=intake, tokens=tokens) as doors,
        run_collector(program, config(lab, doors, WAYS), log=lab.log) as collector,
    ):
        lab.send(documents)
        until(lambda: doors.refused(door="http") > 5 and doors.refused(door="grpc") > 5, "requests are refused")
        intake.room_bytes = 1 << 30
        until(lambda: len(intake.got) >= len(WAYS) * len(documents), "every request in every way")
        assert {way: arrived(intake, way) == sent for way in WAYS} == dict.fromkeys(WAYS, True)
        assert "Dropping data" not in collector.log.read_text()


def test_what_a_wrong_token_brings_is_gone(program: Path, lab: Any) -> None:
    """As the page warns: the Collector does not keep what comes with a wrong token."""
    tokens = Tokens([("other", "other")])
    with opened_doors(tokens=tokens) as doors, run_collector(program, config(lab, doors, WAYS), log=lab.log) as running:
        lab.send([make_trace(1, 3)])
        for way in WAYS:
            kind = way.partition("-")[0]
            until(lambda: running.metric("exporter_send_failed_spans", f"otlp_{kind}/{way}") == 4, way)  # noqa: B023
        assert doors.intake.got == []


def test_grpc_with_zstd_is_not_understood(program: Path, lab: Any) -> None:
    """As the page warns: Python's gRPC cannot read zstd and snappy, and the Collector drops what is refused so."""
    ways = {"grpc-zstd": {"compression": "zstd"}, "grpc-snappy": {"compression": "snappy"}}
    tokens = Tokens([(way, way) for way in ways])
    with opened_doors(tokens=tokens) as doors, run_collector(program, config(lab, doors, ways), log=lab.log) as running:
        lab.send([make_trace(1, 3)])
        for way in ways:
            until(lambda: running.metric("exporter_send_failed_spans", f"otlp_grpc/{way}") == 4, way)  # noqa: B023
        assert doors.intake.got == []


def test_a_very_long_conversation_comes_through(program: Path, lab: Any) -> None:
    """With the files as they are a span of 30 MB arrives, and so do its neighbours."""
    documents = [make_trace(number, 1) for number in range(3)]
    spans = [one["resourceSpans"][0]["scopeSpans"][0]["spans"][1] for one in documents]
    spans[1]["attributes"][1]["value"]["stringValue"] = "x" * (30 << 20)
    with opened_doors() as doors:
        config = lab.config("fan-out.yaml", {"127.0.0.1:14317": doors.grpc_target})
        with run_collector(program, config, log=lab.log):
            lab.send(documents)
            until(lambda: sum(arrived(doors.intake, "").values()) == 3, "all three")
    assert set(arrived(doors.intake, "")) == {span["spanId"] for span in spans}
