"""All parts of the service put together, and taken apart again so that nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final

from spanlabel.assembly import Limits
from spanlabel.compose import Running, limits_of
from spanlabel.errors import StoreError
from spanlabel.journal import Journal
from spanlabel.metrics import Counts
from spanlabel.sources.http_server import HttpServer, serve_http
from spanlabel.sources.listening import refuse_open_door
from spanlabel.sources.otlp_grpc import GrpcServer, serve_grpc
from spanlabel.sources.tokens import Tokens
from spanlabel.telemetry import observe

from .gate import gate_of
from .kinds import shortened
from .listening import listening_of
from .reading import Reading
from .standing import Delivery, Watching
from .taking import Taking
from .token_names import unknown_names

if TYPE_CHECKING:
    from spanlabel.config.receiver import ReceiverSettings
    from spanlabel.config.settings import Settings

WINDOW_S: Final = 10.0
"""How long a ready trace waits for others that one run may be spread over (design 4.3)."""

LOOK_S: Final = 1.0
"""The outbox is looked at this often."""

ANSWER_S: Final = 5.0
"""At the end, what is being received has this long."""

SWITCH_S: Final = 0.0002
"""So long the reading thread may keep the interpreter while the event loop wants it; Python's own 5 ms are long."""

CLOSE_S: Final = 2.0
"""What letting go of files and connections may take beyond `drain_timeout_s`."""


_logger = logging.getLogger(__name__)


class Service:
    """Receives, reads and delivers.

    Args:
        settings: All settings but the receiver's.
        receiver: The receiver's.
        counts: Where everything is counted.

    Attributes:
        ports: Where it listens: "grpc" and "http" with host and port.
        deliveries: How the destinations stand, looked at each `LOOK_S`.
    """

    def __init__(self, settings: Settings, receiver: ReceiverSettings, counts: Counts) -> None:
        self._settings = settings
        self._receiver = receiver
        self._counts = counts
        limits = limits_of(settings, Limits.for_receiver())
        self._journal = Journal(
            settings.home / "journal",
            fsync=receiver.journal_fsync,
            max_bytes=receiver.journal_max_bytes,
            memory_bytes=receiver.journal_memory_bytes,
            slim=shortened,
        )
        self._reading = Reading(
            self._journal,
            gate_of(),
            counts,
            max_bytes=limits.max_bytes,
            journal_bytes=receiver.journal_max_bytes,
            pause_s=limits.root_grace_s + WINDOW_S,
            is_busy=lambda: self._taking.is_busy,
        )
        self._running = Running(
            settings, Limits.for_receiver(), counts, window_s=WINDOW_S, no_room=self._reading.wait_for_room
        )
        self._taking = Taking(
            self._journal, counts, max_in_flight_bytes=receiver.max_in_flight_bytes, refusal=self._refusal
        )
        self._watching = Watching(self._running, counts)
        self._listening = listening_of(receiver)
        self._is_ending = False
        self._is_open = False
        self.ports: dict[str, str] = {}
        self.deliveries: tuple[Delivery, ...] = ()

    @property
    def origin(self) -> str:
        """Where spans come from, for the first line of the log."""
        return ", ".join(f"{name} {address}" for name, address in self.ports.items())

    @property
    def condition(self) -> dict[str, int]:
        """How the journal stands, in numbers."""
        journal = self._journal.state()
        return {"journal_bytes": journal.disk_bytes, "journal_waiting": journal.waiting_entries}

    @property
    def spans(self) -> int:
        """Spans taken since the start."""
        return self._taking.spans

    @property
    def held_spans(self) -> int:
        """Spans of traces that are not ready."""
        return self._running.pipeline.held_spans

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Receive until *stop* is set; then take nothing more, and deliver what can be.

        Args:
            stop: Set it once; all is over `drain_timeout_s` + `CLOSE_S` later at the latest.
            ready: Called once, when both servers listen.

        Raises:
            ConfigError: A setting is wrong, or a port is taken.
            StoreError: The journal cannot be used; or reading has ended, and only a new start can help.
        """
        stop_observing = observe(self._counts)
        sys.setswitchinterval(SWITCH_S)
        doors = self._doors()
        self._journal.open()
        if waiting := self._journal.state().waiting_entries:
            _logger.info("Requests that had come in before the start and are not done are read again: %d", waiting)
        end_s = time.monotonic()
        try:
            self._running.deliver_waiting()
            self._reading.start(self._running)
            async with AsyncExitStack() as stack:
                servers = [await stack.enter_async_context(door) for door in doors]
                self.ports = {
                    name: listening.at_port(server.port).address
                    for (name, listening), server in zip(self._listening.items(), servers, strict=True)
                }
                self._is_open = True
                ready()
                await self._until(stop)
                self._is_ending = True
                end_s = time.monotonic() + self._receiver.drain_timeout_s
                answer_s = min(ANSWER_S, self._receiver.drain_timeout_s)
                await asyncio.gather(*(server.stop(answer_s) for server in servers))
        finally:
            await asyncio.to_thread(self._finish, end_s)
            stop_observing()
        if self._reading.fault is not None:
            raise StoreError(f"reading has ended: {self._reading.fault}") from self._reading.fault

    async def _until(self, stop: asyncio.Event) -> None:
        """Look at everything now and then, until the end is wanted or nothing is read any more."""
        while not stop.is_set() and self._reading.is_alive:
            self.deliveries = await asyncio.to_thread(self._watching.look, self._journal.state())
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)

    def _finish(self, end_s: float) -> None:
        """Read and deliver what is here, and let go of everything."""
        self._reading.finish(max(0.0, end_s - time.monotonic()))
        self._running.deliver(max(0.0, end_s - time.monotonic()))
        self._journal.close(CLOSE_S)
        self.deliveries = self._watching.look(None)
        self._running.close(CLOSE_S)

    def _doors(self) -> list[AbstractAsyncContextManager[HttpServer | GrpcServer]]:
        """Both servers, not yet listening.

        Raises:
            ConfigError: A setting is wrong.
        """
        receiver = self._receiver
        tokens = Tokens([(name, secret.get_secret_value()) for name, secret in receiver.tokens], receiver.tokens_file)
        for said in unknown_names(self._settings, tokens.names):
            _logger.warning("%s", said)
        made: list[AbstractAsyncContextManager[HttpServer | GrpcServer]] = []
        for name, listening in self._listening.items():
            refuse_open_door(listening, tokens, allow_anonymous=receiver.allow_anonymous)
            if name == "grpc":
                made.append(serve_grpc(self._taking, listening, tokens=tokens, counts=self._counts))
            else:
                made.append(
                    serve_http(
                        self._taking,
                        listening,
                        tokens=tokens,
                        counts=self._counts,
                        health=self._ills,
                        readiness=self._hindrances,
                    )
                )
        return made

    def _refusal(self) -> str:
        """Why nothing can be taken now; "" if it can."""
        if self._is_ending:
            return "this receiver is ending"
        return self._reading.no_room

    def _ills(self) -> tuple[str, ...]:
        """What only a new start can help against."""
        return () if self._reading.is_alive or not self._is_open else ("nothing is read any more; see the log",)

    def _hindrances(self) -> tuple[str, ...]:
        """Why no requests should be sent here now."""
        why = self._taking.hindrance if self._is_open else "this receiver is starting"
        return (*self._ills(), *((why,) if why else ()))
