"""One SQLite connection for each process, opened when first needed and never carried over a fork."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from weakref import WeakSet

from spanlabel.database import Schema, open_database, store_errors

from .untraced import untraced


class Handle:
    """Lends the connection to one thread at a time.

    A forked child begins without a connection and with a lock of its own. The parent's connection is neither
    used nor closed there: SQLite forbids both.

    Args:
        path: Absolute path of the file.
        schema: What is expected there.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = path
        self._schema = schema
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        _handles.add(self)

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """Wait for the connection, and open it if it is not open. What is done within is not traced.

        Raises:
            StoreError: The file cannot be used, also while the caller uses it.
        """
        with self._lock, untraced(), store_errors(self.path):
            if self._connection is None:
                self._connection = open_database(self.path, self._schema)
            try:
                yield self._connection
            except sqlite3.Error:
                self._drop()  # so that a file that was repaired or replaced is found at the next call
                raise

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock, store_errors(self.path):
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _begin_anew(self) -> None:
        if self._connection is not None:
            _left_by_parent.append(self._connection)
        self._lock = Lock()
        self._connection = None


_handles: WeakSet[Handle] = WeakSet()
_left_by_parent: list[sqlite3.Connection] = []  # kept, because collecting one would close it


def _begin_anew_in_child() -> None:
    for handle in list(_handles):
        handle._begin_anew()  # noqa: SLF001  the same module's own class


os.register_at_fork(after_in_child=_begin_anew_in_child)
