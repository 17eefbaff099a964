"""The sink, fed by the real OTLP exporter."""

from http.client import HTTPConnection

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from servers.patience import PATIENCE_S

from spanlabel.demo.sink import OtlpSink

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_every_span_is_counted_once(compression: Compression) -> None:
    """
    What the standard exporter sends is what the sink has, by trace id and span id.
    """
    made = set()
    with OtlpSink() as sink:
        provider = TracerProvider()
        provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(sink.endpoint, compression=compression), max_export_batch_size=50)
        )
        tracer = provider.get_tracer("test")
        for k in range(120):
            with tracer.start_as_current_span(f"span {k}") as span:
                context = span.get_span_context()
                made.add((f"{context.trace_id:032x}", f"{context.span_id:016x}"))
        provider.shutdown()

    assert sink.received() == made


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        pytest.param("/v1/traces", {"Content-Type": "application/x-protobuf"}, b"\xff\xff", 400, id="no protobuf"),
        pytest.param(
            "/v1/traces",
            {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"},
            b"plain",
            400,
            id="no gzip",
        ),
        pytest.param("/v1/traces", {"Content-Type": "application/json"}, b"{}", 415, id="JSON"),
        pytest.param("/v1/logs", {"Content-Type": "application/x-protobuf"}, b"", 404, id="logs"),
    ],
)
def test_what_is_no_trace_request_is_refused(path: str, headers: dict[str, str], body: bytes, status: int) -> None:
    """
    Anything but spans in protobuf is refused with a status that an exporter does not retry, and the sink goes on.
    """
    with OtlpSink() as sink:
        host, _, port = sink.endpoint.removeprefix("http://").partition("/")[0].partition(":")
        connection = HTTPConnection(host, int(port), timeout=PATIENCE_S)
        connection.request("POST", path, body, headers)

        assert connection.getresponse().status == status
        connection.close()
    assert sink.received() == frozenset()
