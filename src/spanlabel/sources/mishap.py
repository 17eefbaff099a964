"""What a door does when something goes wrong that nobody foresaw."""

from __future__ import annotations

import logging
import time

from .answers import Refusal, Refused

_QUIET_S = 60.0


class Mishaps:
    """Says each kind of surprise once a minute.

    Args:
        log: Where it is said.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said_s: dict[str, float] = {}

    def say(self, error: Exception) -> None:
        """Log where it came from, not what it says: that may hold a piece of a request."""
        kind, now = type(error).__name__, time.monotonic()
        if now - self._said_s.get(kind, -_QUIET_S) >= _QUIET_S:
            self._said_s[kind] = now
            place, trace = "?", error.__traceback__
            while trace is not None:
                place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
                trace = trace.tb_next
            self._log.error("a request could not be taken: %s at %s", kind, place)

    def refused(self) -> Refused:
        """The answer: the request is as good as before, so its sender shall keep it and come again."""
        return Refused(Refusal.TRY_LATER, "something went wrong in spanlabel; its log says what")
