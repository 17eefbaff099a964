"""The HTTP door as an ASGI application, without a server under it."""

import asyncio
import gzip
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.errors import TryLater
from spanlabel.metrics import Counts, Metric
from spanlabel.sources.listening import Listening
from spanlabel.sources.otlp_http import OtlpHttp
from spanlabel.sources.request import Request, Taken
from spanlabel.sources.tokens import Tokens

_PROTOBUF = (b"content-type", b"application/x-protobuf")
_KNOWN = {200, 400, 401, 404, 405, 413, 415, 503}


class _Intake:
    def __init__(self, room_bytes: int = 1 << 20) -> None:
        self.room_bytes = room_bytes
        self.used_bytes = 0
        self.bodies: list[bytes] = []

    def admit(self, size_bytes: int) -> None:
        if self.used_bytes + size_bytes > self.room_bytes:
            raise TryLater("full")
        self.used_bytes += size_bytes

    def leave(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes

    async def take(self, request: Request) -> Taken:
        self.bodies.append(request.body)
        return Taken()


def _ask(
    intake: _Intake,
    headers: Iterable[tuple[bytes, bytes]] = (_PROTOBUF,),
    pieces: Iterable[bytes] = (),
    *,
    path: str = "/v1/traces",
    method: str = "POST",
    is_cut_off: bool = False,
    **bounds: Any,
) -> tuple[int | None, dict[bytes, bytes], bytes]:
    """Status, headers and body of the answer; no status if there is none."""
    counts, sent = Counts(), []
    coming: list[dict[str, Any]] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    coming.append({"type": "http.disconnect"} if is_cut_off else {"type": "http.request", "body": b""})

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        app = OtlpHttp(
            intake, Listening("s", **bounds), tokens=Tokens(),
            counts=counts, health=list, readiness=list,
        )  # fmt: skip
        try:
            scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
            await app(scope, receive, send)
        finally:
            app.close()

    asyncio.run(run())
    assert intake.used_bytes == 0
    if not sent:
        return None, {}, b""
    start, body = sent
    assert counts.total(Metric.REQUESTS_REFUSED) == (start["status"] != 200)
    return start["status"], dict(start["headers"]), body["body"]


_NAMES = st.sampled_from([b"content-type", b"content-encoding", b"authorization", b"expect", b"x"])
_VALUES = st.binary(max_size=20) | st.sampled_from(
    [
        b"application/json",
        b"application/x-protobuf;charset=utf-8",
        b"gzip",
        b"deflate",
        b"zstd",
        b"identity",
        b"Bearer t",
    ]
)
_PATHS = st.sampled_from(["/v1/traces", "/v1/logs", "/v1/metrics", "/"]) | st.text(max_size=20)


@given(
    st.lists(st.tuples(_NAMES, _VALUES), max_size=6),
    st.lists(st.binary(max_size=200) | st.binary(max_size=200).map(gzip.compress), max_size=3),
    _PATHS,
    st.sampled_from(["GET", "POST", "PUT", "OPTIONS"]),
    st.booleans(),
)
def test_anything(
    headers: list[tuple[bytes, bytes]], pieces: list[bytes], path: str, method: str, is_cut_off: bool
) -> None:
    """
    Whatever headers and body come, there is one documented answer, its length is right, and all room is given back.
    """
    status, answered, body = _ask(_Intake(), headers, pieces, path=path, method=method, is_cut_off=is_cut_off)

    assert status in (_KNOWN | {None} if is_cut_off else _KNOWN)
    if status is not None:
        assert int(answered[b"content-length"]) == len(body)


@given(st.binary(max_size=5000), st.lists(st.integers(1, 5000), max_size=5), st.booleans())
def test_body_in_pieces(body: bytes, cuts: list[int], is_packed: bool) -> None:
    """
    A body arrives as it was sent, however the network cut it.
    """
    intake, sent = _Intake(), gzip.compress(body) if is_packed else body
    places = sorted({0, *cuts, len(sent)})
    pieces = [sent[begin:end] for begin, end in pairwise(places)]

    status, _, _ = _ask(intake, [_PROTOBUF, *([(b"content-encoding", b"gzip")] if is_packed else [])], pieces)

    assert status == 200
    assert intake.bodies == [body]


@pytest.mark.parametrize("is_packed", [False, True])
def test_room_runs_out_on_the_way(is_packed: bool) -> None:
    """
    A body of unknown length is refused as soon as there is no room for what it has grown to.
    """
    intake, body = _Intake(room_bytes=2 << 20), bytes(1000) * 4000
    headers = [_PROTOBUF, (b"content-encoding", b"gzip")] if is_packed else [_PROTOBUF]

    status, answered, _ = _ask(intake, headers, [gzip.compress(body)] if is_packed else [body] * 2)

    assert status == 503
    assert answered[b"retry-after"] in {b"1", b"2"}
    assert intake.bodies == []


@pytest.mark.parametrize("is_packed", [False, True])
def test_bound_holds_after_decompression(is_packed: bool) -> None:
    """
    The largest body is as large after decompression as without.
    """
    for size, wanted in ((300_000, 200), (300_001, 413)):
        body = bytes(size)
        headers = [_PROTOBUF, (b"content-encoding", b"gzip")] if is_packed else [_PROTOBUF]

        status, _, _ = _ask(_Intake(), headers, [gzip.compress(body) if is_packed else body], max_body_bytes=300_000)

        assert status == wanted


def test_refused_unread() -> None:
    """
    A request that says it is too large, or for which there is no room, is refused before its body is touched.
    """
    for length, intake, wanted in ((b"2000", _Intake(), 413), (b"900", _Intake(room_bytes=800), 503)):
        pieces = [b"x" * 100]

        status, _, _ = _ask(intake, [_PROTOBUF, (b"content-length", length)], pieces, max_body_bytes=1000)

        assert status == wanted
        assert pieces == [b"x" * 100]


def test_error_names_no_body() -> None:
    """
    An answer to a request that is refused repeats nothing of its headers or its body.
    """
    secret = b"do-not-repeat"
    for headers in ([(b"content-type", secret)], [_PROTOBUF, (b"content-encoding", secret)]):
        _, _, body = _ask(_Intake(), headers, [secret])

        assert secret not in body


def test_json_error() -> None:
    """
    A sender of JSON gets its errors as JSON, also for a path that is not there.
    """
    status, answered, body = _ask(_Intake(), [(b"content-type", b"application/json")], path="/v1/trace")

    assert (status, answered[b"content-type"]) == (404, b"application/json")
    assert "/v1/traces" in json.loads(body)["message"]
