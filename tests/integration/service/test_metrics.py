"""What an operator's metrics backend gets of `spanlabel serve`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from servers.patience import until
from servers.serving import body_of, run_of, run_receiver

pytestmark = pytest.mark.integration


@contextmanager
def _backend() -> Iterator[tuple[str, dict[str, float]]]:
    """Takes OTLP metrics; gives its address, and the latest value of each by name."""
    latest: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scoped in group.scope_metrics:
                    for metric in scoped.metrics:
                        points = (metric.sum if metric.HasField("sum") else metric.gauge).data_points
                        latest[metric.name] = sum(one.as_int for one in points)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/metrics", latest
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_own_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry's own variable is enough: spans, records, refusals, the journal and the oldest waiting record."""
    with _backend() as (address, latest):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", address)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "300")
        with run_receiver(tmp_path, deliver_in="elsewhere") as receiver:
            receiver.insist(body_of(*(run_of(n) for n in range(5))))
            assert receiver.post(b"[]")[0] == 400
            until(lambda: latest.get("spanlabel.records.oldest_age", 0) > 0, "a record has waited for a second")
            assert latest["spanlabel.spans.received"] == 10
            assert latest["spanlabel.records.made"] == latest["spanlabel.records.waiting"] == 5
            assert latest["spanlabel.requests.refused"] == 1
            assert latest["spanlabel.journal.size"] > 1000
            assert receiver.stop() == 0
