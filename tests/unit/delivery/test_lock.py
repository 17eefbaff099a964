from pathlib import Path

import pytest

from spanlabel.delivery.lock import DeliveryLock
from spanlabel.errors import StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "outbox.db"


def test_one_at_a_time(path: Path) -> None:
    """
    Of two that would deliver a destination one gets the lock; the other gets it when the first lets go.
    """
    one, other = DeliveryLock(path, "d"), DeliveryLock(path, "d")

    assert (one.acquire(), other.acquire()) == (True, False)
    assert (one.is_held, other.is_held) == (True, False)
    one.release()
    assert other.acquire()
    other.release()


def test_each_destination_has_its_own(path: Path) -> None:
    """
    Two destinations are delivered side by side.
    """
    one, other = DeliveryLock(path, "a"), DeliveryLock(path, "b")

    assert (one.acquire(), other.acquire()) == (True, True)
    assert {found.name for found in path.parent.iterdir()} == {"outbox.db.a.lock", "outbox.db.b.lock"}
    one.release()
    other.release()


def test_asking_again(path: Path) -> None:
    """
    Who has the lock may ask for it again, and let go twice.
    """
    lock = DeliveryLock(path, "d")

    assert (lock.acquire(), lock.acquire()) == (True, True)
    lock.release()
    lock.release()
    assert not lock.is_held


def test_private(path: Path) -> None:
    """
    The lock file is the owner's alone, like the outbox.
    """
    lock = DeliveryLock(path, "d")
    lock.acquire()
    lock.release()

    assert (path.parent / "outbox.db.d.lock").stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    """
    Where no lock can be made, the file is named.
    """
    (tmp_path / "home").write_text("a file, not a folder")

    with pytest.raises(StoreError, match=r"home/outbox.db.d.lock: cannot be used"):
        DeliveryLock(tmp_path / "home" / "outbox.db", "d").acquire()
