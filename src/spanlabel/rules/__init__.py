"""Pair → Pair or dropped. A rule is a function that looks at one pair; the first that drops it names itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from spanlabel.model import Pair

from .confidence import at_least


@dataclass(frozen=True, slots=True)
class Dropped:
    """A pair that gives no record.

    Attributes:
        rule: Stable word of the rule that dropped it: the metric's label.
    """

    rule: str


Rule: TypeAlias = Callable[[Pair], Pair | str]
"""Gives the pair, changed or not, or the word under which it was dropped."""


def applied(rules: Sequence[Rule], pair: Pair) -> Pair | Dropped:
    """Put a pair through the rules in order."""
    for rule in rules:
        result = rule(pair)
        if isinstance(result, str):
            return Dropped(result)
        pair = result
    return pair


__all__ = ["Dropped", "Rule", "applied", "at_least"]
