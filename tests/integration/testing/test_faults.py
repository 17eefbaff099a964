from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from servers.patience import PATIENCE_S

from spanlabel.testing import FAULTS, Fault, FaultProxy

pytestmark = pytest.mark.integration

WORDS = b"0123456789" * 100


class _Counting(BaseHTTPRequestHandler):
    """Answers with what it was sent, or with some words, and counts."""

    protocol_version = "HTTP/1.1"
    seen = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])) or WORDS
        type(self).seen += 1
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Mark", self.headers.get("X-Mark", ""))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[str]:
    _Counting.seen = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Counting)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@contextlib.contextmanager
def connect(url: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    try:
        yield connection
    finally:
        connection.close()


def _post(url: str, body: bytes = b"", mark: str = "") -> tuple[int, bytes, Message]:
    """Status, body and headers."""
    with connect(url) as connection:
        connection.request("POST", "/a?b=c", body=body, headers={"X-Mark": mark})
        with connection.getresponse() as answer:
            return answer.status, answer.read(), answer.headers


def _ask(connection: http.client.HTTPConnection) -> bytes:
    connection.request("POST", "/")
    with connection.getresponse() as answer:
        return answer.read()


class TestNoFault:
    def test_passes_on(self, upstream: str) -> None:
        """
        Without a plan a request and its answer pass unchanged, and are noted.
        """
        with FaultProxy(upstream) as proxy:
            status, body, headers = _post(proxy.url, b"body", mark="m")

        assert (status, body, headers["X-Mark"]) == (201, b"body", "m")
        assert proxy.requests == [("POST", "/a?b=c", None)]

    def test_keep_alive(self, upstream: str) -> None:
        """
        One connection carries many requests.
        """
        with FaultProxy(upstream) as proxy, connect(proxy.url) as connection:
            ports = set()
            for _ in range(3):
                assert _ask(connection) == WORDS
                ports.add(connection.sock.getsockname())

        assert len(ports) == 1


class TestEachFault:
    @pytest.mark.parametrize(
        ("name", "seen"), [("reset before", 0), ("reset after", 1)], ids=["before the server", "after the server"]
    )
    def test_reset(self, upstream: str, name: str, seen: int) -> None:
        """
        The client sees a reset; whether the server has done it depends on the fault.
        """
        with FaultProxy(upstream, lambda *_: FAULTS[name]) as proxy, pytest.raises(ConnectionResetError):
            _post(proxy.url)

        assert _Counting.seen == seen

    def test_truncated(self, upstream: str) -> None:
        """
        The server does it, and half of its answer comes.
        """
        with (
            FaultProxy(upstream, lambda *_: FAULTS["truncated"]) as proxy,
            pytest.raises(http.client.IncompleteRead) as caught,
        ):
            _post(proxy.url)

        assert caught.value.partial == WORDS[: len(WORDS) // 2]
        assert _Counting.seen == 1

    def test_delay(self, upstream: str) -> None:
        """
        The answer comes, later.
        """
        with FaultProxy(upstream, lambda *_: FAULTS["delay"]) as proxy:
            start_s = time.monotonic()
            status, _, _ = _post(proxy.url)

        assert status == 201
        assert time.monotonic() - start_s >= FAULTS["delay"].seconds

    @pytest.mark.parametrize("name", ["413", "429", "500", "503"])
    def test_status(self, upstream: str, name: str) -> None:
        """
        The proxy answers itself, with JSON.
        """
        with FaultProxy(upstream, lambda *_: FAULTS[name]) as proxy:
            status, body, headers = _post(proxy.url)

        assert (status, body, headers["Content-Type"]) == (int(name), b"{}", "application/json")
        assert headers["Retry-After"] == ("1" if name == "429" else None)
        assert _Counting.seen == 0

    def test_html(self, upstream: str) -> None:
        """
        A page comes where JSON was expected.
        """
        with FaultProxy(upstream, lambda *_: FAULTS["HTML"]) as proxy:
            status, body, headers = _post(proxy.url)

        assert (status, headers["Content-Type"], body[:6]) == (200, "text/html", b"<html>")

    def test_refused(self, upstream: str) -> None:
        """
        Nobody listens for a while, and then somebody does at the same address; open connections end.
        """
        with FaultProxy(upstream) as proxy, connect(proxy.url) as connection:
            _ask(connection)
            connection.auto_open = False
            with proxy.refuse():
                with pytest.raises(ConnectionRefusedError):
                    _post(proxy.url)
                with pytest.raises((ConnectionError, http.client.HTTPException)):
                    _ask(connection)
            assert _post(proxy.url)[0] == 201


def test_the_plan_decides(upstream: str) -> None:
    """
    The plan is asked for each request, with its place in the order.
    """

    def plan(method: str, path: str, n: int) -> Fault | None:
        return FAULTS["503"] if n % 2 == 0 and (method, path) == ("POST", "/a?b=c") else None

    with FaultProxy(upstream, plan) as proxy:
        assert [_post(proxy.url)[0] for _ in range(4)] == [503, 201, 503, 201]
    assert [fault is None for _, _, fault in proxy.requests] == [False, True, False, True]
