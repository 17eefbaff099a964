import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from spanlabel import database
from spanlabel.database import Schema, is_temporary, open_database, open_for_reading, store_errors, transaction
from spanlabel.errors import StoreError

SCHEMA = Schema("shoe box", 0x12345678, 2, ("CREATE TABLE shoes (size INTEGER)", "CREATE TABLE laces (n INTEGER)"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "shoes.db"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(path, SCHEMA)) as connection:
        yield connection


class TestOpen:
    def test_a_new_file(self, db: sqlite3.Connection, path: Path) -> None:
        """
        A new file has its tables, its folder is made, and both are the owner's alone.
        """
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}

        assert tables == {"shoes", "laces"}
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_settings(self, db: sqlite3.Connection) -> None:
        """
        Readers never wait for a writer, a crash cannot damage the file, and space can go back to the disk.
        """
        names = ("journal_mode", "synchronous", "auto_vacuum", "user_version", "application_id")
        found = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

        assert found == {
            "journal_mode": "wal",
            "synchronous": 1,
            "auto_vacuum": 2,
            "user_version": 2,
            "application_id": 0x12345678,
        }

    def test_again(self, db: sqlite3.Connection, path: Path) -> None:
        """
        A file that is there is opened with what is in it, also while another has it open.
        """
        db.execute("INSERT INTO shoes VALUES (42)")
        with closing(open_database(path, SCHEMA)) as other:
            assert other.execute("SELECT size FROM shoes").fetchall() == [(42,)]

    def test_an_existing_folder_keeps_its_mode(self, tmp_path: Path) -> None:
        """
        A folder that a person has made is left as it is.
        """
        tmp_path.chmod(0o755)
        open_database(tmp_path / "shoes.db", SCHEMA).close()

        assert tmp_path.stat().st_mode & 0o777 == 0o755

    @pytest.mark.parametrize("when", ["application_id", "user_version"])
    def test_another_process_makes_it_at_the_same_moment(
        self, when: str, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Two processes that open a new file at once both get it, wherever the one is when the other makes its tables.
        """
        real = database._pragma

        def interrupted(connection: sqlite3.Connection, name: str) -> int:
            found = real(connection, name)
            if name == when:
                monkeypatch.setattr(database, "_pragma", real)
                open_database(path, SCHEMA).close()
            return found

        monkeypatch.setattr(database, "_pragma", interrupted)
        with closing(open_database(path, SCHEMA)) as connection:
            assert connection.execute("SELECT count(*) FROM shoes").fetchone() == (0,)


class TestWhatIsWrong:
    @pytest.mark.parametrize("opener", [open_database, open_for_reading])
    def test_no_database(self, opener: object, tmp_path: Path) -> None:
        """
        A file that is something else, or is damaged at its head, is named, with what to do. It is not touched.
        """
        path = tmp_path / "shoes.db"
        path.write_bytes(b"dear diary, " * 1_000)

        with pytest.raises(StoreError, match=r"shoes.db: is not a database or is damaged; move it away") as caught:
            opener(path, SCHEMA)
        assert path.read_bytes() == b"dear diary, " * 1_000
        assert not is_temporary(caught.value)

    def test_damaged_in_the_middle(self, db: sqlite3.Connection, path: Path) -> None:
        """
        Damage that shows only while reading is named too.
        """
        with transaction(db):
            db.executemany("INSERT INTO shoes VALUES (?)", [(n,) for n in range(50_000)])
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        content = bytearray(path.read_bytes())
        content[4096 * 3 : 4096 * 60] = b"\xff" * (4096 * 57)
        path.write_bytes(content)

        with (
            closing(open_database(path, SCHEMA)) as again,
            pytest.raises(StoreError, match=r"shoes.db: is damaged; move it away"),
            store_errors(path),
        ):
            again.execute("SELECT sum(size) FROM shoes").fetchall()

    @pytest.mark.parametrize("opener", [open_database, open_for_reading])
    def test_somebody_elses_database(self, opener: object, tmp_path: Path) -> None:
        """
        Another program's database is not taken for ours, and is left as it was.
        """
        path = tmp_path / "shoes.db"
        with closing(sqlite3.connect(path)) as theirs:
            theirs.execute("CREATE TABLE addresses (street)")
            theirs.execute("PRAGMA user_version = 2")
        before = path.read_bytes()

        with pytest.raises(StoreError, match=r"is a database, but not spanlabel's shoe box; choose another file"):
            opener(path, SCHEMA)
        assert path.read_bytes() == before

    @pytest.mark.parametrize("version", [1, 3])
    def test_another_versions_file(self, version: int, path: Path) -> None:
        """
        A file of another version of spanlabel is refused with both numbers, not misread.
        """
        open_database(path, Schema("shoe box", 0x12345678, version, SCHEMA.statements)).close()

        with pytest.raises(StoreError, match=rf"schema {version}; this one knows 2"):
            open_database(path, SCHEMA)

    def test_the_folder_is_a_file(self, tmp_path: Path) -> None:
        """
        A home that is no folder is named.
        """
        (tmp_path / "home").write_text("")

        with pytest.raises(StoreError, match=r"home/shoes.db: cannot be used: .*SPANLABEL_HOME"):
            open_database(tmp_path / "home" / "shoes.db", SCHEMA)

    def test_the_file_is_a_folder(self, tmp_path: Path) -> None:
        """
        The same where the file's own place is taken by a folder.
        """
        (tmp_path / "shoes.db").mkdir()

        with pytest.raises(StoreError, match=r"shoes.db: cannot be used: Is a directory"):
            open_database(tmp_path / "shoes.db", SCHEMA)

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        """
        A folder without the right to write is named, with what to do.
        """
        tmp_path.chmod(0o500)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65_534)  # root may write everywhere
        try:
            with pytest.raises(StoreError, match=r"shoes.db: cannot be used: Permission denied; make it writable"):
                open_database(tmp_path / "shoes.db", SCHEMA)
        finally:
            os.seteuid(user)

    def test_locked(self, db: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A file that another process holds is said to be locked, and may be free later.
        """
        monkeypatch.setattr("spanlabel.database.BUSY_TIMEOUT_S", 0.01)
        with (
            closing(open_database(path, SCHEMA)) as other,
            transaction(db),
            pytest.raises(StoreError, match=r"shoes.db: was locked by another process for") as caught,
            store_errors(path),
            transaction(other),
        ):
            pass

        assert is_temporary(caught.value)

    def test_disk_full(self, db: sqlite3.Connection, path: Path) -> None:
        """
        A full disk is said to be full; nothing of the transaction stays, and later it may work.
        """
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 5}")

        with (
            pytest.raises(StoreError, match=r"shoes.db: cannot grow, the disk is full; free some space") as caught,
            store_errors(path),
            transaction(db),
        ):
            db.executemany("INSERT INTO shoes VALUES (?)", [(n,) for n in range(50_000)])
        assert is_temporary(caught.value)
        assert db.execute("SELECT count(*) FROM shoes").fetchall() == [(0,)]
        assert not db.in_transaction

    def test_an_error_of_pythons_own(self, path: Path) -> None:
        """
        What SQLite never saw is passed on with the file's name.
        """
        db = open_database(path, SCHEMA)
        db.close()

        with (
            pytest.raises(StoreError, match=r"shoes.db: Cannot operate on a closed database") as caught,
            store_errors(path),
        ):
            db.execute("SELECT 1")
        assert not is_temporary(caught.value)


class TestReading:
    def test_changes_nothing(self, db: sqlite3.Connection, path: Path) -> None:
        """
        Who reads cannot write, and sees what is written meanwhile.
        """
        with closing(open_for_reading(path, SCHEMA)) as reader:
            db.execute("INSERT INTO shoes VALUES (42)")

            assert reader.execute("SELECT size FROM shoes").fetchall() == [(42,)]
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute("INSERT INTO shoes VALUES (43)")

    def test_no_such_file(self, path: Path) -> None:
        """
        Where nothing was stored yet, that is said, and nothing is made.
        """
        with pytest.raises(StoreError, match=r"shoes.db: there is no such file; nothing has been stored there yet"):
            open_for_reading(path, SCHEMA)
        assert not path.parent.exists()

    def test_an_empty_file(self, tmp_path: Path) -> None:
        """
        An empty file is no store yet.
        """
        (tmp_path / "shoes.db").touch()

        with pytest.raises(StoreError, match=r"shoes.db: is empty; nothing has been stored there yet"):
            open_for_reading(tmp_path / "shoes.db", SCHEMA)

    def test_odd_names(self, tmp_path: Path) -> None:
        """
        A path may hold blanks, question marks and percent signs.
        """
        path = tmp_path / "my files? 100%" / "shoes #1.db"
        open_database(path, SCHEMA).close()

        open_for_reading(path, SCHEMA).close()
        assert all(found.name.startswith("shoes #1.db") for found in path.parent.iterdir())


class TestTransaction:
    def test_all_or_nothing(self, db: sqlite3.Connection) -> None:
        """
        What fails in the middle leaves nothing.
        """

        def fail() -> None:
            with transaction(db):
                db.execute("INSERT INTO shoes VALUES (42)")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail()

        assert db.execute("SELECT count(*) FROM shoes").fetchall() == [(0,)]
