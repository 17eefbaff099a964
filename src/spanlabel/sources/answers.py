"""What a sender is told: the table of OTLP's answers, the same for both doors.

A sender gives up for good on some answers and comes again on others, so which one it gets decides whether its spans are
lost. `Refusal` is that table.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from enum import Enum

from .request import Encoding, Signal, Taken

_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
_SHORTEST_WAIT_S = 1.0
# The Python SDK gives up at once when it would have to wait longer than its 10 s in all.
_LONGEST_WAIT_S = 2.0
_JSON_COUNT = {Signal.TRACES: "rejectedSpans", Signal.LOGS: "rejectedLogRecords"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """One line of the table.

    Attributes:
        word: The metric's label.
        http: HTTP status code.
        grpc: gRPC status code, which is also the code of the `google.rpc.Status` in an HTTP answer.
        is_temporary: The sender shall come again with the same request.
    """

    word: str
    http: int
    grpc: int
    is_temporary: bool = False


class Refusal(Enum):
    """Why a request was not taken."""

    NOT_UNDERSTOOD = Meaning("not_understood", 400, 3)
    NO_TOKEN = Meaning("no_token", 401, 16)
    NO_SUCH_PATH = Meaning("no_such_path", 404, 12)
    WRONG_METHOD = Meaning("wrong_method", 405, 12)
    TOO_SLOW = Meaning("too_slow", 408, 4)
    TOO_LARGE = Meaning("too_large", 413, 8)
    WRONG_TYPE = Meaning("wrong_type", 415, 3)
    TRY_LATER = Meaning("try_later", 503, 14, is_temporary=True)
    """There is no room now, or something went wrong here that is not the request's fault."""


class Refused(Exception):
    """A request is not taken.

    Args:
        refusal: Why.
        message: For the person who runs the sender; holds nothing of the request's body and no secret.
        retry_after_s: What the intake asked for; None if it did not say.
        headers: Further HTTP headers.
    """

    def __init__(
        self,
        refusal: Refusal,
        message: str,
        *,
        retry_after_s: float | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.message = message
        self.headers = headers
        self.wait_s: float | None = None
        if refusal.value.is_temporary:
            asked = random.uniform(_SHORTEST_WAIT_S, _LONGEST_WAIT_S) if retry_after_s is None else retry_after_s  # noqa: S311  spreads the senders, hides nothing
            self.wait_s = min(max(asked, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)


def taken_body(signal: Signal, encoding: Encoding, taken: Taken) -> bytes:
    """The Export*ServiceResponse; its partial_success is unset when nothing was refused and nothing is to be said."""
    if not taken.refused and not taken.message:
        return b"{}" if encoding is Encoding.JSON else b""
    if encoding is Encoding.JSON:
        # Protobuf's JSON writes 64-bit numbers as text.
        partial = {_JSON_COUNT[signal]: str(taken.refused), "errorMessage": taken.message}
        return json.dumps({"partialSuccess": partial}).encode()
    return _bytes(1, _number(1, taken.refused) + _bytes(2, _utf8(taken.message)))


def status_body(encoding: Encoding, refused: Refused) -> bytes:
    """The google.rpc.Status of a refusal."""
    code = refused.refusal.value.grpc
    if encoding is Encoding.JSON:
        return json.dumps({"code": code, "message": refused.message}).encode()
    status = _number(1, code) + _bytes(2, _utf8(refused.message))
    if refused.wait_s is not None:
        status += _bytes(3, _bytes(1, _RETRY_INFO.encode()) + _bytes(2, retry_info(refused.wait_s)))
    return status


def retry_info(wait_s: float) -> bytes:
    """A google.rpc.RetryInfo.

    These two messages are written here because the package that has them, googleapis-common-protos, is not among
    what opentelemetry-proto brings.
    """
    seconds, rest = divmod(round(wait_s * 1e9), 10**9)
    return _bytes(1, _number(1, seconds) + _number(2, rest))


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value) if value else b""


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
