"""A small HTTP server on 127.0.0.1 in a thread of its own: the demo's provider and its OTLP sink stand on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socket import SHUT_RD, socket
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent.

    Attributes:
        method: "GET", "POST", ...
        path: As sent, with its query.
        headers: By lower-case name.
        body: As sent, still compressed; empty if there was none.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What it is answered.

    Attributes:
        status: HTTP status.
        body: All at once, or piece by piece: each piece is sent when it is made.
        content_type: Its media type.
    """

    status: int
    body: bytes | Iterator[bytes]
    content_type: str = "application/json"


class Loopback:
    """Serves one function over HTTP/1.1 on a port of 127.0.0.1 that the system chooses.

    Use it as a context manager. Leaving it lets answers that are being written end, closes what is idle, and
    leaves no thread and no socket behind.

    Args:
        answer: Called for each request, in the thread of its connection; may be called by several at once.
    """

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self._server = _Server(answer)
        # The poll interval bounds how long stopping takes; the standard half second would be felt.
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), name="spanlabel-demo-loopback")
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingTCPServer):
    """One thread for each connection. Not HTTPServer, which asks the name service for the host's name."""

    daemon_threads = False  # so that server_close waits for the answers being written
    request_queue_size = 64

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        self._open: set[socket] = set()
        self._lock = Lock()
        super().__init__(("127.0.0.1", 0), _Exchange)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Read no further request: an idle connection ends now, a busy one after its answer."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the client has left already
                    connection.shutdown(SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show faults of our own; a client that leaves in the middle of an answer is none."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Exchange(BaseHTTPRequestHandler):
    """Speaks HTTP on one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each small piece of a stream waits 40 ms for an acknowledgement
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.send_error(411)
            return
        self._answer(self.rfile.read(int(length)))

    def log_message(self, *_: object) -> None:
        """Say nothing: standard error belongs to the demo."""

    def _answer(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.server.answer(Request(self.command, self.path, headers, body))
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        if isinstance(response.body, bytes):
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in response.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")
