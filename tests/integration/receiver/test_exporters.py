"""The official Python exporters as senders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from spanlabel.errors import TryLater
from spanlabel.sources.tokens import Tokens

pytestmark = pytest.mark.integration


def _span() -> ReadableSpan:
    span = TracerProvider().get_tracer("t").start_span("chat", attributes={"gen_ai.system": "x"})
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


@pytest.mark.parametrize("compression", list(Compression))
def test_spans(open_doors: Callable[..., Any], compression: Compression) -> None:
    """The HTTP span exporter is served, with each of its compressions, and with a token."""
    doors = open_doors(tokens=Tokens([("app", "secret")]))
    exporter = OTLPSpanExporter(
        f"{doors.http_url}/v1/traces", headers={"authorization": "Bearer secret"}, compression=compression
    )

    assert exporter.export([_span()]) is SpanExportResult.SUCCESS

    [request] = doors.intake.got
    message = ExportTraceServiceRequest.FromString(request.body)
    assert message.resource_spans[0].scope_spans[0].spans[0].name == "chat"
    assert request.token == "app"
    exporter.shutdown()


def test_log_records(doors: Any) -> None:
    """The HTTP log exporter is served."""
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{doors.http_url}/v1/logs")))

    provider.get_logger("t").emit(body="said", event_name="gen_ai.choice")
    provider.shutdown()

    assert [request.signal.value for request in doors.intake.got] == ["logs"]


def test_retry(open_doors: Callable[..., Any], make_intake: Any) -> None:
    """An exporter that is told to come again does so within its patience, and nothing is lost."""
    intake = make_intake(surprise=TryLater("no room now"))
    doors = open_doors(intake=intake)
    exporter = OTLPSpanExporter(f"{doors.http_url}/v1/traces")
    doors.loop.call_soon_threadsafe(doors.loop.call_later, 1.5, lambda: setattr(intake, "surprise", None))

    assert exporter.export([_span()]) is SpanExportResult.SUCCESS

    assert len(intake.got) == 1
    assert doors.refused(reason="try_later") >= 1
    exporter.shutdown()


def test_wrong_token(open_doors: Callable[..., Any]) -> None:
    """An exporter with a typo in its token fails at once, and does not come again."""
    doors = open_doors(tokens=Tokens([("app", "secret")]))
    exporter = OTLPSpanExporter(f"{doors.http_url}/v1/traces", headers={"authorization": "Bearer secrte"})

    assert exporter.export([_span()]) is SpanExportResult.FAILURE

    assert doors.refused(reason="no_token") == 1
    exporter.shutdown()
