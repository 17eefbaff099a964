"""A clock that moves only when told."""

from __future__ import annotations


class FakeClock:
    """Time for tests: pass `clock.time` where a clock is wanted and `clock.advance` where a pause is.

    Args:
        now_s: Unix time in seconds at the start.
    """

    def __init__(self, now_s: float = 1_750_000_000.0) -> None:
        self._now_s = now_s

    def time(self) -> float:
        """Unix time in seconds."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let time pass; below 0 the clock is set back."""
        self._now_s += seconds
