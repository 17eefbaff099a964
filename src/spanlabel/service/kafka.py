"""A member of a Kafka consumer group: as `Service`, without servers for OTLP and without a journal, which Kafka is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final

from spanlabel.assembly import Limits
from spanlabel.compose import Running, limits_of
from spanlabel.delivery.untraced import untraced
from spanlabel.errors import TryLater
from spanlabel.metrics import Counts, Metric
from spanlabel.sources.http_server import serve_http
from spanlabel.sources.kafka import KafkaSource
from spanlabel.sources.kafka_options import KafkaOptions
from spanlabel.sources.request import Request, Taken
from spanlabel.telemetry import observe

from .gate import gate_of
from .listening import listening_of
from .serving import CLOSE_S, LOOK_S, WINDOW_S
from .standing import Delivery, Watching

if TYPE_CHECKING:
    from spanlabel.config.receiver import ReceiverSettings
    from spanlabel.config.settings import Settings

_ELSEWHERE: Final = "this receiver reads from Kafka and takes no requests: send to Kafka"


class KafkaService:
    """Reads from Kafka and delivers.

    Args:
        settings: All settings but the receiver's.
        receiver: The receiver's.
        counts: Where everything is counted.

    Attributes:
        ports: "http" with host and port, where it says how it is.
        deliveries: How the destinations stand, looked at each `LOOK_S`.

    Raises:
        ConfigError: A setting is wrong.
    """

    def __init__(self, settings: Settings, receiver: ReceiverSettings, counts: Counts) -> None:
        self._receiver = receiver
        self._counts = counts
        self._options = KafkaOptions(
            receiver.kafka_brokers, receiver.kafka_topics, receiver.kafka_group, receiver.kafka_config
        )
        limits = limits_of(settings, Limits.for_receiver())
        self._source = KafkaSource(
            self._options,
            counts,
            dead_letters=settings.home / "kafka-dead",
            gate=gate_of(),
            most_bytes=limits.max_bytes - limits.max_bytes // 4,
        )
        self._running = Running(
            settings, Limits.for_receiver(), counts, window_s=WINDOW_S, no_room=self._source.wait_for_room
        )
        self._watching = Watching(self._running, counts)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="spanlabel-kafka", daemon=True)
        self._fault: BaseException | None = None
        self.ports: dict[str, str] = {}
        self.deliveries: tuple[Delivery, ...] = ()

    @property
    def spans(self) -> int:
        """Spans read since the start."""
        return self._counts.total(Metric.SPANS_RECEIVED)

    @property
    def held_spans(self) -> int:
        """Spans of traces that are not ready."""
        return self._running.pipeline.held_spans

    @property
    def origin(self) -> str:
        """Where spans come from, for the first line of the log."""
        return f"kafka {', '.join(self._options.brokers)}, topics {', '.join(self._options.topics)}"

    @property
    def condition(self) -> dict[str, int]:
        """How the source stands, in numbers."""
        return {"partitions": self._source.partitions, "lag": self._counts.total(Metric.KAFKA_LAG)}

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Read until *stop* is set; then commit, leave the group, and deliver what can be.

        Args:
            stop: Set it once; all is over `drain_timeout_s` + `CLOSE_S` later at the latest.
            ready: Called once, when reading has begun.

        Raises:
            ConfigError: Kafka cannot be reached, or a setting is wrong.
            StoreError: The outbox cannot be used.
        """
        stop_observing = observe(self._counts)
        end_s = time.monotonic()
        try:
            async with AsyncExitStack() as stack:
                if (listening := listening_of(self._receiver).get("http")) is not None:
                    door = serve_http(_Elsewhere(), listening, health=self._ills, readiness=self._hindrances)
                    server = await stack.enter_async_context(door)
                    self.ports["http"] = listening.at_port(server.port).address
                self._running.deliver_waiting()
                self._thread.start()
                await self._until(stop, ready)
                end_s = time.monotonic() + self._receiver.drain_timeout_s
        finally:
            await asyncio.to_thread(self._finish, end_s)
            stop_observing()
        if self._fault is not None:
            raise self._fault

    async def _until(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        is_ready = False
        while not stop.is_set() and self._thread.is_alive():
            if not is_ready and self._source.partitions:
                is_ready = True
                ready()
            self.deliveries = await asyncio.to_thread(self._watching.look, None)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)

    def _read(self) -> None:
        try:
            with untraced():
                self._source.run(self._running.pipeline, self._stop)
        except BaseException as error:  # noqa: BLE001 - raised where it can be told
            self._fault = error

    def _finish(self, end_s: float) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(max(0.0, end_s - time.monotonic()))
        self._running.deliver(max(0.0, end_s - time.monotonic()))
        self.deliveries = self._watching.look(None)
        self._running.close(CLOSE_S)

    def _ills(self) -> tuple[str, ...]:
        return () if self._thread.is_alive() else ("nothing is read from Kafka any more; see the log",)

    def _hindrances(self) -> tuple[str, ...]:
        if not self._source.partitions:
            return (
                *self._ills(),
                "no partition is assigned: it is joining, or there are more members than partitions",
            )
        return self._ills()


class _Elsewhere:
    """Nobody is to send here."""

    def admit(self, size_bytes: int) -> None:
        raise TryLater(_ELSEWHERE)

    def leave(self, size_bytes: int) -> None:
        pass

    async def take(self, request: Request) -> Taken:
        raise TryLater(_ELSEWHERE)
