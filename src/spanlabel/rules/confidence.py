"""The gate on confidence: what is more likely wrong than worth a reviewer's time gives no record."""

from __future__ import annotations

from collections.abc import Callable

from spanlabel.model import Pair


def at_least(min_confidence: float) -> Callable[[Pair], Pair | str]:
    """Drop pairs below *min_confidence* (0 to 1) under the word "low_confidence"."""

    def rule(pair: Pair) -> Pair | str:
        return pair if pair.confidence >= min_confidence else "low_confidence"

    return rule
