"""Which pairs are wanted at all: `include` and `exclude`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spanlabel.model import Pair, Trace

from .condition import Condition, first_match
from .dropped import Dropped


def included(conditions: Sequence[Condition]) -> Callable[[Pair, Trace], Pair | Dropped]:
    """Drop what matches none of *conditions*, under the word "include"."""

    def rule(pair: Pair, trace: Trace) -> Pair | Dropped:
        if first_match(conditions, pair, trace) is not None:
            return pair
        return Dropped("include", f"matches none of include: {', '.join(one.text for one in conditions)}")

    return rule


def excluded(conditions: Sequence[Condition]) -> Callable[[Pair, Trace], Pair | Dropped]:
    """Drop what matches one of *conditions*, under the word "exclude"."""

    def rule(pair: Pair, trace: Trace) -> Pair | Dropped:
        found = first_match(conditions, pair, trace)
        return pair if found is None else Dropped("exclude", f"matches exclude: {found.text}")

    return rule
