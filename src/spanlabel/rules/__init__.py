"""Pair → Pair or dropped. A rule is a function that looks at one pair; the first that drops it names itself.

What an application without any setting for rules needs is imported here: the gate on confidence. The others are
imported by `spanlabel.compose` when a setting asks for them. They stand in this order, each once for all destinations::

    min_confidence  include  exclude  sample  redact     look at one pair and remember nothing
    dedup  per_day                                       look back: `spanlabel.rules.admission`

So a pair that nobody wants is not redacted, and what looks back never sees what was not redacted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from spanlabel.model import Pair, Trace

from .confidence import at_least
from .dropped import Dropped

Rule: TypeAlias = Callable[[Pair, Trace], Pair | Dropped]
"""Gives the pair, changed or not, or why it is dropped. The trace is the one that the pair was found in."""


def applied(rules: Sequence[Rule], pair: Pair, trace: Trace) -> Pair | Dropped:
    """Put a pair through the rules in order.

    A rule that raises drops the pair, as "fault": what a rule was to keep out does not pass because of a fault of it.
    """
    for rule in rules:
        try:
            result = rule(pair, trace)
        except Exception as error:  # noqa: BLE001 - whatever it is; its text is not repeated, it may hold content
            return Dropped("fault", f"a rule raised {type(error).__name__}")
        if isinstance(result, Dropped):
            return result
        pair = result
    return pair


__all__ = ["Dropped", "Rule", "applied", "at_least"]
