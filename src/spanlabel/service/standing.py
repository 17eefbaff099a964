"""How a service stands: for /healthz and /readyz, for our own metrics, and for whoever watches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spanlabel.delivery import State as WorkerState
from spanlabel.delivery import Tally
from spanlabel.errors import StoreError
from spanlabel.metrics import Counts, Metric

if TYPE_CHECKING:
    from spanlabel.compose import Running
    from spanlabel.journal import State


@dataclass(frozen=True, slots=True)
class Delivery:
    """One destination.

    Attributes:
        name: Its name.
        tally: What became of its records.
        oldest_s: Seconds that the oldest waiting record has waited, as far as this process knows; 0 if none waits.
        why: Why they wait; "" if nobody knows or none does.
        is_stopped: A setting of it is wrong: nothing is sent until somebody changes that.
    """

    name: str
    tally: Tally
    oldest_s: float
    why: str
    is_stopped: bool


class Watching:
    """Looks at the outbox now and then, and sets the gauges.

    Args:
        running: The parts.
        counts: Where the gauges are.
    """

    def __init__(self, running: Running, counts: Counts) -> None:
        self._running = running
        self._counts = counts
        self._heads: dict[str, tuple[str, float]] = {}

    def look(self, journal: State | None) -> tuple[Delivery, ...]:
        """Look at everything; it reads the outbox's file."""
        if journal is not None:
            self._counts.set(Metric.JOURNAL_BYTES, journal.disk_bytes)
            self._counts.set(Metric.JOURNAL_WAITING, journal.waiting_entries)
        found = []
        for worker in self._running.workers:
            name = worker.destination
            try:
                tally, oldest_s = self._running.outbox.tally(name), self._oldest_s(name)
            except StoreError as error:
                found.append(Delivery(name, Tally(), 0.0, str(error), is_stopped=False))
                continue
            self._counts.set(Metric.RECORDS_OLDEST, int(oldest_s), destination=name)
            why = (worker.error or "") if tally.waiting else ""
            found.append(Delivery(name, tally, oldest_s, why, is_stopped=worker.state is WorkerState.STOPPED))
        return tuple(found)

    def _oldest_s(self, name: str) -> float:
        """How long the record that is next has waited: since it was put, or since its last try before our start."""
        head = self._running.outbox.first_waiting(name)
        if head is None:
            self._heads.pop(name, None)
            return 0.0
        known_id, since_s = self._heads.get(name, ("", head.changed_s))
        since_s = min(since_s, head.changed_s) if known_id == head.id else head.changed_s
        self._heads[name] = (head.id, since_s)
        return max(0.0, time.time() - since_s)
