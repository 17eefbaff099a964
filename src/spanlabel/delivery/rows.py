"""The outbox's tables, and the statements on them; the caller opens the transaction.

Table `records`, one row for each destination and record id::

    seq             order of age; a record that changes goes to the end
    destination     name of the destination
    id              the record's id
    state           pending    waits for delivery
                    leased     a worker is sending it
                    delivered  ledger: only id and hash are left, so that the same content is not sent twice;
                               with an empty hash it was taken back after it had been sent
                    dead       the platform refused it
    hash            `spanlabel.records.content_hash`
    bytes           size of its payload
    attempts        how often its id was leased and not surely unsent, whatever the content; above 0, the platform may
                    have it already
    next_attempt_s  not before this Unix time
    error           what the platform said last
    changed_s       Unix time of the last change

Table `payloads (seq, payload)`: the record as JSON, until it is delivered. It stands apart so that the ledger's rows
stay together on few pages, and a change of state does not write the text again.

Table `tallies (destination, name, n)`: the numbers of `spanlabel.delivery.tally`, changed in the same transaction
as the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from spanlabel.database import Schema

from .tally import change_tally

SCHEMA = Schema(
    purpose="outbox",
    application_id=0x534C4F42,  # "SLOB"
    version=1,
    statements=(
        """
        CREATE TABLE records (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            destination TEXT NOT NULL,
            id TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('pending', 'leased', 'delivered', 'dead')),
            hash TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            next_attempt_s REAL NOT NULL DEFAULT 0,
            changed_s REAL NOT NULL,
            error TEXT,
            UNIQUE (destination, id)
        )
        """,
        "CREATE INDEX records_by_age ON records (destination, state, seq)",
        "CREATE TABLE payloads (seq INTEGER PRIMARY KEY, payload TEXT NOT NULL)",
        """
        CREATE TABLE tallies (
            destination TEXT NOT NULL,
            name TEXT NOT NULL,
            n INTEGER NOT NULL,
            PRIMARY KEY (destination, name)
        ) WITHOUT ROWID
        """,
    ),
)

LONGEST_WAIT_S = 2 * 3600.0
"""No back-off is longer. A row that waits longer than this was written before the clock was set back."""

_ERROR_CHARACTERS = 2_000

Version = tuple[str, str]
"""A record's id and its content's hash."""


@dataclass(frozen=True, slots=True)
class Put:
    """What `Outbox.put` did for one destination; the first four add up to the records given.

    Attributes:
        new: Ids that the outbox did not know.
        updated: Ids that were delivered or dead with other content; they wait again.
        replaced: Ids that waited with other content; the old content is superseded.
        unchanged: Ids known with the same content; nothing is to do, the copy counts as superseded.
        there: Those of `unchanged` that the platform has.
    """

    new: int = 0
    updated: int = 0
    replaced: int = 0
    unchanged: int = 0
    there: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that its platform refused.

    Attributes:
        id: The record's id.
        error: What the platform said.
        attempts: How often it was sent and may have been written.
        changed_s: Unix time of the refusal.
    """

    id: str
    error: str
    attempts: int
    changed_s: float


def put_rows(db: sqlite3.Connection, destination: str, rows: Sequence[tuple[str, str, str]], now_s: float) -> Put:
    """Take id, hash and payload of each record."""
    done = {"new": 0, "updated": 0, "replaced": 0, "unchanged": 0, "there": 0}
    for record_id, digest, payload in rows:
        known = db.execute(
            "SELECT seq, state, hash, attempts FROM records WHERE destination = ? AND id = ?", (destination, record_id)
        ).fetchone()
        match known:
            case None:
                what = "new"
            case (_, _, found, _) if found == digest:
                what = "unchanged"
            case (_, "pending" | "leased", _, _):
                what = "replaced"
            case _:
                what = "updated"
        done[what] += 1
        if what == "unchanged":
            done["there"] += known[1] == "delivered"
            continue
        if known is not None:
            _delete_row(db, known[0])
        attempts = 0 if known is None else known[3]
        seq = db.execute(
            "INSERT INTO records (destination, id, state, hash, bytes, attempts, changed_s) "
            "VALUES (?, ?, 'pending', ?, ?, ?, ?)",
            (destination, record_id, digest, len(payload.encode()), attempts, now_s),
        ).lastrowid
        db.execute("INSERT INTO payloads (seq, payload) VALUES (?, ?)", (seq, payload))
    put = Put(**done)
    superseded = put.replaced + put.unchanged
    change_tally(db, destination, {"made": len(rows), "waiting": put.new + put.updated, "superseded": superseded})
    return put


def settle_rows(
    db: sqlite3.Connection,
    destination: str,
    versions: Iterable[Version],
    state: Literal["pending", "delivered", "dead"],
    *,
    now_s: float,
    next_attempt_s: float = 0.0,
    error: str | None = None,
    was_sent: bool = True,
) -> int:
    """End leases with *state*. A version that was replaced or taken back meanwhile is passed over.

    Without *was_sent* the lease does not count as an attempt.

    Returns:
        How many rows changed.
    """
    said = None if error is None else error[:_ERROR_CHARACTERS]
    wanted = set(versions)
    leased = db.execute(
        "SELECT seq, id, hash FROM records WHERE destination = ? AND state = 'leased'", (destination,)
    ).fetchall()
    settled = [seq for seq, *version in leased if tuple(version) in wanted]
    less = 0 if was_sent else 1
    db.executemany(
        "UPDATE records SET state = ?, next_attempt_s = ?, error = ?, changed_s = ?, attempts = attempts - ? "
        "WHERE seq = ?",
        [(state, next_attempt_s, said, now_s, less, seq) for seq in settled],
    )
    if state == "delivered":
        db.executemany("DELETE FROM payloads WHERE seq = ?", [(seq,) for seq in settled])
    return len(settled)


def take_back_row(db: sqlite3.Connection, destination: str, record_id: str) -> bool:
    """Remove a record that is not delivered; True if it was still waiting, False if it was dead or is not there."""
    key = (destination, record_id)
    found = db.execute("SELECT seq, state, attempts FROM records WHERE destination = ? AND id = ?", key).fetchone()
    if found is None or found[1] == "delivered":
        return False
    seq, state, attempts = found
    if attempts:  # the platform may have it: that must be known if the id comes again
        db.execute("UPDATE records SET state = 'delivered', hash = '' WHERE seq = ?", (seq,))
        db.execute("DELETE FROM payloads WHERE seq = ?", (seq,))
    else:
        _delete_row(db, seq)
    return bool(state != "dead")


def _delete_row(db: sqlite3.Connection, seq: int) -> None:
    db.execute("DELETE FROM records WHERE seq = ?", (seq,))
    db.execute("DELETE FROM payloads WHERE seq = ?", (seq,))


def due_in_s(db: sqlite3.Connection, destination: str, now_s: float) -> float | None:
    """Seconds until the oldest pending row is due: 0 if it is, None if there is none."""
    oldest = db.execute(
        "SELECT next_attempt_s FROM records WHERE destination = ? AND state = 'pending' ORDER BY seq LIMIT 1",
        (destination,),
    ).fetchone()
    if oldest is None:
        return None
    wait = float(oldest[0]) - now_s
    return wait if 0 < wait <= LONGEST_WAIT_S else 0.0


def used_bytes(db: sqlite3.Connection) -> int:
    """Size of the pages that are not free."""
    [(size,)] = db.execute("PRAGMA page_size").fetchall()
    [(pages,)] = db.execute("PRAGMA page_count").fetchall()
    [(free,)] = db.execute("PRAGMA freelist_count").fetchall()
    return int(size) * (int(pages) - int(free))
