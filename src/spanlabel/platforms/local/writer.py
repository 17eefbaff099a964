"""Write records into the embedded store."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence, Set
from datetime import UTC, datetime
from pathlib import Path

from spanlabel.database import is_temporary, open_database, store_errors, transaction
from spanlabel.errors import ConfigError, StoreError, TryLater
from spanlabel.model import Record
from spanlabel.ports import Outcome

from .config import LocalSettings
from .mapping import COLUMNS, to_row
from .schema import SCHEMA

_SET = ", ".join(f"{name} = excluded.{name}" for name in (*COLUMNS[1:], "written_at"))
_UPSERT = (
    f"INSERT INTO records ({', '.join(COLUMNS)}, written_at) "  # noqa: S608  names of our own columns
    f"VALUES ({', '.join(f':{name}' for name in COLUMNS)}, :written_at) "
    f"ON CONFLICT (id) DO UPDATE SET {_SET}"
)


def make_writer(settings: LocalSettings, home: Path) -> LocalWriter:
    """Make the embedded store's writer; nothing is opened yet.

    Args:
        settings: The platform's settings.
        home: spanlabel's home folder, absolute.
    """
    return LocalWriter(settings.file(home))


class LocalWriter:
    """A `RecordWriter` into an SQLite file.

    A full disk and a lock that another process holds too long are `TryLater`: the records wait until there is
    room again. A file that is damaged, not ours or not writable is a `ConfigError`, because waiting does not help.

    Args:
        path: Absolute path of the file; it is made at `open` if it is not there.
        clock: Gives Unix time in seconds, for `written_at`.
    """

    batch_size = 500

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Make the file where it is missing."""
        self.close()
        try:
            self._connection = open_database(self.path, SCHEMA)
        except StoreError as error:
            raise _translated(error) from error

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        """Write all of *batch* in one transaction. The file knows itself which records it has."""
        connection = self._connection
        if connection is None:
            raise TryLater(f"{self.path}: is not open")
        written_at = (
            datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )
        try:
            with store_errors(self.path):
                connection.execute(f"PRAGMA busy_timeout = {max(1, int(timeout_s * 1000))}")
                with transaction(connection):
                    kept = _worked_on(connection, batch)
                    rows = [to_row(record) | {"written_at": written_at} for record in batch if record.id not in kept]
                    connection.executemany(_UPSERT, rows)
                return [Outcome.KEPT if record.id in kept else Outcome.DELIVERED for record in batch]
        except StoreError as error:
            raise _translated(error) from error

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _worked_on(connection: sqlite3.Connection, batch: Sequence[Record]) -> Set[str]:
    """The ids of those records that a person has worked on."""
    if connection.execute("SELECT 1 FROM annotations LIMIT 1").fetchone() is None:
        return frozenset()
    one = "SELECT 1 FROM annotations WHERE record_id = ? LIMIT 1"
    return {record.id for record in batch if connection.execute(one, (record.id,)).fetchone()}


def _translated(error: StoreError) -> ConfigError | TryLater:
    if is_temporary(error):
        return TryLater(str(error))
    return ConfigError(str(error), setting="path")
