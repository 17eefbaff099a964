"""Open an SQLite file of ours, and say in plain words what is wrong with one.

Two files are opened this way: the outbox and the embedded store. Both hold what people wrote, so the file is
made for its owner alone (0600, a new folder 0700). Both are written in WAL mode: several processes may read
and write, a reader never waits for a writer. That needs a local disk; a network file system does not do.

`synchronous=NORMAL`: a commit is safe from a crash or SIGKILL of the process, and a power failure cannot damage
the file, but may take back the last commits. Asking the disk at each commit (FULL) made single commits six times
slower on a fast disk, and the application whose guest we are would pay for it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import StoreError

BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for another process's transaction. Ours take milliseconds."""

_WAL_BYTES = 16 * 1024 * 1024
_TEMPORARY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_PRIMARY = 0xFF  # the low byte of SQLite's extended result codes


@dataclass(frozen=True, slots=True)
class Schema:
    """What a file of one purpose looks like.

    Attributes:
        purpose: What the file is, for messages.
        application_id: 32-bit number in the file's header that tells our files from anybody else's.
        version: Number of the schema, in the file's `user_version`; above 0.
        statements: Make the tables of a new file.
    """

    purpose: str
    application_id: int
    version: int
    statements: tuple[str, ...]


def open_database(path: Path, schema: Schema) -> sqlite3.Connection:
    """Open a file for writing, and make it if it is not there.

    Args:
        path: Absolute.
        schema: What is expected there.

    Returns:
        A connection in autocommit mode; one thread at a time may use it.

    Raises:
        StoreError: The file or its folder cannot be used, it is something else, or a newer spanlabel made it.
    """
    with store_errors(path):
        _make_private(path)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            is_new = _check(connection, path, schema)
            if is_new:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only before the first table
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
            if is_new:
                _make_tables(connection, path, schema)
        except BaseException:
            connection.close()
            raise
        return connection


def open_for_reading(path: Path, schema: Schema) -> sqlite3.Connection:
    """Open a file that is there, without changing it.

    Args:
        path: Absolute.
        schema: What is expected there.

    Raises:
        StoreError: There is no such file, it cannot be read, it is something else, or a newer spanlabel made it.
    """
    with store_errors(path):
        _require(path.exists(), path, "there is no such file")
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            _require(not _check(connection, path, schema), path, "is empty")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit everything within, or nothing. The write lock is taken first, so nothing read within goes stale."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself, as when the disk is full
            connection.execute("ROLLBACK")
        raise


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a `StoreError` that names the file and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_advice(error)}") from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be used: {error.strerror}; {_MOVE}") from error


def is_temporary(error: StoreError) -> bool:
    """Tell whether the same may work later with no setting changed: locked by another process, disk full."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and _code(cause) in _TEMPORARY


_MOVE = "make it writable for this user, or choose another folder with SPANLABEL_HOME"


def _advice(error: sqlite3.Error) -> str:
    advice = {
        sqlite3.SQLITE_NOTADB: "is not a database or is damaged; move it away and a new one is made",
        sqlite3.SQLITE_CORRUPT: "is damaged; move it away and a new one is made, or try `sqlite3 FILE .recover`",
        sqlite3.SQLITE_BUSY: f"was locked by another process for {BUSY_TIMEOUT_S:g} s; see which one holds it",
        sqlite3.SQLITE_LOCKED: f"was locked by another process for {BUSY_TIMEOUT_S:g} s; see which one holds it",
        sqlite3.SQLITE_READONLY: f"cannot be written; {_MOVE}",
        sqlite3.SQLITE_CANTOPEN: f"cannot be opened; {_MOVE}",
        sqlite3.SQLITE_PERM: f"cannot be opened; {_MOVE}",
        sqlite3.SQLITE_FULL: "cannot grow, the disk is full; free some space",
        sqlite3.SQLITE_IOERR: "the disk failed to read or write it; see the system's log, and whether the disk is full",
    }.get(_code(error))
    return f"{error}" if advice is None else f"{advice} ({error})"


def _code(error: sqlite3.Error) -> int:
    # Some errors come from Python's module, not from SQLite, and have no code.
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives the files beside it (-wal, -shm) the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _require(holds: bool, path: Path, else_it: str) -> None:
    if not holds:
        raise StoreError(f"{path}: {else_it}; nothing has been stored there yet")


def _make_tables(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    with transaction(connection):
        if not _check(connection, path, schema):
            return  # another process has made them just now
        for statement in schema.statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.application_id}")
        connection.execute(f"PRAGMA user_version = {schema.version}")


def _check(connection: sqlite3.Connection, path: Path, schema: Schema) -> bool:
    """Tell whether the file is empty.

    Raises:
        StoreError: It is neither empty nor what is expected.
    """
    # Asked first: the other way round, tables that another process makes meanwhile would look like a stranger's.
    is_empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    purpose, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if purpose == schema.application_id and version == schema.version:
        return False
    if purpose == schema.application_id:
        raise StoreError(
            f"{path}: made by another version of spanlabel (schema {version}; this one knows {schema.version}); "
            "upgrade spanlabel, or move the file away and a new one is made"
        )
    if is_empty:
        return True
    raise StoreError(f"{path}: is a database, but not spanlabel's {schema.purpose}; choose another file")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    [(found,)] = connection.execute(f"PRAGMA {name}").fetchall()
    return int(found)
