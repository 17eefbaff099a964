"""A journal on disks that are full, read-only or somebody else's: each is a real one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanlabel.errors import StoreError, TryLater
from spanlabel.journal import Fsync, Journal

pytestmark = pytest.mark.integration

WAIT_S = 20.0
TRACE = "a" * 32


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def append(journal: Journal, body: bytes) -> Exception | None:
    told: list[Exception | None] = []
    event = threading.Event()

    def done(error: Exception | None) -> None:
        told.append(error)
        event.set()

    journal.append(1, body, done)
    assert event.wait(WAIT_S)
    return told[0]


@pytest.mark.parametrize("fsync", Fsync)
def test_a_full_disk(small_disk: Path, fsync: Fsync) -> None:
    """
    On a full disk an append is told to come later, what is there stays whole, and when there is room again the journal
    goes on by itself; also when the disk was so full that not even the ids of released traces could be written.
    """
    journal = Journal(small_disk / "journal", fsync=fsync, max_bytes=1 << 30, segment_bytes=200_000)
    journal.open()
    others = small_disk / "others"
    others.write_bytes(b"x" * 300_000)
    taken_in: list[bytes] = []
    answer = None
    for n in range(100):
        body = b"%02d" % n * 25_000
        answer = append(journal, body)
        if answer is not None:
            break
        taken_in.append(body)
    assert isinstance(answer, TryLater)
    assert answer.retry_after_s == 5.0
    assert "free some space" in str(answer)
    assert str(small_disk) in str(answer)
    assert len(taken_in) >= 10

    others.unlink()
    body = b"there is room again" * 1_000
    assert append(journal, body) is None
    taken_in.append(body)
    free = os.statvfs(small_disk)
    (small_disk / "last").write_bytes(b"x" * free.f_bavail * free.f_bsize)
    while append(journal, b"y") is None:
        taken_in.append(b"y")
    taken = []
    while (entry := journal.take(0.0)) is not None:
        journal.needs(entry, [TRACE])
        taken.append(entry.body)
    assert taken == taken_in
    assert journal.state().torn == journal.state().damaged == 0

    journal.release([TRACE])  # files go, although there is no room for the id
    while append(journal, b"z" * 100) is not None:
        pass
    journal.close(WAIT_S)
    again = Journal(small_disk / "journal", fsync=fsync, max_bytes=1 << 30)
    again.open()
    assert again.released_ids() == [TRACE]
    assert again.state().torn == again.state().damaged == 0
    last = None
    while (entry := again.take(0.0)) is not None:
        last = entry.body
    assert last == b"z" * 100
    again.close(WAIT_S)


def test_a_crash_on_a_full_disk(small_disk: Path) -> None:
    """
    After a disk was full, what was taken in is there at the next start, and nothing of what was refused.
    """
    code = f"""
import os, sys, threading
from pathlib import Path
from spanlabel.journal import Fsync, Journal
journal = Journal(Path({str(small_disk / "journal")!r}), fsync=Fsync.BATCH, max_bytes=1 << 30)
journal.open()
answers = []
for n in range(60):
    event = threading.Event()
    journal.append(1, b"%02d" % n * (50_000 if n % 3 else 10), lambda e: (answers.append(e is None), event.set()))
    event.wait()
print("".join("01"[one] for one in answers), flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    answers = done.stdout.strip()
    assert "01" in answers, done.stderr
    journal = Journal(small_disk / "journal", fsync=Fsync.NEVER, max_bytes=1 << 30)
    journal.open()
    there = []
    while (entry := journal.take(0.0)) is not None:
        there.append(int(entry.body[:2]))
    journal.close(WAIT_S)

    assert there == [n for n, was_taken in enumerate(answers) if was_taken == "1"]


def test_a_read_only_disk(small_disk: Path) -> None:
    """
    On a disk that cannot be written, opening names the place and says what to do.
    """
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(StoreError, match=r"disk/journal: cannot be used: Read-only file system; make it writable"):
        Journal(small_disk / "journal", fsync=Fsync.NEVER, max_bytes=1 << 30).open()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_somebody_else() -> None:
    """
    In a folder that this user may not write, opening names the place and says what to do.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        Path(home).chmod(0o755)
        code = f"""
import os
from pathlib import Path
from spanlabel.journal import Fsync, Journal
os.setuid(65534)
Journal(Path({home!r}, "journal"), fsync=Fsync.NEVER, max_bytes=1 << 30).open()
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert f"StoreError: {home}/journal: cannot be used: Permission denied; make it writable" in done.stderr
