"""Two topics of one lane side by side in time.

The topic of log records is smaller than that of spans. Who reads a backlog as it comes is through with the log records
long before the spans that they belong to, and by then nobody waits for these any more. So the topic that is ahead
waits. Nothing here knows Kafka, or reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

AHEAD_S: Final = 60.0
"""A topic waits when its messages are so much newer than the other's."""
NEAR_S: Final = 10.0
"""It goes on when they are so near."""
PATIENCE_S: Final = 10.0
"""Nobody waits for a topic of which nothing came for so long, whatever is said to be left in it."""


class Pace:
    """Which topic of a lane is to wait.

    Args:
        topics: Names.
        now_s: When the lane was assigned.
    """

    def __init__(self, topics: tuple[str, ...], now_s: float) -> None:
        self._sent_s = dict.fromkeys(topics, 0.0)
        self._came_s = dict.fromkeys(topics, now_s)
        self.waiting: str | None = None

    def note(self, topic: str, sent_s: float, now_s: float) -> None:
        """A message came that was sent at *sent_s*."""
        self._sent_s[topic] = sent_s
        self._came_s[topic] = now_s

    @property
    def is_uneven(self) -> bool:
        """Whether a topic waits or is far ahead, so that `next` must be asked at once."""
        return self.waiting is not None or max(self._sent_s.values()) - min(self._sent_s.values()) > AHEAD_S

    def next(self, left: Mapping[str, int], now_s: float) -> str | None:
        """The topic that is to wait now; None if none is.

        Args:
            left: How many messages have not been read, by topic.
            now_s: Now.
        """
        self.waiting = self._ahead(left, now_s)
        return self.waiting

    def _ahead(self, left: Mapping[str, int], now_s: float) -> str | None:
        for topic, sent_s in self._sent_s.items():
            for other, other_sent_s in self._sent_s.items():
                bound_s = NEAR_S if self.waiting == topic else AHEAD_S
                is_coming = left.get(other, 0) > 0 and now_s - self._came_s[other] < PATIENCE_S
                if is_coming and sent_s - other_sent_s > bound_s:
                    return topic
        return None
