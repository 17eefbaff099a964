"""Members of a consumer group, each a process of its own with a home of its own, and what they have stored."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from pydantic import SecretStr

from spanlabel.errors import StoreError
from spanlabel.model import Record
from spanlabel.platforms.local import LocalStore
from spanlabel.sources.kafka_options import KafkaOptions

from .kafka import KafkaServer

MEMBER = Path(__file__).parent / "kafka_member.py"
QUICK = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}
"""A member that was killed is missed after 6 s instead of 45."""


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
        # What an earlier process of this home has made, this one may have delivered.
        assert [one for one in found["broken"] if " spans " in one] == []
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


def until(what: Callable[[], bool], within_s: float = 60.0) -> bool:
    """Whether it becomes true in time."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if what():
            return True
        time.sleep(0.2)
    return what()
