"""What became of the records of one destination, over all processes and restarts."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums since the outbox file was made, and what waits now; each record that was handed over is in one of them.

    `made = waiting + delivered + superseded + dropped + dead + unknown` in every committed state of the file.

    A record handed over again is counted as made again, and so is an update of a delivered one: the sums count
    versions, not ids. Of two versions of which the platform needs only one, the other is superseded.

    Attributes:
        made: Handed to the outbox.
        waiting: Pending or leased now.
        delivered: The platform has taken them.
        kept: Those of `delivered` that the platform had already and left alone, because a person has worked on them.
        superseded: Replaced before or instead of their delivery, by a later or an equal reading of the same run.
        dropped: Given up for another reason, as when the outbox was full.
        dead: Refused by the platform. One that is queued again counts as made again.
        unknown: Sent, and nobody can say whether they came through; they are not sent again.
    """

    made: int = 0
    waiting: int = 0
    delivered: int = 0
    kept: int = 0
    superseded: int = 0
    dropped: int = 0
    dead: int = 0
    unknown: int = 0


def read_tally(connection: sqlite3.Connection, destination: str) -> Tally:
    """Read a destination's numbers; all 0 if it was never used."""
    rows = connection.execute("SELECT name, n FROM tallies WHERE destination = ?", (destination,))
    return Tally(**{str(name): int(n) for name, n in rows})


def change_tally(connection: sqlite3.Connection, destination: str, by: Mapping[str, int]) -> None:
    """Add to a destination's numbers, within the caller's transaction."""
    connection.executemany(
        "INSERT INTO tallies (destination, name, n) VALUES (?, ?, ?) "
        "ON CONFLICT (destination, name) DO UPDATE SET n = n + excluded.n",
        [(destination, name, n) for name, n in by.items() if n],
    )
