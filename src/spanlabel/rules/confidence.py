"""The gate on confidence: what is more likely wrong than worth a reviewer's time gives no record."""

from __future__ import annotations

from collections.abc import Callable

from spanlabel.model import Pair, Trace

from .dropped import Dropped


def at_least(min_confidence: float) -> Callable[[Pair, Trace], Pair | Dropped]:
    """Drop pairs below *min_confidence* (0 to 1) under the word "low_confidence"."""

    def rule(pair: Pair, _: Trace) -> Pair | Dropped:
        if pair.confidence >= min_confidence:
            return pair
        return Dropped("low_confidence", f"below {min_confidence:g} (SPANLABEL_MIN_CONFIDENCE)")

    return rule
