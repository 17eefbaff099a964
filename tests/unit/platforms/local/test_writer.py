import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from spanlabel.database import transaction
from spanlabel.errors import ConfigError, TryLater
from spanlabel.platforms.local import LocalSettings, LocalStore, LocalWriter, make_writer
from spanlabel.ports import Outcome
from spanlabel.testing import FakeClock, make_record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "records.db"


@pytest.fixture
def writer(path: Path) -> Iterator[LocalWriter]:
    writer = LocalWriter(path, clock=FakeClock().time)
    writer.open()
    yield writer
    writer.close()


def _query(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def _annotate(path: Path, record_id: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT INTO annotations (record_id, question, value, annotated_at) VALUES (?, 'rating', '5', 'now')",
            (record_id,),
        )


class TestWrite:
    def test_a_person_can_query_it(self, writer: LocalWriter, path: Path) -> None:
        """
        Any SQLite tool answers questions about the records.
        """
        writer.write([make_record(1, answer="a", model="m1"), make_record(2, answer="b", model="m2")], timeout_s=1.0)

        assert _query(path, "SELECT answer, time, written_at FROM records WHERE model = 'm2'") == [
            ("b", "2025-06-15T15:06:42.000Z", "2025-06-15T15:06:40.000Z")
        ]

    def test_made_by_the_settings(self, tmp_path: Path) -> None:
        """
        The registry's way to a writer: settings and home in, nothing opened.
        """
        writer = make_writer(LocalSettings(path=tmp_path / "x.db"), tmp_path / "home")

        assert writer.path == tmp_path / "x.db"
        assert list(tmp_path.iterdir()) == []

    def test_an_update_keeps_its_place(self, writer: LocalWriter, path: Path) -> None:
        """
        A record that changes is changed where it is; its number of arrival stays.
        """
        writer.write([make_record(1), make_record(2)], timeout_s=1.0)
        writer.write([make_record(1, answer="better")], timeout_s=1.0)

        assert _query(path, "SELECT rowid, answer FROM records ORDER BY rowid") == [(1, "better"), (2, "answer 2")]

    def test_what_a_person_worked_on_stays(self, writer: LocalWriter, path: Path) -> None:
        """
        A record with an annotation is never changed, and the caller is told.
        """
        writer.write([make_record(1), make_record(2)], timeout_s=1.0)
        _annotate(path, make_record(1).id)
        before = _query(path, "SELECT * FROM records WHERE rowid = 1")

        outcomes = writer.write([make_record(n, answer="better") for n in (1, 2)], timeout_s=1.0)

        assert outcomes == [Outcome.KEPT, Outcome.DELIVERED]
        assert _query(path, "SELECT * FROM records WHERE rowid = 1") == before

    def test_while_somebody_reads(self, writer: LocalWriter, path: Path) -> None:
        """
        Looking at the records does not hold up their delivery.
        """
        writer.write([make_record(n) for n in range(5)], timeout_s=1.0)
        with LocalStore(path) as store:
            found = store.records()
            next(found)
            writer.write([make_record(9)], timeout_s=1.0)

            assert len(list(found)) == 4
            assert store.count() == 6


class TestFaults:
    def test_disk_full_waits(self, path: Path) -> None:
        """
        On a full disk the records wait, nothing of the batch is there, and with room again it passes.
        """
        writer = LocalWriter(path)
        writer.open()
        db = writer._connection
        assert db is not None
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 3}")
        batch = [make_record(n, answer="x" * 5_000) for n in range(10)]

        with pytest.raises(TryLater, match=r"records.db: cannot grow, the disk is full; free some space"):
            writer.write(batch, timeout_s=1.0)
        assert _query(path, "SELECT count(*) FROM records") == [(0,)]
        db.execute("PRAGMA max_page_count = 100000")
        assert writer.write(batch, timeout_s=1.0) == [Outcome.DELIVERED] * 10
        writer.close()

    def test_locked_waits(self, writer: LocalWriter, path: Path) -> None:
        """
        While another program holds the file the records wait; the writer gives up when its time is over.
        """
        with (
            closing(sqlite3.connect(path, isolation_level=None)) as other,
            transaction(other),
            pytest.raises(TryLater, match=r"records.db: was locked by another process"),
        ):
            writer.write([make_record()], timeout_s=0.01)
        assert writer._connection is not None
        assert writer._connection.execute("PRAGMA busy_timeout").fetchone() == (10,)

    def test_damaged_stops(self, tmp_path: Path) -> None:
        """
        A damaged file stops the destination with one clear message: to wait would not help.
        """
        path = tmp_path / "records.db"
        path.write_bytes(b"dear diary, " * 1_000)

        with pytest.raises(ConfigError, match=r"path: .*records.db: is not a database or is damaged; move it away"):
            LocalWriter(path).open()

    def test_unwritable_stops(self, tmp_path: Path) -> None:
        """
        The same for a place that cannot be written.
        """
        (tmp_path / "home").write_text("")

        with pytest.raises(ConfigError, match=r"path: .*home/records.db: cannot be used"):
            LocalWriter(tmp_path / "home" / "records.db").open()

    def test_the_outbox_is_no_store(self, tmp_path: Path) -> None:
        """
        To name the outbox as the store is refused, not obeyed.
        """
        from spanlabel.delivery import Outbox

        outbox = Outbox(tmp_path / "outbox.db", max_bytes=1_000_000)
        outbox.put([make_record()], ["d"], now_s=0.0)
        outbox.close()

        with pytest.raises(ConfigError, match="not spanlabel's embedded store"):
            LocalWriter(tmp_path / "outbox.db").open()
