"""What a sender of OTLP brings, and what stands behind the two servers that listen for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Signal(Enum):
    """The two kinds of OTLP requests that are taken."""

    TRACES = "traces"
    LOGS = "logs"


class Encoding(Enum):
    """How a request is written."""

    PROTOBUF = "protobuf"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Request:
    """One export request, whole and decompressed.

    Attributes:
        signal: What it holds.
        encoding: How it is written.
        body: The message; empty is a request without anything in it.
        token: Name of the bearer token that it came with; "" without one.
    """

    signal: Signal
    encoding: Encoding
    body: bytes
    token: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken and will not be lost.

    Attributes:
        refused: Spans or log records in it that are not, because nothing can be done with them.
        message: Why, for the sender; "" if none was refused.
    """

    refused: int = 0
    message: str = ""


class Intake(Protocol):
    """What stands behind the servers.

    `admit` is called before a body is read, on the event loop: it must be quick. Each `admit` that returned is followed
    by exactly one `leave` with the same size, whatever becomes of the request.
    """

    def admit(self, size_bytes: int) -> None:
        """Make room for a request of this size, as far as its sender has said it, before it is read.

        Raises:
            TryLater: There is no room now; `retry_after_s` says when to come again.
        """

    def leave(self, size_bytes: int) -> None:
        """Say that a request for which room was made is answered."""

    async def take(self, request: Request) -> Taken:
        """Take a request; when it returns, a crash loses nothing of it.

        Raises:
            TryLater: There is no room now; nothing was taken.
            ValueError: The body is no such message; the text is for the sender and holds none of it.
        """
