from __future__ import annotations

from pathlib import Path

import pytest

from spanlabel.errors import StoreError
from spanlabel.journal.frame import HEADER_BYTES
from spanlabel.journal.released import ReleasedIds


def ids(first: int, last: int) -> list[str]:
    return [f"{n:032x}" for n in range(first, last)]


def remembered(folder: Path, limit: int = 10) -> list[str]:
    reader = ReleasedIds(folder, limit=limit, synced=False)
    found = reader.open()
    reader.close()
    return found


@pytest.mark.parametrize("synced", [True, False])
def test_oldest_first(tmp_path: Path, synced: bool) -> None:
    """
    Ids come back as they were given, oldest first, also over several starts.
    """
    for first in (0, 3):
        released = ReleasedIds(tmp_path, limit=100, synced=synced)
        released.open()
        released.add(ids(first, first + 3))
        released.add([])
        released.close()

    assert remembered(tmp_path) == ids(0, 6)
    assert len(list(tmp_path.iterdir())) == 1


def test_bounded(tmp_path: Path) -> None:
    """
    At most the limit is kept, at least half of it, and always the newest.
    """
    released = ReleasedIds(tmp_path, limit=10, synced=False)
    released.open()
    for n in range(57):
        released.add(ids(n, n + 1))
        found = remembered(tmp_path)
        assert found == ids(n + 1 - len(found), n + 1)
        assert min(n + 1, 5) <= len(found) <= 10
    released.add(ids(57, 100))
    released.close()
    assert remembered(tmp_path)[-5:] == ids(95, 100)
    assert len(remembered(tmp_path)) <= 10


def test_what_is_forgotten(tmp_path: Path) -> None:
    """
    It is known since when ids are remembered, also after a restart.
    """
    released = ReleasedIds(tmp_path, limit=10, synced=False)
    released.open()
    released.add(ids(0, 5))
    released.add(ids(5, 10))
    assert released.forgets_before_ns == 0
    released.add(ids(10, 11))
    released.close()

    again = ReleasedIds(tmp_path, limit=10, synced=False)
    again.open()
    again.close()
    assert again.forgets_before_ns == released.forgets_before_ns > 0


def test_torn_at_every_byte(tmp_path: Path) -> None:
    """
    Wherever a crash cuts the file off, the whole ids before it are there, and new ones come behind them.
    """
    released = ReleasedIds(tmp_path, limit=100, synced=False)
    released.open()
    released.add(ids(0, 2))
    released.close()
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    for cut in range(len(whole)):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / path.name).write_bytes(whole[:cut])
        there = ids(0, max(0, (cut - HEADER_BYTES) // 16))
        again = ReleasedIds(folder, limit=100, synced=False)
        assert again.open() == there
        again.add(ids(7, 8))
        again.close()
        assert remembered(folder) == [*there, *ids(7, 8)]


def test_a_newer_version(tmp_path: Path) -> None:
    """
    A file of a newer version is not touched, and opening says so.
    """
    import struct
    import zlib

    plain = struct.pack("<8sIQ", b"slabrlsd", 2, 0)
    path = tmp_path / "0000000000000001.released"
    path.write_bytes(plain + struct.pack("<I", zlib.crc32(plain)))

    with pytest.raises(StoreError, match="newer version"):
        remembered(tmp_path)
