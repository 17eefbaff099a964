"""A real broker for all tests of this folder, topics of its own for each, and members that read them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition
from pydantic import SecretStr
from servers.kafka import KafkaServer, run_kafka

from spanlabel.assembly import Limits
from spanlabel.errors import StoreError
from spanlabel.metrics import Counts
from spanlabel.model import Record
from spanlabel.pipeline import Pipeline
from spanlabel.platforms.local import LocalStore
from spanlabel.sources.kafka import KafkaSource
from spanlabel.sources.kafka_options import KafkaOptions

MEMBER = Path(__file__).parent / "member.py"
QUICK = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}
"""A member that was killed is missed after 6 s instead of 45."""


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A real Kafka."""
    with run_kafka(log_folder=tmp_path_factory.mktemp("kafka-logs")) as server:
        yield server


@dataclass(slots=True)
class Member:
    """A process that reads.

    Attributes:
        process: It.
        home: Its folder.
    """

    process: subprocess.Popen[bytes]
    home: Path

    def leave(self) -> dict[str, Any]:
        """End it in peace; gives what it counted."""
        assert until(lambda: "is up" in self.log), self.log  # before that nobody hears the signal
        self.process.terminate()
        self.process.wait(timeout=60)
        told = (self.home.parent / f"{self.home.name}.out").read_text().splitlines()
        assert told, self.log
        found: dict[str, Any] = json.loads(told[-1])
        assert found["broken"] == []
        return found

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(timeout=10)

    @property
    def log(self) -> str:
        """What it said."""
        return (self.home.parent / f"{self.home.name}.err").read_text()


@dataclass(slots=True)
class Group:
    """Topics and a consumer group that no other test knows.

    Attributes:
        kafka: The broker.
        folder: For homes.
        spans: The topic of spans.
        logs: The topic of log records.
        name: Of the group.
        members: Processes that were started.
    """

    kafka: KafkaServer
    folder: Path
    spans: str
    logs: str
    name: str
    members: list[Member] = field(default_factory=list)

    def join(self, instead_of: Member | None = None, **variables: str) -> Member:
        """Start a process that reads both topics, with a home of its own, or in that of one which has ended."""
        number = len(self.members) if instead_of is None else self.members.index(instead_of)
        home = self.folder / f"member-{number}"
        arguments = [str(home), self.kafka.brokers, f"{self.spans},{self.logs}", self.name]
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with (
            (self.folder / f"{home.name}.out").open("ab") as out,
            (self.folder / f"{home.name}.err").open("ab") as err,
        ):
            process = subprocess.Popen(
                [sys.executable, str(MEMBER), *arguments],
                env=inherited | variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        self.members[number:] = [Member(process, home), *self.members[number + 1 :]]
        return self.members[number]

    def stored(self) -> list[dict[str, Record]]:
        """The records of each member's store, by id."""
        found = []
        for member in self.members:
            path = member.home / "records.db"
            with contextlib.suppress(StoreError), LocalStore(path) as store:  # it may not be there yet
                found.append({record.id: record for record in store.records()})
        return found

    def trace_ids(self) -> set[str]:
        """The traces of which any member has stored a record."""
        return {record.trace_id for store in self.stored() for record in store.values()}

    def lag(self) -> int:
        """Messages behind what the group has committed, over both topics."""
        consumer = Consumer({"bootstrap.servers": self.kafka.brokers, "group.id": self.name, "log_level": 0})
        try:
            lag = 0
            for topic in (self.spans, self.logs):
                numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
                for one in consumer.committed([TopicPartition(topic, number) for number in numbers], timeout=10):
                    begin, end = consumer.get_watermark_offsets(one, timeout=10)
                    lag += end - max(begin, one.offset)
            return lag
        finally:
            consumer.close()

    def options(self, *topics: str, **config: str) -> KafkaOptions:
        """What a source of this group is given."""
        properties = tuple((name, SecretStr(value)) for name, value in (QUICK | config).items())
        return KafkaOptions((self.kafka.brokers,), topics or (self.spans, self.logs), self.name, properties)


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
def reading(options: KafkaOptions, folder: Path, **limits: float) -> Iterator[Here]:
    """Read on a thread until the block ends."""
    counts, sink, stop = Counts(), Sink(), threading.Event()
    source = KafkaSource(options, counts, dead_letters=folder / "kafka-dead")
    sink.wait = source.wait_for_room
    sink.has_room.set()
    waits = replace(Limits.for_receiver(), **({"root_grace_s": 0.5, "idle_s": 5, "linger_s": 10} | limits))
    pipeline = Pipeline(waits, window_s=0.2, rules=(), counts=counts, sink=sink, keeps_book=True)
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


def until(what: Callable[[], bool], within_s: float = 60.0) -> bool:
    """Whether it becomes true in time."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if what():
            return True
        time.sleep(0.2)
    return what()
