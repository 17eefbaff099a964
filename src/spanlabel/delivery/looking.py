"""What a person asks of the outbox's rows, and does to them; the caller opens the transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from .rows import take_back_row
from .tally import change_tally

_SELECT = (
    "SELECT destination, id, state, attempts, next_attempt_s, error, changed_s, hash, payload "
    "FROM records LEFT JOIN payloads USING (seq)"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of one destination, as the outbox has it.

    Attributes:
        destination: Its name.
        id: The record's id.
        state: "pending", "leased", "delivered" or "dead", as in `spanlabel.delivery.rows`.
        attempts: How often it was sent.
        next_attempt_s: Not before this Unix time.
        error: What the platform said last; None if nothing.
        changed_s: Unix time of the last change.
        hash: Of its content; "" if it was taken back after it had been sent.
        payload: The record as JSON; None once it was delivered.
    """

    destination: str
    id: str
    state: str
    attempts: int
    next_attempt_s: float
    error: str | None
    changed_s: float
    hash: str
    payload: str | None


def find_entries(db: sqlite3.Connection, prefix: str) -> list[Entry]:
    """All whose id begins so, by destination and age."""
    query = f"{_SELECT} WHERE substr(id, 1, length(?1)) = ?1 ORDER BY destination, seq"
    return [Entry(*row) for row in db.execute(query, (prefix,))]


def first_waiting(db: sqlite3.Connection, destination: str) -> Entry | None:
    """The one that is sent next or just now; None if none waits."""
    query = f"{_SELECT} WHERE destination = ? AND state IN ('pending', 'leased') ORDER BY seq LIMIT 1"
    return next((Entry(*row) for row in db.execute(query, (destination,))), None)


def remove_rows(db: sqlite3.Connection, destination: str, which: Literal["dead", "waiting"]) -> int:
    """Remove what the platform refused, or what waits; those that wait count as dropped from now on."""
    states = ("dead", "dead") if which == "dead" else ("pending", "leased")
    query = "SELECT id FROM records WHERE destination = ? AND state IN (?, ?)"
    ids = [record_id for (record_id,) in db.execute(query, (destination, *states)).fetchall()]
    dropped = sum(take_back_row(db, destination, record_id) for record_id in ids)
    change_tally(db, destination, {"waiting": -dropped, "dropped": dropped})
    return len(ids)
