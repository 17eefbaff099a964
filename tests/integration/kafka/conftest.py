"""A real broker for all tests of this folder, topics of its own for each, and a source on a thread."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest
from servers.kafka import KafkaServer, run_kafka
from servers.kafka_group import Group

from spanlabel.assembly import Limits
from spanlabel.errors import StoreError
from spanlabel.metrics import Counts
from spanlabel.model import Log, Record, Span
from spanlabel.pipeline import Pipeline
from spanlabel.sources.kafka import KafkaSource
from spanlabel.sources.kafka_options import KafkaOptions


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A real Kafka."""
    with run_kafka(log_folder=tmp_path_factory.mktemp("kafka-logs")) as server:
        yield server


@pytest.fixture
def group(kafka: KafkaServer, tmp_path: Path) -> Iterator[Group]:
    """Two topics of 8 partitions that are new."""
    mark = uuid4().hex[:8]
    made = Group(kafka, tmp_path, kafka.make_topic(f"spans-{mark}"), kafka.make_topic(f"logs-{mark}"), f"group-{mark}")
    yield made
    for member in made.members:
        if member.process.poll() is None:
            member.process.send_signal(signal.SIGKILL)
            member.process.wait(timeout=10)


@dataclass(slots=True)
class Sink:
    """Takes records, unless there is no room.

    Attributes:
        records: What was put, in order.
        wait: Asked while there is no room.
        has_room: Whether there is.
    """

    records: list[Record] = field(default_factory=list)
    wait: Callable[[str], bool] = lambda _: False
    has_room: threading.Event = field(default_factory=threading.Event)

    def put(self, records: Sequence[Record]) -> None:
        while not self.has_room.is_set():
            if not self.wait("the outbox is full"):
                raise StoreError("the outbox is full")
        self.records += records

    def supersede(self, record_ids: Sequence[str]) -> None:
        """Nothing changes here."""

    @property
    def questions(self) -> list[str]:
        """What was asked, in order; doubles too."""
        return [record.prompt for record in self.records]


class Slow(Pipeline):
    """A pipeline that takes its time over spans."""

    span_s = 0.0

    def accept(self, spans: Sequence[Span], logs: Sequence[Log] = (), *, now_s: float) -> None:
        super().accept(spans, logs, now_s=now_s)
        if spans and self.span_s:
            time.sleep(self.span_s)


@dataclass(slots=True)
class Here:
    """A source on a thread of this process.

    Attributes:
        source: It.
        sink: Where its records go.
        counts: What it counted.
        stop: Ends it.
    """

    source: KafkaSource
    sink: Sink
    counts: Counts
    stop: threading.Event


@contextlib.contextmanager
def reading(options: KafkaOptions, folder: Path, *, span_s: float = 0.0, **limits: float) -> Iterator[Here]:
    """Read on a thread until the block ends; each message with spans takes so many seconds more."""
    counts, sink, stop = Counts(), Sink(), threading.Event()
    source = KafkaSource(options, counts, dead_letters=folder / "kafka-dead")
    sink.wait = source.wait_for_room
    sink.has_room.set()
    waits = replace(Limits.for_receiver(), **({"root_grace_s": 0.5, "idle_s": 5, "linger_s": 10} | limits))
    pipeline = Slow(waits, window_s=0.2, rules=(), counts=counts, sink=sink, keeps_book=True)
    pipeline.span_s = span_s
    failed: list[BaseException] = []

    def run() -> None:
        try:
            source.run(pipeline, stop)
        except BaseException as error:  # noqa: BLE001  raised again by the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield Here(source, sink, counts, stop)
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    if failed:
        raise failed[0]
