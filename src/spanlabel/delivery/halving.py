"""Find the records for which a platform refuses a batch, with few requests. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Halving(Generic[Item]):
    """A batch on its way, in whole or in halves.

    Send `next()`, then say `passed()`, `refused()` or `named()`, until `is_done`. One culprit among 100 costs 10
    requests, 2 if the platform names it: a half is not sent where the other half's passing has already found it
    guilty, and what a search leaves over is sent as one batch again.

    Args:
        batch: In order.
    """

    def __init__(self, batch: Sequence[Item]) -> None:
        self._suspects = list(batch)
        self._rest: list[Item] = []
        self.is_searching = False
        """At least one of the suspects is known to be guilty."""

    @property
    def is_done(self) -> bool:
        """Every item has passed or was found guilty."""
        return not self._suspects

    @property
    def items(self) -> list[Item]:
        """What has neither passed nor been found guilty."""
        return self._suspects + self._rest

    def next(self) -> list[Item]:
        """What to send now."""
        if self.is_searching and len(self._suspects) > 1:
            return self._suspects[: len(self._suspects) // 2]
        return self._suspects

    def passed(self) -> None:
        """What `next` gave was taken."""
        sent = len(self.next())
        if sent < len(self._suspects):
            self._suspects = self._suspects[sent:]
        else:
            self._go_on(self._rest)

    def refused(self) -> Item | None:
        """What `next` gave was refused.

        Returns:
            The culprit if it was alone, else None.
        """
        sent = self.next()
        rest = self._suspects[len(sent) :] + self._rest
        if len(sent) == 1:
            self._go_on(rest)
            return sent[0]
        self._suspects, self._rest = sent, rest
        self.is_searching = True
        return None

    def named(self, places: Collection[int]) -> list[Item]:
        """What `next` gave was refused, and the platform said because of which: no search is needed.

        Args:
            places: In what `next` gave, counted from 0. Where none of them exists nothing changes.

        Returns:
            The culprits. Everything else is sent again.
        """
        sent = self.next()
        culprits = [item for place, item in enumerate(sent) if place in places]
        if culprits:
            innocent = [item for place, item in enumerate(sent) if place not in places]
            self._go_on(innocent + self._suspects[len(sent) :] + self._rest)
        return culprits

    def _go_on(self, with_items: list[Item]) -> None:
        self._suspects, self._rest = with_items, []
        self.is_searching = False
