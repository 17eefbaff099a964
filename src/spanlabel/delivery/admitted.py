"""What `dedup` and `per_day` remember, in an SQLite file beside the outbox, so that it outlives the process.

Several processes with one outbox share it: a cap holds for all of them together.

Table `admitted`, one row for each record that passed::

    seq         order in which they passed
    id, trace_id
    asked       digest of the question; the text is not kept here
    time_s      when the run began
    duplicates  how many asked the same and gave no record
    told        how many of them the record tells
    record      the record as JSON, so that it can tell more later; NULL where it is too long or too old for that

Table `duplicates`: id, and id of the record that it is counted on. Table `days`: how many passed, by day.

Nothing grows without end: the newest `ROWS` are remembered, and the text of the newest `TEXTS` of up to `LONGEST`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spanlabel.database import Schema, transaction
from spanlabel.model import Record
from spanlabel.records import from_json, to_json
from spanlabel.rules.admission import Entry

from .handle import Handle

ROWS = 100_000
"""Records, and duplicates, that are remembered."""

TEXTS = 2_000
"""Records that may still tell a higher count."""

LONGEST = 64 * 1024
"""Characters of such a record."""

_DAYS = 10_000

SCHEMA = Schema(
    purpose="memory of the rules",
    application_id=0x534C5255,  # "SLRU"
    version=1,
    statements=(
        """
        CREATE TABLE admitted (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            trace_id TEXT NOT NULL,
            asked BLOB NOT NULL,
            time_s INTEGER NOT NULL,
            duplicates INTEGER NOT NULL DEFAULT 0,
            told INTEGER NOT NULL DEFAULT 0,
            record TEXT
        )
        """,
        "CREATE INDEX admitted_by_question ON admitted (asked, time_s)",
        "CREATE INDEX admitted_by_trace ON admitted (trace_id)",
        "CREATE INDEX untold ON admitted (seq) WHERE duplicates > told",
        """
        CREATE TABLE duplicates (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            first_id TEXT NOT NULL
        )
        """,
        "CREATE TABLE days (day INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
    ),
)


class FileBook:
    """A `spanlabel.rules.admission.Book` in a file. Thread-safe; opened at the first use, in each process anew.

    Args:
        path: Absolute path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._handle = Handle(path, SCHEMA)

    @contextmanager
    def open(self) -> Iterator[SqlPage]:
        """Open it for one transaction.

        Raises:
            StoreError: The file cannot be used.
        """
        with self._handle.use() as db, transaction(db):
            yield SqlPage(db)

    def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        self._handle.close()


class PassingBook:
    """A `spanlabel.rules.admission.Book` for one command: it remembers as long as it is there. One thread uses it."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        for statement in SCHEMA.statements:
            self._db.execute(statement)

    @contextmanager
    def open(self) -> Iterator[SqlPage]:
        """Open it for one transaction."""
        with transaction(self._db):
            yield SqlPage(self._db)

    def close(self) -> None:
        """Forget all."""
        self._db.close()


class SqlPage:
    """A `spanlabel.rules.admission.Page` over the tables above, within the caller's transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def find(self, record_id: str) -> Entry | None:
        """The entry of a record that passed."""
        row = self._db.execute("SELECT id, trace_id, asked, time_s FROM admitted WHERE id = ?", (record_id,)).fetchone()
        return None if row is None else Entry(*row)

    def first_to_ask(self, asked: bytes, time_s: int, window_s: float) -> str | None:
        """Id of a record that passed with this question within the window."""
        row = self._db.execute(
            "SELECT id FROM admitted WHERE asked = ? AND time_s > ? AND time_s < ? ORDER BY seq LIMIT 1",
            (asked, time_s - window_s, time_s + window_s),
        ).fetchone()
        return None if row is None else str(row[0])

    def on_day(self, day: int) -> int:
        """How many have passed for a day."""
        row = self._db.execute("SELECT n FROM days WHERE day = ?", (day,)).fetchone()
        return 0 if row is None else int(row[0])

    def add(self, entry: Entry, day: int | None) -> None:
        """Remember a record that passes, and forget what is too old."""
        newest = (
            self._db.execute(
                "INSERT INTO admitted (id, trace_id, asked, time_s) VALUES (?, ?, ?, ?)",
                (entry.id, entry.trace_id, entry.asked, entry.time_s),
            ).lastrowid
            or 0
        )
        self._db.execute("DELETE FROM admitted WHERE seq <= ?", (newest - ROWS,))
        self._db.execute("UPDATE admitted SET record = NULL WHERE seq = ?", (newest - TEXTS,))
        # It may have been a duplicate until its question changed.
        self._db.execute("DELETE FROM duplicates WHERE id = ?", (entry.id,))
        if day is not None:
            self._db.execute(
                "INSERT INTO days (day, n) VALUES (?, 1) ON CONFLICT (day) DO UPDATE SET n = n + 1", (day,)
            )
            self._db.execute("DELETE FROM days WHERE day < ?", (day - _DAYS,))

    def remove(self, record_id: str) -> None:
        """Forget a record."""
        self._db.execute("DELETE FROM admitted WHERE id = ?", (record_id,))

    def give_back(self, day: int) -> None:
        """One record fewer has passed for a day."""
        self._db.execute("UPDATE days SET n = n - 1 WHERE day = ? AND n > 0", (day,))

    def add_duplicate(self, record_id: str, first_id: str) -> None:
        """Count a record on another one, once."""
        known = self._db.execute("SELECT first_id FROM duplicates WHERE id = ?", (record_id,)).fetchone()
        if known == (first_id,):
            return
        newest = (
            self._db.execute(
                "INSERT OR REPLACE INTO duplicates (id, first_id) VALUES (?, ?)", (record_id, first_id)
            ).lastrowid
            or 0
        )
        self._db.execute("DELETE FROM duplicates WHERE seq <= ?", (newest - ROWS,))
        self._db.execute("UPDATE admitted SET duplicates = duplicates + 1 WHERE id = ?", (first_id,))

    def duplicates(self, record_id: str) -> int:
        """How many were counted on a record."""
        row = self._db.execute("SELECT duplicates FROM admitted WHERE id = ?", (record_id,)).fetchone()
        return 0 if row is None else int(row[0])

    def keep(self, record: Record) -> None:
        """Keep the record, if it is not too long."""
        text = to_json(record)
        self._db.execute(
            "UPDATE admitted SET told = duplicates, record = ? WHERE id = ?",
            (text if len(text) <= LONGEST else None, record.id),
        )

    def take_untold(self) -> list[tuple[Record, int]]:
        """Records that have more to tell, and how many were counted on each."""
        rows = self._db.execute(
            "SELECT seq, record, duplicates FROM admitted WHERE duplicates > told ORDER BY seq"
        ).fetchall()
        self._db.executemany("UPDATE admitted SET told = duplicates WHERE seq = ?", [(seq,) for seq, _, _ in rows])
        found = []
        for _, text, n in rows:
            # One that another version wrote in another way has told its last count.
            with suppress(ValueError):
                if text is not None:
                    found.append((from_json(text), n))
        return found

    def of_trace(self, trace_id: str) -> list[Entry]:
        """The records of a trace that passed."""
        rows = self._db.execute(
            "SELECT id, trace_id, asked, time_s FROM admitted WHERE trace_id = ? ORDER BY seq", (trace_id,)
        ).fetchall()
        return [Entry(*row) for row in rows]
