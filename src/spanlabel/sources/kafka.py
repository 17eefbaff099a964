"""Spans and log records from Kafka, as a member of a consumer group.

Kafka is the log: nothing is stored here. A member commits how far it has decided, see `spanlabel.sources.offsets`;
what it had not decided when it ended, or when a partition left, another member reads again whole.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Protocol

from spanlabel.errors import ConfigError, StoreError
from spanlabel.metrics import Counts, Metric
from spanlabel.model import Log, Span
from spanlabel.wire.decoded import Decoded
from spanlabel.wire.otlp_proto import Gate

from .aside import Aside
from .dead_letters import DeadLetters
from .kafka_backlog import Backlog
from .kafka_lanes import Lanes
from .kafka_options import KafkaOptions
from .kafka_topics import check_topics
from .message import read_message
from .offsets import Lane, Taking
from .reading_clock import ReadingClock

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Message

_logger = logging.getLogger("spanlabel")

_TICK_S: Final = 0.25
_COMMIT_S: Final = 1.0
_SAY_S: Final = 60.0
_WAIT_S: Final = 1.0
_CLOSE_S: Final = 5.0
_ASK_S: Final = 1.0
_ANSWER_S: Final = 0.5
_ASIDE_BYTES: Final = 64 << 20


class Reading(Protocol):
    """What stands behind the source: the pipeline."""

    @property
    def held_bytes(self) -> int:
        """Bytes of traces that are not ready, or kept for late spans."""

    def accept(self, spans: Sequence[Span], logs: Sequence[Log] = (), *, now_s: float) -> None:
        """Take spans and log records in any order."""

    def tick(self, *, now_s: float) -> object:
        """Read what is ready.

        Raises:
            StoreError: Records cannot be stored.
        """

    def undecided(self, trace_ids: Iterable[str]) -> Sequence[str]:
        """Which of these traces wait to be read; of all others the records are stored, or there are none."""

    def take_released(self) -> object:
        """The traces of which nothing is kept any more."""

    def forget(self, trace_ids: Sequence[str]) -> None:
        """Drop traces without reading them."""


class KafkaSource:
    """Reads the topics as a member of the group, until it is told to stop.

    Args:
        options: Where, and as whom.
        counts: Where messages are counted.
        dead_letters: Folder for messages that cannot be read.
        gate: Which spans are wanted whole; None for all.
        most_bytes: When the pipeline holds as much, nothing is fetched until it holds less.
        clock: Seconds; never goes back.
    """

    def __init__(
        self,
        options: KafkaOptions,
        counts: Counts,
        *,
        dead_letters: Path,
        gate: Gate | None = None,
        most_bytes: int = 384 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._counts = counts
        self._dead_letters = DeadLetters(dead_letters)
        self._gate = gate
        self._most_bytes = most_bytes
        self._clock = clock
        self._reading_s = ReadingClock(clock)
        self._asked_s = 0.0
        self._stop = Event()
        self._heard: deque[str] = deque(maxlen=1)
        self._said_s: dict[str, float] = {}
        self._aside = Aside(_ASIDE_BYTES)
        self._early: deque[tuple[Message, Lane | None]] = deque()
        self._consumer: Consumer | None = None
        self._lanes: Lanes | None = None
        self._backlog: Backlog | None = None

    @property
    def partitions(self) -> int:
        """How many partitions this member reads now. Any thread may ask."""
        return 0 if self._backlog is None else self._backlog.shown

    def run(self, pipeline: Reading, stop: Event) -> None:
        """Read until *stop* is set; then how far it came is committed, and the group left.

        Traces that are not decided by then are forgotten: another member, or the next start, reads them whole.

        Args:
            pipeline: This thread alone calls it meanwhile.
            stop: Set it from any thread.

        Raises:
            ConfigError: Kafka cannot be reached, a topic is missing, the topics do not fit each other, or a property
                is wrong; raised at the start. Later, when Kafka says that this member can never go on.
            StoreError: Records cannot be stored, and `wait_for_room` was not asked to wait.
        """
        self._stop = stop
        consumer = self._open()
        try:
            check_topics(consumer, self._options, self._heard)
            self._lanes = lanes = Lanes(
                consumer,
                self._options.topics,
                undecided=pipeline.undecided,
                left=pipeline.forget,
                say=self._say,
                clock=self._reading_s,
            )
            self._consumer = consumer
            lanes.subscribe()
            self._read(consumer, lanes, pipeline)
        except StoreError:
            if not stop.is_set():
                raise
        finally:
            if self._lanes is not None:
                self._lanes.pause()
                self._lanes.end(is_away=self._reading_s.stands_for("away"))
            self._close(consumer)
            self._consumer = None
            if self._backlog is not None:
                self._backlog.show({}, self._reading_s())

    def wait_for_room(self, why: str) -> bool:
        """Wait a moment because records cannot be stored now, and stay in the group meanwhile.

        The pipeline's sink calls it, on the thread that is in `run`.

        Args:
            why: What the store said.

        Returns:
            Whether to try again; False when `run` was told to stop.
        """
        if self._lanes is None or self._consumer is None:
            return False
        self._say("room", f"nothing is read from Kafka until records can be stored again: {why}")
        self._lanes.pause()
        self._reading_s.stop("room")
        message = self._consumer.poll(_WAIT_S)
        self._reading_s.go("room")
        if message is not None:
            self._early.append((message, self._lanes.by_number.get(_number(message))))
        return not self._stop.is_set()

    def _close(self, consumer: Consumer) -> None:
        """Leave the group; a client that waits for a broker which is away is left to itself after a while."""
        closing = Thread(target=consumer.close, name="spanlabel-kafka-close", daemon=True)
        closing.start()
        closing.join(_CLOSE_S)
        if closing.is_alive():
            self._say("close", "no broker answers: the group will miss this member after its session time-out")

    def _open(self) -> Consumer:
        from confluent_kafka import Consumer, KafkaException

        callbacks = {"error_cb": self._on_error, "on_commit": self._on_commit}
        try:
            return Consumer({**self._options.properties(), **callbacks})
        except KafkaException as error:
            why = self._options.without_secrets(error.args[0].str())
            raise ConfigError(why, setting="kafka_config") from None

    def _read(self, consumer: Consumer, lanes: Lanes, pipeline: Reading) -> None:
        tick_s = commit_s = 0.0
        self._backlog = backlog = Backlog(consumer, self._options.topics, self._counts)
        while not self._stop.is_set():
            lanes.place()
            while self._early:
                early, lane = self._early.popleft()
                if lanes.by_number.get(_number(early)) is lane:  # else it comes again
                    self._take(early, lanes, pipeline, self._reading_s())
            message = consumer.poll(_TICK_S)
            if self._reading_s.stands_for("away"):
                self._ask(consumer)
            now_s = self._reading_s()
            if message is not None:
                self._take(message, lanes, pipeline, now_s)
            if now_s >= tick_s:
                lanes.is_in_doubt = True
                pipeline.tick(now_s=now_s)
                lanes.is_in_doubt = False
                self._make_way(lanes, pipeline)
                for number in lanes.by_number:
                    self._keep_pace(number, lanes)
                tick_s = now_s + _TICK_S
            if now_s >= commit_s:
                lanes.commit()
                pipeline.take_released()
                self._aside.keep(lanes.knows)
                backlog.show(lanes.by_number, now_s)
                commit_s = now_s + _COMMIT_S

    def _ask(self, consumer: Consumer) -> None:
        """Ask, once a second, whether somebody answers again."""
        from confluent_kafka import KafkaException

        if self._clock() - self._asked_s >= _ASK_S:
            try:
                consumer.list_topics(self._options.topics[0], timeout=_ANSWER_S)
                self._reading_s.go("away")
            except KafkaException:
                self._asked_s = self._clock()

    def _take(self, message: Message, lanes: Lanes, pipeline: Reading, now_s: float) -> None:
        error, topic, number, offset = message.error(), message.topic(), _number(message), message.offset()
        if error is not None:
            self._on_error(error)
        if error is not None or topic is None or offset is None:
            return
        lane = lanes.by_number.get(number)
        if lane is None:  # fetched before its partition left
            return
        position = lane.position(topic)
        if position is not None and offset < position:
            self._say("back", f"{topic} [{number}] has gone back to offset {offset}: it is read as a new topic")
            lane = lanes.begin_again(number)
        lanes.paces[number].note(topic, message.timestamp()[1] / 1000, now_s)
        self._counts.add(Metric.KAFKA_MESSAGES, topic=topic)
        value = message.value()
        decoded = Decoded() if value is None else self._decoded(value, topic, number, offset)
        spans, logs = decoded.spans, decoded.logs
        trace_ids = dict.fromkeys([one.trace_id for one in spans] + [one.trace_id for one in logs])
        if trace_ids and message.key() is None:
            self._say("key", f"{topic} has messages without a key: {_KEYS}")
        taking = lane.take(topic, offset, trace_ids, now_s=now_s)
        if taking.known or taking.late:
            spans, logs = self._sorted_out([*spans, *logs], taking)
        if spans or logs:
            pipeline.accept(spans, logs, now_s=now_s)
        self._keep_pace(number, lanes)

    def _sorted_out(self, parts: Sequence[Span | Log], taking: Taking) -> tuple[tuple[Span, ...], tuple[Log, ...]]:
        """Put aside what was decided before, and bring back what goes on."""
        self._aside.put([one for one in parts if one.trace_id in taking.known])
        wanted = [one for one in parts if one.trace_id not in taking.known]
        for trace_id in taking.late:
            before = self._aside.take(trace_id)
            # Alone, because there was no room for the rest, it would be read wrongly.
            late = [] if before is None else [*before, *(one for one in wanted if one.trace_id == trace_id)]
            wanted = [one for one in wanted if one.trace_id != trace_id] + late
        spans = tuple([one for one in wanted if isinstance(one, Span)])
        return spans, tuple([one for one in wanted if isinstance(one, Log)])

    def _decoded(self, value: bytes, topic: str, number: int, offset: int) -> Decoded:
        """Read a message; one that cannot be read is kept aside, and is as good as empty."""
        try:
            decoded = read_message(value, holds_logs=topic != self._options.topics[0], gate=self._gate)
        except Exception as error:  # noqa: BLE001 - whatever a message does, the next member would fail at it, too
            why = str(error) if isinstance(error, ValueError) else type(error).__name__
            self._keep_aside(value, topic, number, offset, why)
            return Decoded()
        if decoded.problems:
            self._say(f"refused {topic}", f"{topic} [{number}] offset {offset}: {'; '.join(decoded.problems)}")
        return decoded

    def _keep_aside(self, value: bytes, topic: str, number: int, offset: int, why: str) -> None:
        self._counts.add(Metric.KAFKA_DEAD_LETTERS, topic=topic)
        try:
            path = self._dead_letters.keep(f"{topic}-{number}-{offset}.message", value)
            kept = f"it is kept in {path}" if path else f"with {len(value)} bytes it is too large to be kept"
        except OSError as error:
            kept = f"it could not be kept in {self._dead_letters.folder}: {error.strerror}"
        self._say(f"dead {topic}", f"{topic} [{number}] offset {offset} {why}; {kept}; further ones are counted")

    def _make_way(self, lanes: Lanes, pipeline: Reading) -> None:
        """Fetch nothing while the pipeline holds too much: what it must let go of early, it reads badly."""
        if pipeline.held_bytes >= self._most_bytes:
            lanes.pause()
        else:
            lanes.resume()

    def _keep_pace(self, number: int, lanes: Lanes) -> None:
        """Let the topic wait that is ahead."""
        pace = lanes.paces[number]
        if pace.is_uneven and self._backlog is not None:
            left = self._backlog.left(number, lanes.by_number[number])
            lanes.hold(number, pace.next(left, self._reading_s()))

    def _on_commit(self, error: KafkaError | None, partitions: list[object]) -> None:
        if self._lanes is not None:
            self._lanes.on_commit(error, partitions)  # type: ignore[arg-type]  # the client's own list

    def _on_error(self, error: KafkaError) -> None:
        """What the client says of its connections and of its place in the group; it goes on by itself."""
        text = self._options.without_secrets(error.str())
        if error.code() != error._ALL_BROKERS_DOWN or not self._heard:  # noqa: SLF001 - so is its name
            self._heard.append(text)
        if error.fatal():
            raise ConfigError(f"this member of the group can never go on: {text}", setting="kafka_group")
        if self._lanes is not None:
            self._say("client", f"Kafka: {text}")
        if error.code() == error._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._reading_s.stop("away")

    def _say(self, kind: str, text: str) -> None:
        """Log at most once a minute for each kind."""
        now_s = self._clock()
        if now_s - self._said_s.get(kind, -_SAY_S) >= _SAY_S:
            self._said_s[kind] = now_s
            _logger.warning("%s", text)


def _number(message: Message) -> int:
    number = message.partition()
    return -1 if number is None else number


_KEYS: Final = (
    "a trace lies in several partitions and is torn apart where several members read them. Set"
    " partition_traces_by_id and partition_logs_by_trace_id in the Collector's Kafka exporter"
)
