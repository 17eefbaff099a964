"""Both doors, really listening on loopback, with a small intake behind them.

Run as a script it opens them in a process of its own, prints its HTTP port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import httpx
import uvloop
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from spanlabel.errors import TryLater
from spanlabel.metrics import Counts, Metric
from spanlabel.sources.http_server import HttpServer, serve_http
from spanlabel.sources.listening import Listening
from spanlabel.sources.otlp_grpc import GrpcServer, serve_grpc
from spanlabel.sources.request import Encoding, Request, Signal, Taken
from spanlabel.sources.tls import Tls
from spanlabel.sources.tokens import Tokens

_SERVICES = {"traces": "trace.v1.TraceService", "logs": "logs.v1.LogsService"}


@dataclass
class ListIntake:
    """Keeps requests in a list, if there is room; decodes them with the stock protobuf classes."""

    room_bytes: int = 1 << 30
    refused: int = 0
    message: str = ""
    surprise: Exception | None = None
    slow_s: float = 0.0
    used_bytes: int = 0
    most_bytes: int = 0
    begun: int = 0
    got: list[Request] = field(default_factory=list)

    def admit(self, size_bytes: int) -> None:
        if self.used_bytes + size_bytes > self.room_bytes:
            raise TryLater("no room now", retry_after_s=None)
        self.used_bytes += size_bytes
        self.most_bytes = max(self.most_bytes, self.used_bytes)

    def leave(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes

    async def take(self, request: Request) -> Taken:
        self.begun += 1
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        if self.surprise is not None:
            raise self.surprise
        if request.encoding is Encoding.JSON:
            if request.body and not request.body.lstrip().startswith(b"{"):
                raise ValueError("the body is no OTLP/JSON")
        else:
            service = trace_service_pb2 if request.signal is Signal.TRACES else logs_service_pb2
            kind = "ExportTraceServiceRequest" if request.signal is Signal.TRACES else "ExportLogsServiceRequest"
            try:
                getattr(service, kind).FromString(request.body)
            except Exception as error:
                raise ValueError("the body is no OTLP protobuf") from error
        self.got.append(request)
        return Taken(self.refused, self.message)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, 10 s at most."""
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@dataclass
class Doors:
    """Both doors, open."""

    intake: ListIntake
    counts: Counts
    http: HttpServer
    grpc: GrpcServer
    loop: asyncio.AbstractEventLoop
    tls: Tls | None

    @property
    def http_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.http.port}"

    @property
    def grpc_target(self) -> str:
        return f"127.0.0.1:{self.grpc.port}"

    def refused(self, **labels: str) -> int:
        """How many requests were refused."""
        return self.counts.total(Metric.REQUESTS_REFUSED, **labels)

    def call(self, coroutine: Any) -> Any:
        """Run something on the doors' event loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def export(self, body: bytes, *, signal: str = "traces", channel: grpc.Channel | None = None, **more: Any) -> bytes:
        """One gRPC call, as bytes."""
        if channel is not None:
            method = f"/opentelemetry.proto.collector.{_SERVICES[signal]}/Export"
            answer: bytes = channel.unary_unary(method)(body, timeout=20, **more)
            return answer
        options = [("grpc.max_send_message_length", -1)]
        with grpc.insecure_channel(self.grpc_target, options=options) as opened:
            return self.export(body, signal=signal, channel=opened, **more)

    def post(self, body: Any, *, signal: str = "traces", kind: str = "x-protobuf", **headers: str) -> httpx.Response:
        """One HTTP request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(
            f"{self.http_url}/v1/{signal}",
            content=body,
            headers={"content-type": f"application/{kind}"} | named,
            timeout=30,
        )


@contextmanager
def opened_doors(
    *,
    intake: ListIntake | None = None,
    tokens: Tokens | None = None,
    tls: Tls | None = None,
    health: Callable[[], list[str]] = list,
    readiness: Callable[[], list[str]] = list,
    **bounds: Any,
) -> Iterator[Doors]:
    """Open both doors on an event loop in a thread of its own."""
    behind, counts, begun, stop = intake or ListIntake(), Counts(), threading.Event(), asyncio.Event()
    opened: list[Doors] = []
    listening = replace(Listening("listen_http", tls=tls), **bounds)

    async def run() -> None:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(
                serve_http(behind, listening, tokens=tokens, counts=counts, health=health, readiness=readiness)
            )
            server = await stack.enter_async_context(
                serve_grpc(behind, replace(listening, setting="listen_grpc"), tokens=tokens, counts=counts)
            )
            opened.append(Doors(behind, counts, http, server, asyncio.get_running_loop(), tls))
            begun.set()
            await stop.wait()

    def thread() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())

    running = threading.Thread(target=thread)
    running.start()
    assert begun.wait(10)
    try:
        yield opened[0]
    finally:
        opened[0].loop.call_soon_threadsafe(stop.set)
        running.join(20)
        assert not running.is_alive()
        assert behind.used_bytes == 0  # every `admit` has had its `leave`


if __name__ == "__main__":
    with opened_doors() as opened:
        sys.stdout.write(f"{opened.http.port}\n")
        sys.stdout.flush()
        sys.stdin.read()
