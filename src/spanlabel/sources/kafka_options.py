"""How to reach Kafka, and what of its client's settings is not for the user to choose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr

from spanlabel.errors import ConfigError

_OURS: Final[dict[str, str | bool]] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "cooperative-sticky",
    "group.protocol": "classic",
    "enable.partition.eof": False,
}
_NAMED: Final = {
    "bootstrap.servers": "kafka_brokers",
    "metadata.broker.list": "kafka_brokers",
    "group.id": "kafka_group",
}
_BETTER: Final[dict[str, str | int]] = {
    "client.id": "spanlabel",
    "queued.max.messages.kbytes": 32 << 10,  # what was fetched and not looked at yet; librdkafka holds twice as much
    # Partitions take turns, a piece each; a trace whose spans lie in two pieces waits for the turns between.
    "fetch.message.max.bytes": 256 << 10,
    "fetch.wait.max.ms": 100,  # a partition that goes on waits for the request that is under way
    "log_level": 0,  # what it has to say comes as errors, too, and without end while a broker is away
}


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """What `KafkaSource` needs to know.

    Attributes:
        brokers: Brokers to begin with, "host:port".
        topics: The topic of spans and, unless only spans are wanted, the topic of log records.
        group: The consumer group whose members share the work.
        config: Further librdkafka properties, such as "security.protocol".

    Raises:
        ConfigError: One of them is missing, or a property is not for the user to choose.
    """

    brokers: tuple[str, ...]
    topics: tuple[str, ...] = ("otlp_spans", "otlp_logs")
    group: str = "spanlabel"
    config: tuple[tuple[str, SecretStr], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not any(self.brokers):
            raise ConfigError("is missing: say where Kafka is, such as localhost:9092", setting="kafka_brokers")
        if not 1 <= len(set(self.topics)) == len(self.topics) <= 2 or not all(self.topics):
            why = "must be the topic of spans and, with a comma between, the topic of log records; or the first alone"
            raise ConfigError(why, setting="kafka_topics", value=",".join(self.topics))
        for name, _ in self.config:
            if name in _NAMED:
                raise ConfigError(f"is set by {_NAMED[name]}", setting=f"kafka_config: {name}")
            if name in _OURS or name.endswith("_cb"):
                why = "cannot be chosen: without spanlabel's own value, records would be lost or doubled"
                raise ConfigError(why, setting=f"kafka_config: {name}")

    def properties(self) -> dict[str, str | int | bool]:
        """What the client is given, secrets in plain text."""
        given = {name: secret.get_secret_value() for name, secret in self.config}
        brokers = {"bootstrap.servers": ",".join(self.brokers), "group.id": self.group}
        return {**_BETTER, **given, **_OURS, **brokers}

    def without_secrets(self, text: str) -> str:
        """A text of the client's, in which a property's value may stand."""
        for _, secret in self.config:
            value = secret.get_secret_value()
            if len(value) >= 4:
                text = text.replace(value, "***")
        return text
