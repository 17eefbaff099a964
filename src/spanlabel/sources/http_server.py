"""The server under the HTTP door.

uvicorn's own server is not used: it takes over signals, and ends the process when a port is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from uvicorn.config import Config

from spanlabel.metrics import Counts

from .connection import Connection, Connections
from .listening import Listening, bound_socket, cannot_listen
from .otlp_http import OtlpHttp, Troubles
from .request import Intake
from .tls import Certificates
from .tokens import Tokens

_LOOK_S = 1.0
_BACKLOG = 2048
# An answer may be written, but not yet sent.
_LAST_BYTES_S = 0.1


@asynccontextmanager
async def serve_http(
    intake: Intake,
    listening: Listening,
    *,
    tokens: Tokens | None = None,
    counts: Counts | None = None,
    health: Troubles = lambda: (),
    readiness: Troubles = lambda: (),
) -> AsyncIterator[HttpServer]:
    """Listen on the running event loop until the end of the `with`.

    Args:
        intake: Takes the requests.
        listening: Address and bounds.
        tokens: Who may send; None for everybody.
        counts: Where refusals are counted.
        health: What is wrong with the process; asked by /healthz.
        readiness: Why no requests should be sent here now; asked by /readyz.

    Raises:
        ConfigError: The address cannot be had, or the certificates not be used.
    """
    app = OtlpHttp(
        intake, listening, tokens=tokens or Tokens(), counts=counts or Counts(), health=health, readiness=readiness
    )
    server = HttpServer(app, listening)
    try:
        await server.start()
        yield server
    finally:
        await server.stop(0)
        app.close()


class HttpServer:
    """A listening HTTP door.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, app: OtlpHttp, listening: Listening) -> None:
        self.port = 0
        self._app = app
        self._listening = listening
        self._connections = Connections(listening, app.refusals.note)
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ConfigError: The address cannot be had, or the certificates not be used.
        """
        listening, loop = self._listening, asyncio.get_running_loop()
        secure: dict[str, Any] = {}
        if listening.tls is not None:
            secure["ssl"] = Certificates(listening.tls).server_context()
            secure["ssl_handshake_timeout"] = listening.header_timeout_s
        config = _config(self._app, listening)
        opened = bound_socket(listening)
        try:
            self._server = await loop.create_server(
                lambda: Connection(self._connections, config, loop), sock=opened, backlog=_BACKLOG, **secure
            )
        except OSError as error:
            opened.close()
            raise cannot_listen(listening, error) from error
        self.port = opened.getsockname()[1]
        self._watch = loop.create_task(self._close_slow_ones())

    async def stop(self, grace_s: float) -> None:
        """Take no new connections, answer what is under way, then close; calling it again does nothing.

        Args:
            grace_s: How long requests under way may take; what is not answered then is cut off.
        """
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        self._connections.begin_to_close()
        tasks = self._connections.state.tasks
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for task in list(tasks):
            task.cancel()
        if self._connections:
            await asyncio.sleep(_LAST_BYTES_S)
        self._connections.abort()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, *tasks, return_exceptions=True)

    async def _close_slow_ones(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_LOOK_S, self._listening.header_timeout_s / 4))
            self._connections.close_slow_ones(loop.time())


def _config(app: OtlpHttp, listening: Listening) -> Config:
    config = Config(
        cast("Any", app),  # uvicorn's types for what ASGI leaves open are narrower
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=cast("int", listening.idle_timeout_s),  # it goes to call_later, which takes fractions too
    )
    config.load()
    return config
