"""A loopback OTLP/HTTP sink: it shows that the standard OTLP exporter beside spanlabel receives every span too."""

from __future__ import annotations

import gzip
import zlib
from threading import Lock
from types import TracebackType
from typing import Self

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from .loopback import Loopback, Request, Response

_PROTOBUF = "application/x-protobuf"


class OtlpSink:
    """Takes spans as a Collector does, over HTTP in protobuf, plain or gzip, and remembers which ones came.

    Use it as a context manager. What came can still be asked for after it was left.
    """

    def __init__(self) -> None:
        self._spans: set[tuple[str, str]] = set()
        self._lock = Lock()
        self._loopback = Loopback(self._answer)
        self.endpoint = self._loopback.url + "/v1/traces"

    def __enter__(self) -> Self:
        """Start receiving."""
        self._loopback.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; a request that is being answered ends first."""
        self._loopback.__exit__(kind, error, trace)

    def received(self) -> frozenset[tuple[str, str]]:
        """Trace id and span id, in lower-case hex, of each span that came; one that came twice is there once."""
        with self._lock:
            return frozenset(self._spans)

    def _answer(self, request: Request) -> Response:
        if request.method != "POST" or request.path != "/v1/traces":
            return _refuse(404, f"{request.method} {request.path} is not served here")
        if request.headers.get("content-type") != _PROTOBUF:
            return _refuse(415, f"send {_PROTOBUF}")
        try:
            batch = ExportTraceServiceRequest.FromString(_inflated(request))
        except (DecodeError, OSError, EOFError, zlib.error) as error:
            return _refuse(400, f"not an OTLP trace request: {error}")
        came = {
            (span.trace_id.hex(), span.span_id.hex())
            for resource in batch.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }
        with self._lock:
            self._spans |= came
        return Response(200, ExportTraceServiceResponse().SerializeToString(), _PROTOBUF)


def _inflated(request: Request) -> bytes:
    if request.headers.get("content-encoding") == "gzip":
        return gzip.decompress(request.body)
    return request.body


def _refuse(status: int, why: str) -> Response:
    return Response(status, why.encode(), "text/plain")
