import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value

from spanlabel.delivery.handle import Handle
from spanlabel.delivery.rows import SCHEMA
from spanlabel.errors import StoreError


@pytest.fixture
def handle(tmp_path: Path) -> Iterator[Handle]:
    handle = Handle(tmp_path / "outbox.db", SCHEMA)
    yield handle
    handle.close()


def test_opened_when_first_used(handle: Handle) -> None:
    """
    There is no file before it is needed, and closing is allowed at any time.
    """
    handle.close()
    assert not handle.path.exists()
    with handle.use() as db:
        assert db.execute("SELECT count(*) FROM records").fetchall() == [(0,)]

    handle.close()
    with handle.use() as db:
        assert db.execute("SELECT count(*) FROM records").fetchall() == [(0,)]


def test_one_thread_at_a_time(handle: Handle) -> None:
    """
    The app's thread and the delivering thread never get into each other's transaction.
    """
    inside, most = 0, 0

    def use() -> None:
        nonlocal inside, most
        for _ in range(200):
            with handle.use() as db:
                inside += 1
                most = max(most, inside)
                db.execute("SELECT 1").fetchall()
                inside -= 1

    threads = [threading.Thread(target=use, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (inside, most) == (0, 1)


def test_a_file_that_was_repaired_is_found(handle: Handle) -> None:
    """
    After an error the file is opened anew, so that nobody has to restart the app once the cause is removed.
    """
    handle.path.write_bytes(b"dear diary, " * 1_000)
    with pytest.raises(StoreError, match="move it away"), handle.use():
        pass
    handle.path.unlink()
    with handle.use() as db:
        first = db
    with pytest.raises(StoreError, match="no such table"), handle.use() as db:
        db.execute("SELECT * FROM no_such")

    with handle.use() as db:
        assert db is not first
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        first.execute("SELECT 1")


def test_untraced(handle: Handle) -> None:
    """
    Where the app traces its databases, our own file does not show up in the traces.
    """
    with handle.use():
        assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is True
    assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None
