"""Every platform's writer keeps the contract of `spanlabel.ports.RecordWriter`. A new platform adds one line."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from spanlabel.platforms.local import LocalStore, LocalWriter
from spanlabel.ports import RecordWriter
from spanlabel.testing import MemoryPlatform, check_writer

Case = tuple[Callable[[], RecordWriter], Callable[[], Mapping[str, str]], Callable[[str], None]]


def _memory(_: Path) -> Case:
    platform = MemoryPlatform()
    return platform.writer, platform.answers, platform.annotated.add


def _local(folder: Path) -> Case:
    path = folder / "records.db"

    def stored() -> Mapping[str, str]:
        with closing(sqlite3.connect(path)) as db:
            return dict(db.execute("SELECT id, answer FROM records ORDER BY rowid").fetchall())

    def annotate(record_id: str) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("INSERT INTO annotations VALUES (?, 'rating', '5', NULL, '2025-01-01T00:00:00Z')", (record_id,))

    return partial(LocalWriter, path), stored, annotate


@pytest.mark.parametrize("case", [_memory, _local])
def test_keeps_the_contract(case: Callable[[Path], Case], tmp_path: Path) -> None:
    """
    Records are there once and as given, updates arrive, people's work stays, and nothing is left behind.
    """
    make, stored, annotate = case(tmp_path)

    check_writer(make, stored, annotate=annotate)


def test_hard_content_survives_the_local_store(tmp_path: Path) -> None:
    """
    What the contract's check wrote can be read back by the store's own reader.
    """
    make, stored, annotate = _local(tmp_path)
    check_writer(make, stored, annotate=annotate)

    with LocalStore(tmp_path / "records.db") as store:
        assert {record.id: record.answer for record in store.records()} == stored()
