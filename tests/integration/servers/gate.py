"""A gate in front of a server on loopback: it lets through what carries the right headers, over TLS if asked to.

To everybody else it shows a web page with status 404, as a private Hugging Face Space does.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

_PAGE = b"<html><body>Sorry, we can't find the page you are looking for.</body></html>"
_OWN = {"connection", "transfer-encoding", "content-length", "host", "date", "server"}


@dataclass(slots=True)
class Gate:
    """A gate that stands open for some.

    Attributes:
        port: Where it listens on 127.0.0.1.
        passed: How many requests it let through.
        refused: Paths of those that it did not.
    """

    port: int = 0
    passed: int = 0
    refused: list[str] = field(default_factory=list)


@contextlib.contextmanager
def gate(upstream: str, wanted: Mapping[str, str], *, certificate: tuple[Path, Path] | None = None) -> Iterator[Gate]:
    """Stand in front of a server.

    Args:
        upstream: Its address, http only.
        wanted: Headers that every request must carry.
        certificate: Files of certificate and key for TLS; without them it speaks plain HTTP.
    """
    parts = urlsplit(upstream)
    state = Gate()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10  # a client that keeps its connection must not hold up the end

        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if any(self.headers.get(name) != value for name, value in wanted.items()):
                state.refused.append(self.path)
                self._answer(404, [("Content-Type", "text/html")], _PAGE)
                return
            state.passed += 1
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OWN]
            self._answer(answer.status, kept, answer.read())
            connection.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do  # noqa: N815  the base class's names

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    state.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Make a certificate for a host that is its own authority; gives its file and its key's."""
    certificate, key = folder / "gate.pem", folder / "gate.key"
    names = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    made = ["-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *names, *made], check=True, capture_output=True)
    return certificate, key
