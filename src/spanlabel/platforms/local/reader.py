"""Read the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from spanlabel.database import open_for_reading, store_errors
from spanlabel.errors import StoreError
from spanlabel.model import Record

from .mapping import READ_COLUMNS, from_row
from .schema import SCHEMA

_SELECT = f"SELECT {', '.join(READ_COLUMNS)} FROM records"  # noqa: S608  names of our own columns
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LocalStore:
    """The records of an embedded store, while others may go on writing. Changes nothing. A context manager.

    Args:
        path: Absolute path of the file.

    Raises:
        StoreError: There is no such file, or it cannot be read; the text names it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_for_reading(path, SCHEMA)
        self._connection.row_factory = sqlite3.Row

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def records(
        self,
        *,
        conversation: str | None = None,
        service: str | None = None,
        model: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Record]:
        """Read records, by the time of their question.

        Args:
            conversation: Only this conversation.
            service: Only this service.
            model: Only this model.
            since: Only questions asked at this moment or later; with a time zone.
            until: Only questions asked before this moment; with a time zone.
            limit: At most so many.
            newest_first: False for the oldest first.

        Raises:
            StoreError: The file cannot be read.
        """
        where, values = _where(conversation, service, model, since, until)
        order = "DESC" if newest_first else "ASC"
        query = f"{_SELECT} {where} ORDER BY time_ns {order}, rowid {order} LIMIT ?"
        with store_errors(self.path):
            for row in self._connection.execute(query, [*values, -1 if limit is None else limit]):
                yield self._read(row)

    def record(self, prefix: str) -> Record:
        """Read one record.

        Args:
            prefix: Its id, or as much of it as no other id begins with.

        Raises:
            LookupError: No id or more than one begins so; the text says which.
            StoreError: The file cannot be read.
        """
        with store_errors(self.path):
            rows = self._connection.execute(
                f"{_SELECT} WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2", (prefix,)
            ).fetchall()
        if not rows:
            raise LookupError(f"no record's id begins with {prefix!r}")
        if len(rows) > 1:
            raise LookupError(f"more than one record's id begins with {prefix!r}; give more of it")
        return self._read(rows[0])

    def count(
        self,
        *,
        conversation: str | None = None,
        service: str | None = None,
        model: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Count records; arguments and errors as in `records`."""
        where, values = _where(conversation, service, model, since, until)
        with store_errors(self.path):
            [(n,)] = self._connection.execute(f"SELECT count(*) FROM records {where}", values).fetchall()  # noqa: S608  our own condition
        return int(n)

    def _read(self, row: sqlite3.Row) -> Record:
        try:
            return from_row(dict(row))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.path}: record {row['id']} was changed by hand and cannot be read") from error


def _where(
    conversation: str | None,
    service: str | None,
    model: str | None,
    since: datetime | None,
    until: datetime | None,
) -> tuple[str, list[str | int]]:
    wanted: list[tuple[str, str | int | None]] = [
        ("conversation_id = ?", conversation),
        ("service = ?", service),
        ("model = ?", model),
        ("time_ns >= ?", None if since is None else _ns(since)),
        ("time_ns < ?", None if until is None else _ns(until)),
    ]
    given = [(condition, value) for condition, value in wanted if value is not None]
    where = "WHERE " + " AND ".join(condition for condition, _ in given) if given else ""
    return where, [value for _, value in given]


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
