"""What waits in the partitions that a member reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from spanlabel.metrics import Counts, Metric

from .offsets import Lane

if TYPE_CHECKING:
    from confluent_kafka import Consumer


class Backlog:
    """Looks at how much is left, and counts it.

    Args:
        consumer: It knows where the partitions end, without asking a broker.
        topics: Names.
        counts: Where the lag is shown.
    """

    def __init__(self, consumer: Consumer, topics: tuple[str, ...], counts: Counts) -> None:
        self._consumer = consumer
        self._topics = topics
        self._counts = counts
        self._shown: frozenset[int] = frozenset()

    @property
    def shown(self) -> int:
        """How many lanes were shown last. Any thread may ask."""
        return len(self._shown)

    def left(self, number: int, lane: Lane) -> Mapping[str, int]:
        """How many messages of a lane have not been read, by topic; 0 as long as that is not known."""
        from confluent_kafka import TopicPartition

        found = {}
        for topic in self._topics:
            begin, end = self._consumer.get_watermark_offsets(TopicPartition(topic, number), cached=True)
            position = lane.position(topic)
            found[topic] = max(0, end - max(0, begin if position is None else position))
        return found

    def show(self, lanes: Mapping[int, Lane], now_s: float) -> None:
        """Set the gauges of the lanes that are read now; of those that have left, another member tells."""
        for number, lane in lanes.items():
            for topic, left in self.left(number, lane).items():
                # Before its first message comes, a lane's lag is not known: it may begin anywhere.
                lag = 0 if lane.position(topic) is None else left
                self._counts.set(Metric.KAFKA_LAG, lag, topic=topic, partition=str(number))
            age_s = 0.0 if lane.oldest_s is None else now_s - lane.oldest_s
            self._counts.set(Metric.KAFKA_OLDEST, round(age_s), partition=str(number))
        self._clear(self._shown - lanes.keys())
        self._shown = frozenset(lanes)

    def _clear(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._counts.set(Metric.KAFKA_OLDEST, 0, partition=str(number))
            for topic in self._topics:
                self._counts.set(Metric.KAFKA_LAG, 0, topic=topic, partition=str(number))
