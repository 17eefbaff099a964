"""The outbox: records on their way to a platform, in an SQLite file that outlives the process.

The tables are described in `spanlabel.delivery.rows`; `tallies` changes in the same transaction as the rows.

A lease has no time limit. It belongs to the one process that holds the destination's lock (`.lock`); whoever
gets the lock next releases what the last one left.

The ledger keeps the newest 100 000 ids of each destination, and fewer where the outbox is small: it may take a
quarter of the room. An older id that comes again is sent again, which the platform's writer absorbs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spanlabel.database import transaction
from spanlabel.errors import StoreError, TryLater
from spanlabel.metrics import Counts, Metric
from spanlabel.model import Record
from spanlabel.records import from_json, json_hash, to_json

from .handle import Handle
from .looking import Entry, find_entries, first_waiting, remove_rows
from .rows import SCHEMA, DeadLetter, Put, Version, due_in_s, put_rows, settle_rows, take_back_row, used_bytes
from .tally import Tally, change_tally, read_tally

LEDGER_ROWS = 100_000
"""Delivered ids kept for each destination."""

_LEDGER_ROW_BYTES = 400


@dataclass(frozen=True, slots=True)
class Leased:
    """A record that a worker holds.

    Attributes:
        record: What to write.
        hash: Which version of it; if another one was put meanwhile, this one's fate no longer matters.
        attempts: How often its id was sent, whatever the content, this lease included; above 1, the platform may have
            it already.
    """

    record: Record
    hash: str
    attempts: int

    @property
    def version(self) -> Version:
        """The record's id and its content's hash."""
        return self.record.id, self.hash


class Outbox:
    """Records on their way. Thread-safe; several processes may use the same file at once.

    The file is opened at the first use, in each process anew. Every method may raise `StoreError`; its text names
    the file and what to do.

    Args:
        path: Absolute path of the file.
        max_bytes: Bound of what is in the file. Beside it there is a journal of a few MB.
        counts: Where to count what this process does.
    """

    def __init__(self, path: Path, *, max_bytes: int, counts: Counts | None = None) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._counts = Counts() if counts is None else counts
        self._handle = Handle(path, SCHEMA)

    def put(self, records: Sequence[Record], destinations: Sequence[str], *, now_s: float) -> Mapping[str, Put]:
        """Take records for delivery to each destination: all of them, or none.

        Args:
            records: In order; of two with one id the later one counts.
            destinations: Names.
            now_s: Unix time.

        Returns:
            What was done, by destination.

        Raises:
            TryLater: There is no room; nothing was taken.
        """
        texts = [to_json(record) for record in records]
        rows = [(record.id, json_hash(text), text) for record, text in zip(records, texts, strict=True)]
        with self._handle.use() as db:
            with transaction(db):
                done = {name: put_rows(db, name, rows, now_s) for name in destinations}
                self._check_room(db)
            for name, put in done.items():
                self._count(db, name, Metric.RECORDS_MADE, len(rows))
                self._count(db, name, Metric.RECORDS_SUPERSEDED, put.replaced + put.unchanged)
        return done

    def drop(self, n: int, destinations: Sequence[str], *, reason: str) -> None:
        """Count records that were made but given up, as when `put` found no room.

        It raises nothing: where the file cannot be written, they are counted in this process only.
        """
        for name in destinations:
            self._counts.add(Metric.RECORDS_MADE, n, destination=name)
            self._counts.add(Metric.RECORDS_DROPPED, n, destination=name, reason=reason)
        try:
            with self._handle.use() as db, transaction(db):
                for name in destinations:
                    change_tally(db, name, {"made": n, "dropped": n})
        except StoreError:
            return

    def supersede(self, ids: Iterable[str], destination: str) -> int:
        """Take back records that wait, because their run is now told by another record.

        What was delivered stays on the platform. Dead ones are removed and stay counted as dead.

        Returns:
            How many waited.
        """
        with self._handle.use() as db:
            with transaction(db):
                superseded = sum(take_back_row(db, destination, record_id) for record_id in ids)
                change_tally(db, destination, {"waiting": -superseded, "superseded": superseded})
            self._count(db, destination, Metric.RECORDS_SUPERSEDED, superseded)
        return superseded

    def lease(self, destination: str, n: int, *, now_s: float) -> list[Leased]:
        """Hand out the oldest *n* records that wait.

        Order is kept: while the oldest one is not due yet, nothing is handed out.
        """
        with self._handle.use() as db:
            if due_in_s(db, destination, now_s) != 0.0:
                return []
            with transaction(db):
                rows = db.execute(
                    "SELECT seq, id, hash, payload, attempts FROM records LEFT JOIN payloads USING (seq) "
                    "WHERE destination = ? AND state = 'pending' ORDER BY seq LIMIT ?",
                    (destination, n),
                ).fetchall()
                db.executemany(
                    "UPDATE records SET state = 'leased', attempts = attempts + 1, changed_s = ? WHERE seq = ?",
                    [(now_s, seq) for seq, *_ in rows],
                )
        leased: list[Leased] = []
        for _, record_id, digest, payload, attempts in rows:
            try:
                leased.append(Leased(from_json(payload), digest, attempts + 1))
            except ValueError as error:
                self._bury(
                    destination, [(record_id, digest)], f"the outbox cannot read it: {error}", now_s, was_sent=False
                )
        return leased

    def due_in_s(self, destination: str, *, now_s: float) -> float | None:
        """Seconds until `lease` hands something out: 0 if it would now, None if nothing is pending."""
        with self._handle.use() as db:
            return due_in_s(db, destination, now_s)

    def delivered(self, destination: str, leased: Iterable[Leased], *, now_s: float) -> int:
        """Note that the platform has them; only the ledger's line stays.

        Returns:
            How many still were the version that was leased. The others were replaced meanwhile and wait.
        """
        return self._deliver(destination, leased, (), now_s)

    def kept(self, destination: str, leased: Iterable[Leased], *, now_s: float) -> int:
        """Note that the platform left its own version alone, because a person has worked on it.

        Returns:
            As `delivered`.
        """
        return self._deliver(destination, leased, ("kept",), now_s)

    def unknown(self, destination: str, leased: Iterable[Leased], *, now_s: float) -> int:
        """Note that nobody can say whether the platform has them. In the ledger they stand like delivered ones.

        Returns:
            As `delivered`.
        """
        versions = [one.version for one in leased]
        with self._handle.use() as db:
            with transaction(db):
                n = settle_rows(db, destination, versions, "delivered", now_s=now_s)
                change_tally(db, destination, {"unknown": n, "waiting": -n})
            self._count(db, destination, Metric.RECORDS_UNKNOWN, n)
        return n

    def try_later(
        self,
        destination: str,
        leased: Iterable[Leased],
        error: str,
        *,
        next_attempt_s: float,
        now_s: float,
        was_sent: bool = True,
    ) -> int:
        """Give them back, to be handed out again from *next_attempt_s* (Unix time) on.

        Args:
            destination: Its name.
            leased: Which.
            error: What the platform said.
            next_attempt_s: Unix time.
            now_s: Unix time.
            was_sent: The platform may have them now; else this lease does not count as an attempt.

        Returns:
            How many went back to waiting.
        """
        with self._handle.use() as db, transaction(db):
            return settle_rows(
                db,
                destination,
                [one.version for one in leased],
                "pending",
                now_s=now_s,
                next_attempt_s=next_attempt_s,
                error=error,
                was_sent=was_sent,
            )

    def dead(
        self, destination: str, leased: Iterable[Leased], error: str, *, now_s: float, was_sent: bool = True
    ) -> int:
        """Put them aside: the platform refuses them.

        Args:
            destination: Its name.
            leased: Which.
            error: What the platform said.
            now_s: Unix time.
            was_sent: As in `try_later`.

        Returns:
            How many were put aside. The others were replaced meanwhile and wait.
        """
        return self._bury(destination, [one.version for one in leased], error, now_s, was_sent=was_sent)

    def release(self, destination: str) -> int:
        """End all leases. Only for the holder of the destination's lock, who knows that nobody else is sending.

        Returns:
            How many went back to waiting.
        """
        with self._handle.use() as db:
            return db.execute(
                "UPDATE records SET state = 'pending' WHERE destination = ? AND state = 'leased'", (destination,)
            ).rowcount

    def requeue(self, destination: str, *, now_s: float) -> int:
        """Let all dead letters wait again.

        Returns:
            How many.
        """
        with self._handle.use() as db:
            with transaction(db):
                n = db.execute(
                    "UPDATE records SET state = 'pending', next_attempt_s = 0, changed_s = ? "
                    "WHERE destination = ? AND state = 'dead'",
                    (now_s, destination),
                ).rowcount
                change_tally(db, destination, {"made": n, "waiting": n})
            self._count(db, destination, Metric.RECORDS_MADE, n)
        return n

    def hurry(self, destination: str) -> int:
        """Let what waits for its next try be due at once.

        A worker that is in a pause just now, in this or another process, still ends that first.

        Returns:
            How many were not due.
        """
        with self._handle.use() as db:
            return db.execute(
                "UPDATE records SET next_attempt_s = 0 "
                "WHERE destination = ? AND state = 'pending' AND next_attempt_s > 0",
                (destination,),
            ).rowcount

    def purge(self, destination: str, which: Literal["dead", "waiting"]) -> int:
        """Remove records for good: those that the platform refused, or those that wait. The latter count as dropped.

        What is delivered meanwhile by another process stays on the platform.

        Returns:
            How many.
        """
        with self._handle.use() as db:
            with transaction(db):
                n = remove_rows(db, destination, which)
            if which == "waiting":
                self._count(db, destination, Metric.RECORDS_DROPPED, n, reason="purged")
        self.prune(destination)
        return n

    def prune(self, destination: str) -> int:
        """Shorten the ledger to its bound, and give free pages back to the disk.

        Returns:
            How many ids were forgotten.
        """
        keep = min(LEDGER_ROWS, self._max_bytes // 4 // _LEDGER_ROW_BYTES)
        with self._handle.use() as db:
            with transaction(db):
                n = db.execute(
                    "DELETE FROM records WHERE destination = ?1 AND state = 'delivered' AND seq <= ("
                    "SELECT seq FROM records WHERE destination = ?1 AND state = 'delivered' "
                    "ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
                    (destination, keep),
                ).rowcount
            # `execute` would stop after one page: this statement is to be stepped, but gives no rows.
            db.executescript("PRAGMA incremental_vacuum")
        return n

    def tally(self, destination: str) -> Tally:
        """What became of everything that was ever put for a destination."""
        with self._handle.use() as db:
            return read_tally(db, destination)

    def destinations(self) -> tuple[str, ...]:
        """Names of all destinations that were ever used, sorted."""
        with self._handle.use() as db:
            rows = db.execute("SELECT DISTINCT destination FROM tallies ORDER BY destination").fetchall()
        return tuple(name for (name,) in rows)

    def dead_letters(self, destination: str) -> list[DeadLetter]:
        """Records that wait for a person, the oldest first."""
        with self._handle.use() as db:
            rows = db.execute(
                "SELECT id, error, attempts, changed_s FROM records "
                "WHERE destination = ? AND state = 'dead' ORDER BY seq",
                (destination,),
            ).fetchall()
        return [DeadLetter(*row) for row in rows]

    def entries(self, prefix: str) -> list[Entry]:
        """All records whose id begins so, in whatever state, by destination and age."""
        with self._handle.use() as db:
            return find_entries(db, prefix)

    def first_waiting(self, destination: str) -> Entry | None:
        """The record that is sent next or just now; None if none waits."""
        with self._handle.use() as db:
            return first_waiting(db, destination)

    def waiting_bytes(self, destination: str) -> int:
        """Size of the records that wait, as JSON in UTF-8."""
        with self._handle.use() as db:
            [(n,)] = db.execute(
                "SELECT coalesce(sum(bytes), 0) FROM records WHERE destination = ? AND state IN ('pending', 'leased')",
                (destination,),
            ).fetchall()
        return int(n)

    def used_bytes(self) -> int:
        """What counts against `max_bytes`: the file's pages that are not free."""
        with self._handle.use() as db:
            return used_bytes(db)

    def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        self._handle.close()

    def _check_room(self, db: sqlite3.Connection) -> None:
        used = used_bytes(db)
        if used > self._max_bytes:
            raise TryLater(
                f"{self.path}: no room: with these records {used:,} bytes, {self._max_bytes:,} are allowed "
                "(SPANLABEL_OUTBOX_MAX_BYTES); are the destinations reachable?"
            )

    def _deliver(self, destination: str, leased: Iterable[Leased], also: Sequence[str], now_s: float) -> int:
        versions = [one.version for one in leased]
        with self._handle.use() as db:
            with transaction(db):
                n = settle_rows(db, destination, versions, "delivered", now_s=now_s)
                change_tally(db, destination, {"delivered": n, "waiting": -n} | dict.fromkeys(also, n))
            self._count(db, destination, Metric.RECORDS_DELIVERED, n)
        return n

    def _bury(self, destination: str, versions: Sequence[Version], error: str, now_s: float, *, was_sent: bool) -> int:
        with self._handle.use() as db:
            with transaction(db):
                n = settle_rows(db, destination, versions, "dead", now_s=now_s, error=error, was_sent=was_sent)
                change_tally(db, destination, {"dead": n, "waiting": -n})
            self._count(db, destination, Metric.RECORDS_DEAD, n)
        return n

    def _count(self, db: sqlite3.Connection, destination: str, metric: Metric, n: int, **labels: str) -> None:
        self._counts.add(metric, n, destination=destination, **labels)
        waiting = read_tally(db, destination).waiting
        self._counts.set(Metric.RECORDS_WAITING, waiting, destination=destination)
