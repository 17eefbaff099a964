"""Which destinations a pair's record goes to: `routes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from spanlabel.model import Pair, Trace

from .dropped import Dropped

if TYPE_CHECKING:
    from .condition import Condition

NOTE = "route"
"""Under this name a record's metadata says which route it took."""


def routed(routes: Mapping[str, Sequence[Condition]], *, has_rest: bool) -> Callable[[Pair, Trace], Pair | Dropped]:
    """Note on each pair the first route that takes it.

    Args:
        routes: Names of the routes, in order, with their conditions, one of which must hold; without any it takes all.
        has_rest: There is a destination for what no route takes; else that is dropped, under the word "route".
    """

    def rule(pair: Pair, trace: Trace) -> Pair | Dropped:
        for name, conditions in routes.items():
            if not conditions or any(one.matches(pair, trace) for one in conditions):
                return replace(pair, noted={**(pair.noted or {}), NOTE: name})
        return pair if has_rest else Dropped("route", f"matches none of routes: {', '.join(routes)}")

    return rule
