"""The gRPC door: the two Export calls of OTLP, with the messages as bytes.

Both calls are served as if the sender could stream: then a message is read only when we ask for it, so that token and
room are looked at before. For the sender there is no difference.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NoReturn, TypeAlias, cast
from urllib.parse import unquote

import grpc
import grpc.aio

from spanlabel.metrics import Counts

from .answers import Refusal, Refused, retry_info, status_body, taken_body
from .listening import Listening, bound_socket, cannot_listen
from .mishap import Mishaps
from .refusals import Refusals
from .request import Encoding, Intake, Request, Signal
from .room import STEP_BYTES, Room, hand_in
from .tls import Certificates, Tls
from .tokens import Tokens

_log = logging.getLogger(__name__)
_Context: TypeAlias = grpc.aio.ServicerContext[AsyncIterator[bytes], bytes]
_SIGNALS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": Signal.TRACES,
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": Signal.LOGS,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# A sender with more to say at once waits, instead of being refused.
_STREAMS_A_CONNECTION = 64
# gRPC holds a message whole before and after decompression while it is read, so not all are read at once.
_READ_AT_ONCE = 16
_LONGEST_TURN_S = 1.0


@asynccontextmanager
async def serve_grpc(
    intake: Intake, listening: Listening, *, tokens: Tokens | None = None, counts: Counts | None = None
) -> AsyncIterator[GrpcServer]:
    """Listen on the running event loop until the end of the `with`.

    Args:
        intake: Takes the requests.
        listening: Address and bounds.
        tokens: Who may send; None for everybody.
        counts: Where refusals are counted.

    Raises:
        ConfigError: The address cannot be had, or the certificates not be used.
    """
    server = GrpcServer(_Exports(intake, listening, tokens or Tokens(), counts or Counts()), listening)
    try:
        await server.start()
        yield server
    finally:
        await server.stop(0)


class GrpcServer:
    """A listening gRPC door.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, exports: _Exports, listening: Listening) -> None:
        self.port = 0
        self._exports = exports
        self._listening = listening
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ConfigError: The address cannot be had, or the certificates not be used.
        """
        listening = self._listening
        credentials = None if listening.tls is None else _credentials(listening.tls)
        with bound_socket(listening) as trial:  # its errors say what is wrong; gRPC's do not
            port = trial.getsockname()[1]
        self._server = grpc.aio.server(handlers=(self._exports,), options=_options(listening))
        host = f"[{listening.host}]" if ":" in listening.host else listening.host
        try:
            if credentials is None:
                self.port = self._server.add_insecure_port(f"{host}:{port}")
            else:
                self.port = self._server.add_secure_port(f"{host}:{port}", credentials)
        except RuntimeError as error:  # somebody was quicker
            raise cannot_listen(listening, OSError(str(error))) from error
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, answer those under way, then close; calling it again does nothing.

        Args:
            grace_s: How long calls under way may take; what is not answered then is cut off.
        """
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace_s)


class _Exports(grpc.GenericRpcHandler):
    """Knows the two calls, and answers them."""

    def __init__(self, intake: Intake, listening: Listening, tokens: Tokens, counts: Counts) -> None:
        self._intake = intake
        self._listening = listening
        self._tokens = tokens
        self._refusals = Refusals("grpc", counts)
        self._mishaps = Mishaps(_log)
        self._under_way = 0
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)

    def service(self, handler_call_details: Any) -> Any:
        """The call's handler; None if there is no such call, which gRPC answers with UNIMPLEMENTED."""
        signal = _SIGNALS.get(handler_call_details.method)
        return signal and grpc.stream_unary_rpc_method_handler(partial(self._export, signal))

    async def _export(self, signal: Signal, messages: AsyncIterator[bytes], context: _Context) -> bytes:
        try:
            return await self._take(signal, messages, context)
        except Refused as refused:
            self._refusals.note(refused.refusal, refused.message, _sender(context))
            await self._refuse(refused, context)
        except Exception as error:  # noqa: BLE001  whatever it is, the sender keeps its spans and comes again
            self._mishaps.say(error)
            self._refusals.count(Refusal.TRY_LATER)
            await self._refuse(self._mishaps.refused(), context)

    async def _refuse(self, refused: Refused, context: _Context) -> NoReturn:
        details: tuple[tuple[str, bytes], ...] = ()
        if refused.wait_s is not None:
            # The first is the standard's; the Python SDK reads the second.
            details = (
                ("grpc-status-details-bin", status_body(Encoding.PROTOBUF, refused)),
                ("google.rpc.retryinfo-bin", retry_info(refused.wait_s)),
            )
        await context.abort(_CODES[refused.refusal.value.grpc], refused.message, details)

    async def _take(self, signal: Signal, messages: AsyncIterator[bytes], context: _Context) -> bytes:
        token = self._tokens.name_for(_authorization(context))
        if token is None:
            raise Refused(
                Refusal.NO_TOKEN,
                "no token, or one that spanlabel does not know; send the metadata authorization: Bearer TOKEN",
            )
        if self._under_way >= self._listening.max_requests:
            raise Refused(Refusal.TRY_LATER, "too many requests are under way")
        self._under_way += 1
        try:
            with Room(self._intake) as room:
                room.make(STEP_BYTES)  # gRPC does not tell the size beforehand; the rest when it is known
                body = await self._message(messages)
                room.make(len(body))
                taken = await hand_in(self._intake, Request(signal, Encoding.PROTOBUF, body, token))
        finally:
            self._under_way -= 1
        return taken_body(signal, Encoding.PROTOBUF, taken)

    async def _message(self, messages: AsyncIterator[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self._listening.body_timeout_s):
                message = await self._read(messages)
        except TimeoutError:
            raise Refused(
                Refusal.TOO_SLOW, f"the request did not come within {self._listening.body_timeout_s:g} s"
            ) from None
        if message is None:  # gRPC has told the sender already, if it was too large
            raise Refused(Refusal.TOO_LARGE, f"no message, or one of more than {self._listening.max_body_bytes} bytes")
        return message

    async def _read(self, messages: AsyncIterator[bytes]) -> bytes | None:
        async with self._reading:
            reading = asyncio.ensure_future(anext(messages, None))
            try:
                await asyncio.wait({reading}, timeout=_LONGEST_TURN_S)
            except asyncio.CancelledError:
                # gRPC has refused a message that is too large, and ends the call, perhaps before we have noticed.
                if reading.done() and reading.result() is None:
                    return None
                reading.cancel()
                raise
        return await reading  # a slow one goes on without keeping its place from others


def _sender(context: _Context) -> str:
    """The address without the port; gRPC writes "ipv4:127.0.0.1:50000", or "ipv6:%5B::1%5D:50000"."""
    return unquote(context.peer()).partition(":")[2].rpartition(":")[0].strip("[]")


def _authorization(context: _Context) -> str:
    found = [value for name, value in context.invocation_metadata() or () if name == "authorization"]
    return str(found[0]) if len(found) == 1 else ""


def _options(listening: Listening) -> list[tuple[str, int]]:
    return [
        # It bounds what a message is decompressed to as well.
        ("grpc.max_receive_message_length", listening.max_body_bytes),
        # Else a second spanlabel on the same port would silently share it.
        ("grpc.so_reuseport", 0),
        ("grpc.max_concurrent_streams", _STREAMS_A_CONNECTION),
        ("grpc.max_allowed_incoming_connections", listening.max_connections),
        # Who connects and says nothing.
        ("grpc.server_handshake_timeout_ms", round(listening.header_timeout_s * 1000)),
        # Who is connected and has nothing to send.
        ("grpc.max_connection_idle_ms", round(listening.idle_timeout_s * 1000)),
        # Who is gone without saying so; and senders may ask the same of us every 10 s.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ]


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    certificates = Certificates(tls)

    def now() -> grpc.ServerCertificateConfiguration:
        ca = None if tls.client_ca is None else tls.client_ca.read_bytes()
        return grpc.ssl_server_certificate_configuration([(tls.key.read_bytes(), tls.cert.read_bytes())], ca)

    def at_a_connection() -> grpc.ServerCertificateConfiguration:
        # None, which the stubs do not know, says that nothing has changed.
        return now() if certificates.look_again() else cast("grpc.ServerCertificateConfiguration", None)

    return grpc.dynamic_ssl_server_credentials(
        now(), at_a_connection, require_client_authentication=tls.client_ca is not None
    )
