"""Whether the topics are there, and fit each other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from spanlabel.errors import ConfigError

from .kafka_options import KafkaOptions

if TYPE_CHECKING:
    from confluent_kafka import Consumer

_TIMEOUT_S = 10.0
_NEW_S = 3.0
"""A topic that was just made is not known everywhere at once."""


def check_topics(consumer: Consumer, options: KafkaOptions, heard: Sequence[str]) -> int:
    """Look whether every topic is there, and whether both have as many partitions.

    Args:
        consumer: Not subscribed yet.
        options: Which topics.
        heard: What the client says of its connections; it grows while it is asked.

    Returns:
        How many partitions each topic has.

    Raises:
        ConfigError: No broker can be asked, a topic is missing, or the numbers differ.
    """
    numbers = {topic: _partitions(consumer, topic, options, heard) for topic in options.topics}
    if len(set(numbers.values())) > 1:
        listed = ", ".join(f"{topic} has {number}" for topic, number in numbers.items())
        raise ConfigError(
            f"must have the same number of partitions, but {listed}: spans and log records of one trace would be read"
            " by different members of the group. Give the smaller one more partitions before anything is read,"
            " or leave the topic of log records out",
            setting="kafka_topics",
        )
    return numbers[options.topics[0]]


def _partitions(consumer: Consumer, topic: str, options: KafkaOptions, heard: Sequence[str]) -> int:
    from confluent_kafka import KafkaError, KafkaException

    until_s = time.monotonic() + _NEW_S
    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        while not found.partitions and time.monotonic() < until_s:
            time.sleep(0.2)
            found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    except KafkaException as error:
        consumer.poll(0)  # lets the client say why
        why = heard[0] if heard else str(error.args[0].str())
        brokers = ",".join(options.brokers)
        raise ConfigError(
            options.without_secrets(f"nobody answers: {why}"), setting="kafka_brokers", value=brokers
        ) from None
    if found.error is None and found.partitions:
        return len(found.partitions)
    if found.error is not None and found.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise ConfigError(f"{topic}: {found.error.str()}", setting="kafka_topics")
    remedy = "create it, or let the Collector do it, before this starts"
    if topic != options.topics[0]:
        remedy += f"; or, if no log records are exported, set kafka_topics to {options.topics[0]} alone"
    raise ConfigError(f"there is no topic {topic}: {remedy}", setting="kafka_topics")
