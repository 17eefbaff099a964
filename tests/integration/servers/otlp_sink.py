"""Somebody who takes OTLP and keeps it: a real gRPC server and a real HTTP server on loopback.

It stands where another backend stands, and says what a Collector really sent.
"""

from __future__ import annotations

import contextlib
import gzip
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAX_BYTES = 64 << 20
_OPENERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.decompress,
    "zstd": lambda body: bytes(zstd.decompress(body)),
}


@dataclass(slots=True)
class Sink:
    """What was sent.

    Attributes:
        grpc: Address for gRPC, host:port.
        http: Address for HTTP, host:port.
        spans: Trace id and span id of all spans, in order, as often as they came.
        logs: Trace id and span id of all log records.
        headers: Of each request, names in lower case; metadata where it was gRPC.
        refuses: Whether it answers that it has no room now.
        token: What each request must bring as `Authorization`; "" for nothing.
    """

    grpc: str = ""
    http: str = ""
    spans: list[tuple[str, str]] = field(default_factory=list)
    logs: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refuses: bool = False
    token: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, request: Any, headers: dict[str, str]) -> None:
        """Note a request of either kind."""
        with self._lock:
            self.headers.append(headers)
            for resource in getattr(request, "resource_spans", ()):
                for scope in resource.scope_spans:
                    self.spans += [(one.trace_id.hex(), one.span_id.hex()) for one in scope.spans]
            for resource in getattr(request, "resource_logs", ()):
                for scope in resource.scope_logs:
                    self.logs += [(one.trace_id.hex(), one.span_id.hex()) for one in scope.log_records]


@contextlib.contextmanager
def otlp_sink(*, certificate: tuple[Path, Path] | None = None, grpc_port: int = 0) -> Iterator[Sink]:
    """Listen on free ports of loopback.

    Args:
        certificate: Files of certificate and key; HTTP is over TLS then.
        grpc_port: The port for gRPC where it must be a certain one.
    """
    sink = Sink()
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", _MAX_BYTES)])
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(sink), server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(_Logs(sink), server)
    sink.grpc = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{grpc_port}')}"
    server.start()
    web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(sink))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        web.socket = context.wrap_socket(web.socket, server_side=True)
    sink.http = f"127.0.0.1:{web.server_address[1]}"
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield sink
    finally:
        web.shutdown()
        thread.join()
        web.server_close()
        server.stop(grace=0).wait()


class _Service:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def _take(self, request: Any, context: grpc.ServicerContext) -> None:
        if self._sink.refuses:
            context.abort(grpc.StatusCode.UNAVAILABLE, "no room now")
        self._sink.keep(request, {key: str(value) for key, value in context.invocation_metadata()})


class _Traces(_Service, trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802  gRPC's name
        self._take(request, context)
        return trace_service_pb2.ExportTraceServiceResponse()


class _Logs(_Service, logs_service_pb2_grpc.LogsServiceServicer):
    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802  gRPC's name
        self._take(request, context)
        return logs_service_pb2.ExportLogsServiceResponse()


def _handler(sink: Sink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10  # a sender that keeps its connection must not hold up the end

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            if sink.token and headers.get("authorization") != sink.token:
                self._answer(401)
            elif sink.refuses:
                self._answer(503)
            else:
                kinds = {
                    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
                    "/v1/logs": logs_service_pb2.ExportLogsServiceRequest,
                }
                sink.keep(kinds[self.path].FromString(_OPENERS[headers.get("content-encoding", "")](body)), headers)
                self._answer(200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
