"""HTTP/1.1 connections that are watched.

uvicorn speaks the protocol. It has no bound for the time that a header or a body takes, for the size of a header, or
for the number of connections that would not also refuse those who have something to send: these are here.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .answers import Refusal
from .listening import Listening

_MOST_HEADER_BYTES = 64 << 10
# The application's own time-out, which can still answer, comes first.
_SLACK_S = 5.0
_TLS = b"\x16\x03"  # a handshake
_HTTP_2 = b"PRI * HTTP/2"
_ABOUT_UPGRADES = frozenset({b"connection", b"upgrade", b"http2-settings"})
# uvicorn warns for each request that it cannot read: whoever reaches the port could fill the log.
_quiet = logging.getLogger("spanlabel.sources.uvicorn")
_quiet.setLevel(logging.ERROR)


class Connections:
    """All connections of one HTTP door.

    Not thread-safe: the event loop owns them.

    Args:
        listening: The bounds.
        note: Is told that a request was not taken, why, and from where it came.
    """

    def __init__(self, listening: Listening, note: Callable[[Refusal, str, str], None]) -> None:
        self.listening = listening
        self.note = note
        self.state = ServerState()
        self.most = min(listening.max_connections, _half_of_the_files())
        self._idle: dict[Connection, None] = {}  # in order of the time since when
        self._all: set[Connection] = set()

    def opened(self, connection: Connection) -> None:
        """Count a connection in; beyond the bound, close that which has been idle longest.

        So who opens many and leaves them harms only who does the same.
        """
        self._all.add(connection)
        self._idle[connection] = None
        if len(self._all) > self.most:
            oldest = next(iter(self._idle))  # there is one: at least *connection* itself
            oldest.transport.abort()
            self.closed(oldest)

    def busy(self, connection: Connection) -> None:
        """Note that it has a request under way."""
        self._idle.pop(connection, None)

    def idle(self, connection: Connection) -> None:
        """Note that it has none."""
        if connection in self._all:
            self._idle[connection] = None

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        self._all.discard(connection)
        self._idle.pop(connection, None)

    def close_slow_ones(self, now_s: float) -> None:
        """Close those that have not sent in time what they began."""
        for connection in list(self._all):
            if connection.deadline_s is not None and connection.deadline_s < now_s:
                connection.give_up()

    def begin_to_close(self) -> None:
        """Close idle connections; the others close after their answer."""
        for connection in list(self._all):
            connection.shutdown()

    def abort(self) -> None:
        """Close whatever is still open."""
        for connection in list(self._all):
            connection.transport.abort()

    def __len__(self) -> int:
        return len(self._all)


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, which also says how far its sender has come.

    Attributes:
        deadline_s: Loop time by which the sender must have sent the header, or the body, that is awaited now; None
            while it owes nothing.
    """

    def __init__(self, connections: Connections, config: Config, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config, connections.state, {}, loop)
        self.logger = _quiet
        self.deadline_s: float | None = None
        self._connections = connections
        self._has_begun = False
        self._is_owed = False
        self._not_understood_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a header."""
        super().connection_made(transport)
        self._await_within(self._connections.listening.header_timeout_s)
        self._connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._connections.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, but no endless header, trailer or length of a chunk: the parser would hold it all."""
        self._not_understood_bytes += len(data)
        self._feed(data)
        if self._not_understood_bytes > _MOST_HEADER_BYTES and not self.transport.is_closing():
            self._note(Refusal.NOT_UNDERSTOOD, f"more than {_MOST_HEADER_BYTES} bytes of header")
            self.transport.write(b"HTTP/1.1 431 \r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            self._feed(self._head_without_upgrade() + data[stopped.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response(_what_it_is(data))

    def _head_without_upgrade(self) -> bytes:
        """The header of a request that also asks for another protocol, without that.

        Java's HTTP client asks each time for HTTP/2. The parser would take the body for that other protocol, and the
        request for an empty one.
        """
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in self.headers if name not in _ABOUT_UPGRADES]
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._has_begun = self._is_owed = True
        self._await_within(self._connections.listening.header_timeout_s)

    def on_headers_complete(self) -> None:
        """Its header is here; uvicorn calls the application."""
        if self.parser.should_upgrade():
            return
        self._not_understood_bytes = 0
        self._connections.busy(self)
        self._await_within(self._connections.listening.body_timeout_s + _SLACK_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of its body is here."""
        self._not_understood_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is here."""
        if self.parser.should_upgrade():
            return
        self._not_understood_bytes = 0
        self._is_owed = False
        self.deadline_s = None
        super().on_message_complete()
        self._rest()

    def on_response_complete(self) -> None:
        """It is answered, perhaps before all of it was here: then the rest is read and forgotten."""
        super().on_response_complete()
        self._rest()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP/1.1."""
        self._note(Refusal.NOT_UNDERSTOOD, msg)
        super().send_400_response(msg)

    def give_up(self) -> None:
        """Close it because its sender is too slow."""
        if self._has_begun:
            self._note(Refusal.TOO_SLOW, "it did not come in time")
        self.transport.abort()

    def _note(self, refusal: Refusal, why: str) -> None:
        self._connections.note(refusal, why, self.client[0] if self.client else "")

    def _await_within(self, timeout_s: float) -> None:
        self.deadline_s = self.loop.time() + timeout_s

    def _rest(self) -> None:
        if not self._is_owed and self.cycle.response_complete:
            self._connections.idle(self)


def _what_it_is(data: bytes) -> str:
    """What to tell who sends something else; the two usual ones are mistakes in the sender's settings."""
    if data.startswith(_TLS):
        return "This is TLS, and this port has none: send to http://, or set tls_cert and tls_key.\n"
    if data.startswith(_HTTP_2):
        return "This is gRPC, or HTTP/2; this port takes HTTP/1.1, and gRPC has a port of its own (listen_grpc).\n"
    return "This is no HTTP/1.1; gRPC has a port of its own.\n"


def _half_of_the_files() -> int:
    """So many connections leave enough open files for everything else."""
    if sys.platform == "win32":
        return 1 << 30
    import resource

    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2, 1)
