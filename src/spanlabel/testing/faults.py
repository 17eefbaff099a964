"""A proxy on loopback that stands in front of an HTTP server and does what networks and servers do on bad days."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_UPSTREAM_S = 120.0
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


class Bad(Enum):
    """What happens to a request."""

    DELAY = "delay"
    """It is passed on after a while."""
    RESET_BEFORE = "reset before"
    """The connection is reset; the server never sees it."""
    RESET_AFTER = "reset after"
    """The server does it; the connection is reset before the answer."""
    TRUNCATE = "truncate"
    """The server does it; half of the answer comes, then the connection ends."""
    ANSWER = "answer"
    """The proxy answers itself; the server never sees it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request.

    Attributes:
        bad: Which kind.
        seconds: For DELAY.
        status: For ANSWER.
        headers: For ANSWER.
        body: For ANSWER.
    """

    bad: Bad
    seconds: float = 0.0
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


FAULTS: Mapping[str, Fault] = {
    "delay": Fault(Bad.DELAY, seconds=0.5),
    "reset before": Fault(Bad.RESET_BEFORE),
    "reset after": Fault(Bad.RESET_AFTER),
    "truncated": Fault(Bad.TRUNCATE),
    "413": Fault(Bad.ANSWER, status=413),
    "429": Fault(Bad.ANSWER, status=429, headers={"Retry-After": "1"}),
    "500": Fault(Bad.ANSWER, status=500),
    "503": Fault(Bad.ANSWER, status=503),
    "HTML": Fault(Bad.ANSWER, status=200, headers={"Content-Type": "text/html"}, body=b"<html>Be right back</html>"),
}
"""One of each kind, by name; `FaultProxy.refuse` is the one that needs no request."""

Plan = Callable[[str, str, int], Fault | None]
"""Method, path with query, and how many requests came before → what happens to it; None to pass it on."""


class FaultProxy:
    """Passes HTTP/1.1 requests on, but for those that its plan spoils. A context manager.

    Args:
        upstream: Address of the server, http only.
        plan: What happens to which request; may be exchanged at any time.

    Attributes:
        plan: As above.
        url: Its own address.
        requests: Method, path and fault of each request that came, in order.
    """

    def __init__(self, upstream: str, plan: Plan | None = None) -> None:
        parts = urlsplit(upstream)
        self.plan = plan
        self.requests: list[tuple[str, str, Fault | None]] = []
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._server = self._listen(0)
        self._port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, and hang up on everybody."""
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            open_ones, self._connections = self._connections, set()
        for connection in open_ones:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it

    @contextlib.contextmanager
    def refuse(self) -> Iterator[None]:
        """Refuse every connection within, at the same address."""
        self.close()
        try:
            yield
        finally:
            self._server = self._listen(self._port)

    def _listen(self, port: int) -> ThreadingHTTPServer:
        server = _Server(("127.0.0.1", port), _Handler)
        server.proxy = self
        threading.Thread(target=server.serve_forever, args=(0.05,), name="fault-proxy", daemon=True).start()
        return server

    def _decide(self, method: str, path: str) -> Fault | None:
        with self._lock:
            n = len(self.requests)
            fault = None if self.plan is None else self.plan(method, path, n)
            self.requests.append((method, path, fault))
        return fault

    def _pass_on(self, handler: _Handler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self._upstream, timeout=_UPSTREAM_S)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() not in _NOT_PASSED_ON}
            connection.request(handler.command, handler.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _NOT_PASSED_ON]
            return answer.status, kept, answer.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128
    proxy: FaultProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is what happens here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.proxy._lock:  # noqa: SLF001  the same module's own class
            self.server.proxy._connections.add(self.connection)  # noqa: SLF001  the same

    def finish(self) -> None:
        with self.server.proxy._lock:  # noqa: SLF001  the same module's own class
            self.server.proxy._connections.discard(self.connection)  # noqa: SLF001  the same
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Say nothing."""

    def do(self) -> None:
        """Handle a request of any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy = self.server.proxy
        fault = proxy._decide(self.command, self.path)  # noqa: SLF001  the same module's own class
        bad = None if fault is None else fault.bad
        if fault is not None and bad is Bad.ANSWER:
            self._answer(fault.status, {"Content-Type": "application/json", **fault.headers}.items(), fault.body)
            return
        if bad is Bad.RESET_BEFORE:
            self._hang_up()
            return
        if fault is not None and bad is Bad.DELAY:
            time.sleep(fault.seconds)
        status, headers, answer = proxy._pass_on(self, body)  # noqa: SLF001  the same module's own class
        if bad is Bad.RESET_AFTER:
            self._hang_up()
        else:
            self._answer(status, headers, answer, is_whole=bad is not Bad.TRUNCATE)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815  the base class's names

    def _answer(self, status: int, headers: Any, body: bytes, *, is_whole: bool = True) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if is_whole else body[: len(body) // 2])
        self.wfile.flush()
        if not is_whole:
            self.close_connection = True

    def _hang_up(self) -> None:
        """End the connection so that the other side sees a reset, not an end."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
