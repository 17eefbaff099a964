"""The HTTP door: OTLP requests over HTTP/1.1, as an ASGI application.

What is refused is refused as early as it can be known: path, method, token, content type and the size that the sender
says, before a byte of the body is read; what it grows to, while it is read.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any, TypeAlias

from spanlabel.metrics import Counts

from .answers import Refusal, Refused, status_body, taken_body
from .body import FIRST_STEP_BYTES, BodyReader
from .inflating import inflating
from .listening import Listening
from .mishap import Mishaps
from .refusals import Refusals
from .request import Encoding, Intake, Request, Signal
from .room import Room, hand_in
from .tokens import Tokens

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Troubles: TypeAlias = Callable[[], Sequence[str]]
"""What is wrong now, one sentence each; nothing if all is well."""

_log = logging.getLogger(__name__)
_SIGNALS = {"/v1/traces": Signal.TRACES, "/v1/logs": Signal.LOGS}
_ENCODINGS = {
    "application/x-protobuf": Encoding.PROTOBUF,
    "application/protobuf": Encoding.PROTOBUF,
    "application/json": Encoding.JSON,
}
_CONTENT_TYPES = {Encoding.PROTOBUF: b"application/x-protobuf", Encoding.JSON: b"application/json"}
_PATHS = "POST traces to /v1/traces and logs to /v1/logs; GET /healthz and /readyz say how spanlabel is"
_NO_METRICS = "spanlabel takes no metrics; send them elsewhere, and only traces and logs here"


class _Gone(Exception):
    """The sender has closed the connection."""


class OtlpHttp:
    """The ASGI application of the HTTP door.

    Args:
        intake: Takes the requests.
        listening: Its bounds.
        tokens: Who may send.
        counts: Where refusals are counted.
        health: What is wrong with the process; asked by /healthz.
        readiness: Why no requests should be sent here now; asked by /readyz.

    Attributes:
        refusals: Is told of each request that is not taken.
    """

    def __init__(
        self,
        intake: Intake,
        listening: Listening,
        *,
        tokens: Tokens,
        counts: Counts,
        health: Troubles,
        readiness: Troubles,
    ) -> None:
        self._intake = intake
        self._listening = listening
        self._tokens = tokens
        self.refusals = Refusals("http", counts)
        self._troubles = {"/healthz": health, "/readyz": readiness}
        self._bodies = BodyReader(listening.max_body_bytes)
        self._mishaps = Mishaps(_log)
        self._under_way = 0

    def close(self) -> None:
        """Let its threads end."""
        self._bodies.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = _headers(scope)
        encoding = _ENCODINGS.get(headers.get("content-type", "").partition(";")[0].strip().lower())
        try:
            if scope["path"] in self._troubles:
                await self._say_how_it_is(scope, send)
                return
            body = await self._take(scope, headers, encoding, receive)
            await _answer(send, 200, encoding or Encoding.JSON, body)
        except Refused as refused:
            self.refusals.note(refused.refusal, refused.message, _sender(scope))
            await _refuse(send, encoding or Encoding.JSON, refused)
        except _Gone:
            pass
        except asyncio.CancelledError:  # the grace of a stop is over
            await _refuse(send, encoding or Encoding.JSON, Refused(Refusal.TRY_LATER, "spanlabel is stopping"))
        except Exception as error:  # noqa: BLE001  whatever it is, the sender keeps its spans and comes again
            self._mishaps.say(error)
            self.refusals.count(Refusal.TRY_LATER)
            await _refuse(send, encoding or Encoding.JSON, self._mishaps.refused())

    async def _take(
        self, scope: Message, headers: dict[str, str], encoding: Encoding | None, receive: Receive
    ) -> bytes:
        signal = _signal(scope)
        token = self._tokens.name_for(headers.get("authorization", ""))
        if token is None:
            raise Refused(
                Refusal.NO_TOKEN,
                "no token, or one that spanlabel does not know; send the header Authorization: Bearer TOKEN",
                headers=((b"www-authenticate", b"Bearer"),),
            )
        if encoding is None:
            raise Refused(Refusal.WRONG_TYPE, "the Content-Type must be application/x-protobuf or application/json")
        reading = inflating(headers.get("content-encoding", "").strip().lower())
        said = int(headers.get("content-length", 0))
        self._bodies.check_size(said)
        if self._under_way >= self._listening.max_requests:
            raise Refused(Refusal.TRY_LATER, "too many requests are under way")
        self._under_way += 1
        try:
            with Room(self._intake) as room:
                # What is compressed is not kept: it takes the room of what has come out of it so far.
                room.make(said if reading is None else min(said, FIRST_STEP_BYTES))
                try:
                    async with asyncio.timeout(self._listening.body_timeout_s):
                        body = await self._bodies.read(_pieces(receive), reading, room)
                except TimeoutError:
                    raise Refused(
                        Refusal.TOO_SLOW,
                        f"the body did not come within {self._listening.body_timeout_s:g} s",
                        headers=((b"connection", b"close"),),
                    ) from None
                taken = await hand_in(self._intake, Request(signal, encoding, body, token))
        finally:
            self._under_way -= 1
        return taken_body(signal, encoding, taken)

    async def _say_how_it_is(self, scope: Message, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            raise _wrong_method("GET, HEAD")
        troubles = list(self._troubles[scope["path"]]())
        text = json.dumps({"status": "unavailable" if troubles else "ok", "wrong": troubles})
        await _answer(send, 503 if troubles else 200, Encoding.JSON, text.encode())


def _sender(scope: Message) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _headers(scope: Message) -> dict[str, str]:
    """By name in lower case; one that came several times is joined by commas."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _signal(scope: Message) -> Signal:
    signal = _SIGNALS.get(scope["path"])
    if signal is None:
        raise Refused(Refusal.NO_SUCH_PATH, _NO_METRICS if scope["path"] == "/v1/metrics" else _PATHS)
    if scope["method"] != "POST":
        raise _wrong_method("POST")
    return signal


def _wrong_method(right: str) -> Refused:
    return Refused(Refusal.WRONG_METHOD, f"this path takes {right}", headers=((b"allow", right.encode()),))


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        if piece := message.get("body"):
            yield piece
        if not message.get("more_body"):
            return


async def _refuse(send: Send, encoding: Encoding, refused: Refused) -> None:
    headers = refused.headers
    if refused.wait_s is not None:
        headers += ((b"retry-after", str(round(refused.wait_s)).encode()),)
    await _answer(send, refused.refusal.value.http, encoding, status_body(encoding, refused), headers)


async def _answer(
    send: Send, status: int, encoding: Encoding, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    written = [
        (b"content-type", _CONTENT_TYPES[encoding]),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": written})
    await send({"type": "http.response.body", "body": body})
