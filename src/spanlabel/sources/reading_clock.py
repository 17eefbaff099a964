"""A clock that stands still while nothing can be read.

Traces are waited for by time. What of them lies unread in Kafka while records find no room, or while no broker answers,
has not failed to come: the wait goes on when reading does.
"""

from __future__ import annotations

from collections.abc import Callable


class ReadingClock:
    """Seconds, without those in which there was a reason not to read. Never goes back.

    Args:
        clock: Seconds; never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._reasons: set[str] = set()
        self._stood_s = 0.0
        self._since_s = 0.0

    def __call__(self) -> float:
        """Seconds in which reading was possible."""
        return (self._since_s if self._reasons else self._clock()) - self._stood_s

    def stop(self, reason: str) -> None:
        """Stand still until the reason is gone."""
        if not self._reasons:
            self._since_s = self._clock()
        self._reasons.add(reason)

    def go(self, reason: str) -> None:
        """This reason is gone, if it was one."""
        if reason in self._reasons:
            self._reasons.discard(reason)
            if not self._reasons:
                self._stood_s += self._clock() - self._since_s

    def stands_for(self, reason: str) -> bool:
        """Whether this is a reason that it stands still for."""
        return reason in self._reasons
