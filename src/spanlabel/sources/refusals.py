"""Requests that a door does not take: each is counted, and each reason is said in the log once a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from spanlabel.metrics import Counts, Metric

from .answers import Refusal

_log = logging.getLogger(__name__)
_QUIET_S = 60.0
_MOST_LINES = 10


class Refusals:
    """Counts what one door refuses, and says it: the sender's own log is often somebody else's.

    Args:
        door: "http" or "grpc".
        counts: Where it is counted.
        clock: Seconds; says when a reason is said again.
    """

    def __init__(self, door: str, counts: Counts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._door = door
        self._counts = counts
        self._clock = clock
        self._said_s: dict[str, float] = {}
        self._unsaid = 0

    def count(self, refusal: Refusal) -> None:
        """Count one that is said elsewhere, or is not worth a line."""
        self._counts.add(Metric.REQUESTS_REFUSED, door=self._door, reason=refusal.value.word)

    def note(self, refusal: Refusal, why: str, sender: str) -> None:
        """Count one, and say it, unless the same reason, or ten others, were said within a minute.

        Args:
            refusal: Which kind.
            why: What its sender is told; holds nothing of the request's body and no secret.
            sender: Where it came from; "" if that is not known.
        """
        self.count(refusal)
        now_s = self._clock()
        self._said_s = {said: at_s for said, at_s in self._said_s.items() if now_s - at_s < _QUIET_S}
        if why in self._said_s or len(self._said_s) >= _MOST_LINES:
            self._unsaid += 1
            return
        self._said_s[why] = now_s
        unsaid, self._unsaid = self._unsaid, 0
        _log.warning(
            "a request by %s%s %s: %s%s",
            {"grpc": "gRPC", "http": "HTTP"}[self._door],
            f" from {sender}" if sender else "",
            "must come again later" if refusal.value.is_temporary else "was refused",
            why.strip(),
            f" ({unsaid} more refused since the last such line)" if unsaid else "",
        )
