"""Senders that are slow, silent, endless or explosive: each has its answer, and the next request is served."""

from __future__ import annotations

import asyncio
import gzip
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import backports.zstd
import grpc
import httpx
import pytest
from receiver.serving import until

pytestmark = pytest.mark.integration

_POST = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
_MIB = 1 << 20


def _connect(doors: Any, *, sent: bytes = b"") -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", doors.http.port), timeout=10)
    opened.sendall(sent)
    return opened


def _answer(opened: socket.socket) -> bytes:
    """What comes until the connection is closed; nothing if it is closed without a word."""
    with opened:
        found = b""
        try:
            while piece := opened.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found


@pytest.mark.parametrize(
    ("garbage", "hint"),
    [
        (b"\x00" * 100 + b"\r\n\r\n", "This is no HTTP/1.1; gRPC has a port of its own."),
        (b"hello\r\n\r\n", "This is no HTTP/1.1; gRPC has a port of its own."),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "gRPC has a port of its own (listen_grpc)."),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "This is TLS, and this port has none: send to http://"),
    ],
)
def test_garbage(doors: Any, garbage: bytes, hint: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is no HTTP/1.1, as gRPC or TLS on the wrong port, is answered 400 with a hint, and said once in the log."""
    for _ in range(3):
        answer = _answer(_connect(doors, sent=garbage))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert hint.encode() in answer
    assert doors.post(b"").status_code == 200
    said = [record.message for record in caplog.records if record.name.startswith(("uvicorn", "spanlabel"))]
    assert len(said) == 1
    assert said[0].startswith("a request by HTTP from 127.0.0.1 was refused: ")
    assert hint in said[0]
    assert doors.refused(reason="not_understood") == 3


def test_slow_header(open_doors: Callable[..., Any]) -> None:
    """A header that does not end is waited for only so long; byte by byte does not help it."""
    doors = open_doors(header_timeout_s=0.4)
    opened, begun = _connect(doors, sent=_POST), time.monotonic()

    with opened, suppress(OSError):
        while time.monotonic() - begun < 10:
            opened.sendall(b"x")
            time.sleep(0.02)

    assert time.monotonic() - begun < 3
    assert doors.post(b"").status_code == 200
    assert doors.refused(reason="too_slow") == 1


def test_slow_header_on_a_used_connection(open_doors: Callable[..., Any]) -> None:
    """The second request of a connection has no more time than the first."""
    doors = open_doors(header_timeout_s=0.4)
    opened = _connect(doors, sent=_POST + b"Content-Length: 0\r\n\r\n")
    assert opened.recv(65536).startswith(b"HTTP/1.1 200 ")
    time.sleep(0.8)  # idle, which is no offence

    opened.sendall(_POST)

    assert _answer(opened) == b""


def test_half_a_request(open_doors: Callable[..., Any]) -> None:
    """A body that does not come is answered 408; the room that was kept for it is free again."""
    doors = open_doors(body_timeout_s=0.3)

    answer = _answer(_connect(doors, sent=_POST + b"Content-Length: 1000\r\n\r\nhalf"))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert doors.intake.used_bytes == 0
    assert doors.intake.most_bytes == 1000
    assert doors.post(b"").status_code == 200


def test_sender_goes_away(doors: Any) -> None:
    """A sender that closes in the middle of its body gets nothing taken, and its room is free again."""
    with _connect(doors, sent=_POST + b"Content-Length: 1000\r\n\r\nhalf"):
        until(lambda: doors.intake.used_bytes == 1000)

    until(lambda: doors.intake.used_bytes == 0)
    assert doors.intake.got == []


def test_slow_call(open_doors: Callable[..., Any]) -> None:
    """A call whose message does not come ends with DEADLINE_EXCEEDED."""
    doors = open_doors(body_timeout_s=0.3)
    silent: Iterator[bytes] = iter(lambda: time.sleep(3) or b"", None)

    with grpc.insecure_channel(doors.grpc_target) as channel:
        call = channel.stream_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as caught:
            call(silent, timeout=10)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "did not come within 0.3 s" in caught.value.details()
    assert doors.export(b"") == b""


def test_many_slow_calls(doors: Any) -> None:
    """Calls whose messages do not come keep others waiting for a moment at most."""
    end = threading.Event()
    with grpc.insecure_channel(doors.grpc_target) as channel:
        call = channel.stream_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        slow = [call.future(_silence(end)) for _ in range(40)]
        until(lambda: doors.intake.used_bytes == 40 << 20)
        begun = time.monotonic()

        assert doors.export(b"") == b""

        assert time.monotonic() - begun < 4
        for one in slow:
            one.cancel()
        end.set()
    until(lambda: doors.intake.used_bytes == 0)


def _silence(end: threading.Event) -> Iterator[bytes]:
    end.wait(20)
    yield b""


@pytest.mark.parametrize("endless", [
    pytest.param(_POST + b"X: ", id="a header's value"),
    pytest.param(b"POST /", id="a path"),
    pytest.param(_POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", id="a trailer's value"),
    pytest.param(_POST + b"Transfer-Encoding: chunked\r\n\r\n1;", id="a chunk's extension"),
])  # fmt: skip
def test_endless_header(doors: Any, endless: bytes) -> None:
    """What the parser would have to remember without end is cut off."""
    opened, sent = _connect(doors, sent=endless), 0
    try:
        while sent < 64 * _MIB:
            sent += opened.send(b"x" * 65536)
    except OSError:
        pass
    opened.close()

    assert sent < 16 * _MIB  # the rest lay in the sockets' buffers
    assert doors.post(b"").status_code == 200


def test_many_headers(doors: Any) -> None:
    """A header of very many lines is answered 431."""
    assert _answer(_connect(doors, sent=_POST + b"X: y\r\n" * 20_000)).startswith(b"HTTP/1.1 431 ")


def test_early_answer_on_a_connection_that_stays(open_doors: Callable[..., Any]) -> None:
    """A sender that is refused before its body was read keeps its connection and uses it for the next request."""
    doors = open_doors(max_body_bytes=100_000)
    opened = _connect(doors, sent=_POST + b"Content-Length: 3000000\r\n\r\n")
    assert opened.recv(65536).startswith(b"HTTP/1.1 413 ")

    opened.sendall(b"x" * 3_000_000 + _POST + b"Content-Length: 0\r\nConnection: close\r\n\r\n")

    assert _answer(opened).startswith(b"HTTP/1.1 200 ")


def test_upgrade(doors: Any) -> None:
    """Java's HTTP client asks for HTTP/2 with each request: it is answered as if it had not."""
    asks = (
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\nContent-Length: 4\r\n\r\n"
    )
    schema = b"\x0a\x02\x1a\x00"

    with _connect(doors, sent=_POST + asks + schema) as opened:
        answer = opened.recv(65536)
        opened.sendall(_POST + b"Content-Length: 0\r\n\r\n")
        assert opened.recv(65536).startswith(b"HTTP/1.1 200 ")  # and the connection goes on

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert [request.body for request in doors.intake.got] == [schema, b""]


def test_expect_continue(open_doors: Callable[..., Any]) -> None:
    """A sender that asks first is told to go on, or is refused without having sent its body."""
    doors = open_doors(max_body_bytes=1000)

    welcome = _connect(doors, sent=_POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert welcome.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    welcome.close()
    unwelcome = _connect(doors, sent=_POST + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
    assert unwelcome.recv(65536).startswith(b"HTTP/1.1 413 ")
    unwelcome.close()


def test_more_requests_than_allowed(open_doors: Callable[..., Any], make_intake: Any) -> None:
    """Beyond max_requests senders are told to come again, at both doors; the others are served."""
    doors = open_doors(intake=make_intake(slow_s=1.0), max_requests=2)

    with ThreadPoolExecutor(8) as threads:
        first = [threads.submit(doors.post, b"") for _ in range(2)]
        calls = [threads.submit(doors.export, b"") for _ in range(2)]
        until(lambda: doors.intake.begun == 4)
        answer = doors.post(b"")
        with pytest.raises(grpc.RpcError) as caught:
            doors.export(b"")

    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert [one.result().status_code for one in first] == [200, 200]
    assert [one.result() for one in calls] == [b"", b""]


def test_ten_thousand_connections(open_doors: Callable[..., Any]) -> None:
    """10 000 connections that are opened and left keep nobody from sending over HTTP, nor for long over gRPC."""
    doors = open_doors(max_connections=300, header_timeout_s=2.0)
    ours = doors.post(b"")

    async def crowd(port: int) -> list[asyncio.StreamWriter]:
        opened = []
        for _ in range(100):
            some = (asyncio.open_connection("127.0.0.1", port) for _ in range(100))
            done = await asyncio.gather(*some, return_exceptions=True)
            opened += [one[1] for one in done if not isinstance(one, BaseException)]
        return opened

    async def both() -> tuple[int, int, float, float]:
        opened = await crowd(doors.http.port)
        begun = time.monotonic()
        assert (await asyncio.to_thread(doors.post, b"")).status_code == 200
        http_s = time.monotonic() - begun
        for writer in opened:
            writer.close()
        opened_too = await crowd(doors.grpc.port)
        begun = time.monotonic()
        await asyncio.to_thread(doors.export, b"", wait_for_ready=True)
        grpc_s = time.monotonic() - begun
        for writer in opened_too:
            writer.close()
        return len(opened), len(opened_too), http_s, grpc_s

    at_http, at_grpc, http_s, grpc_s = asyncio.run(both())

    assert ours.status_code == 200
    assert at_http == 10_000
    assert at_grpc > 300
    assert http_s < 1
    assert grpc_s < 10


@pytest.fixture
def lone_door() -> Iterator[tuple[int, Path]]:
    """An HTTP door in a process of its own: its port, and where Linux says how much memory it has."""
    script = Path(__file__).with_name("serving.py")
    with subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield int(process.stdout.readline()), Path(f"/proc/{process.pid}/status")
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_hundred_bombs(lone_door: tuple[int, Path], coding: str) -> None:
    """100 bombs of 20 MB at once are refused with at most 100 MB more memory, and neighbours are served meanwhile."""
    port, status = lone_door
    bomb, waited = _bomb(coding), []
    assert len(bomb) > 19_000_000
    for _ in range(10):
        assert _neighbour(port) == 200
    before = _memory(status, "VmRSS")

    with ThreadPoolExecutor(100) as threads:
        bombs = [threads.submit(_throw, port, bomb, coding) for _ in range(100)]
        while not all(one.done() for one in bombs):
            begun = time.monotonic()
            assert _neighbour(port) == 200
            waited.append(time.monotonic() - begun)

    assert Counter(one.result() for one in bombs).keys() == {b"413", b"503"}
    assert _memory(status, "VmHWM") - before < 100 * _MIB
    assert max(waited) < 3


def _memory(status: Path, what: str) -> int:
    [line] = [line for line in status.read_text().splitlines() if line.startswith(what)]
    return int(line.split()[1]) * 1024


def _neighbour(port: int) -> int:
    return httpx.post(
        f"http://127.0.0.1:{port}/v1/traces",
        content=gzip.compress(b"\x0a\x02\x1a\x00" * 25_000),
        headers={"content-type": "application/x-protobuf", "content-encoding": "gzip"},
        timeout=30,
    ).status_code


def _bomb(coding: str) -> bytes:
    """20 MB, of which the beginning alone is more than a door takes; the rest is only sent."""
    zeros = bytes(128 * _MIB)
    if coding == "zstd":
        made = backports.zstd.compress(zeros)
    else:
        making = zlib.compressobj(1, zlib.DEFLATED, 31 if coding == "gzip" else 15)
        made = making.compress(zeros)
    return made + bytes(20_000_000 - len(made))


def _throw(port: int, bomb: bytes, coding: str) -> bytes:
    """Send it raw, as far as it is read, and read the status."""
    head = _POST + f"Content-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as opened:
        opened.sendall(head)
        with suppress(OSError):
            opened.sendall(bomb)
        return opened.recv(65536).split(b" ")[1]


def test_bomb_over_grpc(doors: Any) -> None:
    """Over gRPC the library stops a bomb at the bound."""
    with pytest.raises(grpc.RpcError) as caught:
        doors.export(bytes(300 * _MIB), compression=grpc.Compression.Gzip)

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    until(lambda: doors.refused(door="grpc", reason="too_large") == 1)
