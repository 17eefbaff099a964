"""When to try again: pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

FIRST_DELAY_S = 1.0
"""Upper end of the first wait; it doubles with each attempt."""

MAX_DELAY_S = 60.0
"""Upper end of every wait that the platform did not ask for."""

MAX_RETRY_AFTER_S = 3600.0
"""The longest wait that a platform can ask for; asking for more is taken as this."""


def next_delay_s(attempt: int, *, retry_after_s: float | None, jitter: Callable[[], float]) -> float:
    """Seconds to wait after a failed attempt.

    Full jitter: anything from 0 to the doubling bound, so that many processes that lost their platform in the same
    moment do not all come back in the same moment. Where the platform said how long, that long and up to
    `FIRST_DELAY_S` more.

    Args:
        attempt: How many have failed in a row; 1 after the first.
        retry_after_s: What the platform asked for; None if nothing. What is not a time (negative, infinite) is ignored.
        jitter: Gives a number from 0 to below 1.
    """
    if retry_after_s is not None and isfinite(retry_after_s) and retry_after_s >= 0:
        return min(retry_after_s, MAX_RETRY_AFTER_S) + FIRST_DELAY_S * jitter()
    bound = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(attempt - 1, 30))
    return bound * jitter()
