import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spanlabel.errors import StoreError
from spanlabel.platforms.local import LocalStore, LocalWriter
from spanlabel.testing import make_record

START = datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)
RECORDS = [
    make_record(1, conversation="c1", service="a", model="m1"),
    make_record(2, conversation="c2", service="a", model="m2"),
    make_record(3, conversation="c1", service="b", model="m2"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records.db"
    writer = LocalWriter(path)
    writer.open()
    writer.write([RECORDS[1], RECORDS[0], RECORDS[2]], timeout_s=1.0)
    writer.close()
    return path


@pytest.fixture
def store(path: Path) -> Iterator[LocalStore]:
    with LocalStore(path) as store:
        yield store


class TestRecords:
    def test_newest_first(self, store: LocalStore) -> None:
        """
        The last question comes first, whatever order the records arrived in; each is as it was written.
        """
        assert list(store.records()) == RECORDS[::-1]

    def test_oldest_first(self, store: LocalStore) -> None:
        """
        Or the other way round.
        """
        assert list(store.records(newest_first=False)) == RECORDS

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            pytest.param({"conversation": "c1"}, [3, 1], id="conversation"),
            pytest.param({"service": "a"}, [2, 1], id="service"),
            pytest.param({"model": "m2"}, [3, 2], id="model"),
            pytest.param({"model": "m2", "service": "a"}, [2], id="both must hold"),
            pytest.param({"model": "m3"}, [], id="none"),
            pytest.param({"since": START + timedelta(seconds=2)}, [3, 2], id="since, that moment included"),
            pytest.param({"until": START + timedelta(seconds=2)}, [1], id="until, that moment not included"),
            pytest.param({"limit": 2}, [3, 2], id="limit"),
            pytest.param({"limit": 0}, [], id="limit of none"),
            pytest.param({"model": "' OR 1 = 1 --"}, [], id="quotes are only quotes"),
        ],
    )
    def test_filters(self, store: LocalStore, wanted: dict[str, object], found: list[int]) -> None:
        """
        Each filter leaves what fits, and they add up.
        """
        assert [record.trace_id for record in store.records(**wanted)] == [f"{number:032x}" for number in found]
        if "limit" not in wanted:
            assert store.count(**wanted) == len(found)

    def test_count(self, store: LocalStore) -> None:
        """
        How many there are.
        """
        assert store.count() == 3


class TestOne:
    def test_by_its_beginning(self, store: LocalStore) -> None:
        """
        A few characters of an id are enough.
        """
        for record in RECORDS:
            assert store.record(record.id) == record
            assert store.record(record.id[:8]) == record

    def test_none(self, store: LocalStore) -> None:
        """
        An id that is not there is said so.
        """
        with pytest.raises(LookupError, match="no record's id begins with '%'"):
            store.record("%")

    def test_more_than_one(self, store: LocalStore) -> None:
        """
        An ambiguous beginning is not guessed.
        """
        with pytest.raises(LookupError, match="more than one record's id begins with ''; give more of it"):
            store.record("")


class TestFaults:
    def test_no_store_yet(self, tmp_path: Path) -> None:
        """
        Before the first record that is what is said, and no file is made by looking.
        """
        with pytest.raises(StoreError, match=r"records.db: there is no such file; nothing has been stored there yet"):
            LocalStore(tmp_path / "records.db")
        assert list(tmp_path.iterdir()) == []

    def test_changed_by_hand(self, path: Path) -> None:
        """
        A row that somebody has spoilt is named.
        """
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE records SET messages = 'hello' WHERE id = ?", (RECORDS[0].id,))

        with LocalStore(path) as store, pytest.raises(StoreError, match=rf"record {RECORDS[0].id} was changed by hand"):
            store.record(RECORDS[0].id)
