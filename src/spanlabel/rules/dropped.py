"""What is said of a pair that gives no record."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dropped:
    """A pair that gives no record.

    Attributes:
        rule: Stable word of the rule that dropped it: the metric's label.
        why: For a person; it repeats nothing that the pair says.
    """

    rule: str
    why: str = field(default="", compare=False)
