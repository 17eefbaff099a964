from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spanlabel.errors import StoreError, TryLater
from spanlabel.journal import Fsync, Journal
from spanlabel.journal.frame import FRAME_BYTES, HEADER_BYTES

Opened = Callable[..., Any]
A, B, C = ("a" * 32, "b" * 32, "c" * 32)


@pytest.mark.parametrize("fsync", Fsync)
def test_in_and_out(opened: Opened, fsync: Fsync) -> None:
    """
    Under each policy entries come out whole, in order, with their kind.
    """
    journal = opened(fsync=fsync)

    assert [journal.append(body, kind) for kind, body in ((0, b""), (255, b"b" * 100_000), (7, b"c"))] == [None] * 3
    taken = [journal.take() for _ in range(4)]
    assert [(one.kind, one.body) for one in taken[:3]] == [(0, b""), (255, b"b" * 100_000), (7, b"c")]
    assert taken[3] is None
    assert [(one.segment, one.offset) for one in taken[:2]] == [(1, HEADER_BYTES), (1, HEADER_BYTES + FRAME_BYTES)]


def test_again_after_a_restart(opened: Opened) -> None:
    """
    What somebody still needs when the process ends comes out again at the next start, before what is new.
    """
    first = opened()
    for body in (b"1", b"2", b"3"):
        first.append(body)
    first.take(A)
    first.take(B)
    first.close()

    second = opened()
    assert second.journal.state().is_replaying
    second.append(b"4")
    assert second.rest() == [b"1", b"2", b"3", b"4"]
    assert not second.journal.state().is_replaying


def test_gone_when_nobody_needs_it(opened: Opened) -> None:
    """
    When every trace is released nothing is left on disk but the lock and the ids.
    """
    first = opened()
    first.append(b"1")
    first.append(b"2")
    first.take(A, B)
    first.take(B)
    first.journal.release([A])
    first.journal.release([B])
    first.close()

    assert [path.suffix for path in sorted(first.folder.iterdir())] == [".released", ""]
    second = opened()
    assert second.rest() == []
    assert second.journal.released_ids() == [A, B]


def test_an_entry_of_nobody(opened: Opened) -> None:
    """
    An entry that holds nothing that anybody needs does not keep its file.
    """
    journal = opened(segment_bytes=100)
    for _ in range(3):
        journal.append(b"x" * 90)
    journal.rest()
    journal.settle()

    assert len(journal.segments()) == 1


def test_stays_until_it_is_told(opened: Opened) -> None:
    """
    An entry that was taken, but of which nobody has said who needs it, comes again after a restart.
    """
    first = opened(segment_bytes=100)
    first.append(b"x" * 90)
    assert first.journal.take(0.0) is not None
    first.append(b"y" * 90)
    first.close()

    assert [body[:1] for body in opened().rest()] == [b"x", b"y"]


def test_a_segment_goes_as_soon_as_its_traces_are_decided(opened: Opened) -> None:
    """
    Files go one by one, also from the middle, as their traces are released.
    """
    journal = opened(segment_bytes=100)
    for name in (A, B, C):
        journal.append(name.encode() * 2)
        journal.take(name)
    first, second, third = journal.segments()

    journal.journal.release([B])
    journal.settle()
    assert not second.exists()
    assert (first.exists(), third.exists()) == (True, True)
    journal.journal.release([A])
    journal.settle()
    assert not first.exists()


def test_a_burst_costs_no_memory(opened: Opened) -> None:
    """
    What does not fit into the memory bound is read from the file again, and everything comes in order.
    """
    journal = opened(memory_bytes=3_000, segment_bytes=20_000)
    bodies = [bytes([n]) * 1_000 for n in range(50)]
    for body in bodies:
        assert journal.append(body) is None
    assert sum(len(entry.body) for entry in journal.journal._books.waiting._fresh) <= 3_000
    assert [journal.take(A).body for _ in range(20)] == bodies[:20]
    journal.append(b"late")

    assert journal.rest(A) == [*bodies[20:], b"late"]
    journal.append(b"fresh again")
    assert len(journal.journal._books.waiting._fresh) == 1
    assert journal.rest(A) == [b"fresh again"]


def test_nothing_is_lost_count(opened: Opened) -> None:
    """
    At every moment what was there before and what came in are what was taken, what waits and what was skipped.
    """
    opened_before = opened()
    opened_before.append(b"before")
    opened_before.close()
    journal = opened(memory_bytes=50)

    def balance() -> tuple[int, int]:
        now = journal.journal.state()
        return now.replayed + now.appended, now.taken + now.waiting_entries + now.skipped

    assert balance() == (1, 1)
    for n in range(10):
        journal.append(b"x" * 30)
        assert balance() == (n + 2, n + 2)
    for _ in range(11):
        assert journal.take() is not None
        assert balance() == (11, 11)
    assert (journal.journal.state().waiting_bytes, journal.journal.state().unwritten_bytes) == (0, 0)


def test_take_waits(opened: Opened) -> None:
    """
    The reading thread sleeps until something comes, or its time is over, or the journal is closed.
    """
    journal = opened()
    assert journal.journal.take(0.01) is None

    taken: list[object] = []
    for way in (lambda: journal.append(b"came"), journal.close):
        thread = threading.Thread(target=lambda: taken.append(journal.journal.take(20.0)), daemon=True)
        thread.start()
        way()
        thread.join(20)
    assert taken[0].body == b"came"  # type: ignore[attr-defined] # an Entry
    assert taken[1] is None


def test_many_at_once(opened: Opened) -> None:
    """
    What comes while the disk is busy is written together: many threads, and each gets its answer once.
    """
    journal = opened(fsync=Fsync.BATCH, segment_bytes=50_000)
    answers: list[Exception | None] = []

    def send(name: int) -> None:
        for n in range(100):
            journal.journal.append(1, b"%d:%d" % (name, n), answers.append)

    threads = [threading.Thread(target=send, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [journal.journal.take(20.0).body for _ in range(400)]

    assert sorted(taken) == sorted(b"%d:%d" % (name, n) for name in range(4) for n in range(100))
    for name in range(4):
        mine = [body for body in taken if body.startswith(b"%d:" % name)]
        assert mine == [b"%d:%d" % (name, n) for n in range(100)]
    journal.close()
    assert answers == [None] * 400


def test_full(opened: Opened) -> None:
    """
    When the journal is full an append is told to come later, and goes in when traces have been released.
    """
    journal = opened(max_bytes=10_000)
    answers = [journal.append(b"x" * 900) for _ in range(12)]
    refused = [answer for answer in answers if answer is not None]

    assert answers[:10] == [None] * 10
    assert isinstance(refused[0], TryLater)
    assert refused[0].retry_after_s == 5.0
    assert "the journal is full" in str(refused[0])
    assert str(journal.folder) in str(refused[0])
    assert sum(path.stat().st_size for path in journal.segments()) <= 10_000
    journal.rest(A)
    assert isinstance(journal.append(b"x" * 900), TryLater)
    journal.journal.release([A])
    while journal.append(b"") is not None:
        pass
    journal.settle()
    assert journal.append(b"x" * 900) is None
    assert journal.journal.state().refused >= 3


def test_larger_than_the_journal(opened: Opened) -> None:
    """
    An entry for which there will never be room is refused for good, with words that say so.
    """
    answer = opened(max_bytes=10_000).append(b"x" * 9_900)

    assert isinstance(answer, StoreError)
    assert "9900 bytes is more than the journal takes" in str(answer)


def test_larger_than_a_segment(opened: Opened) -> None:
    """
    An entry that is larger than a segment has one to itself.
    """
    journal = opened(segment_bytes=1_000)
    bodies = [b"a" * 100, b"b" * 5_000, b"c" * 100]
    for body in bodies:
        assert journal.append(body) is None

    assert journal.rest(A) == bodies
    assert len(journal.segments()) == 3


def test_a_slow_disk_is_not_waited_for_in_memory(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    While the disk hangs, appending never blocks, and what waits in memory is bounded.
    """
    let_go, is_writing = threading.Event(), threading.Event()
    write = os.pwritev

    def hang(*arguments: Any) -> int:
        is_writing.set()
        let_go.wait(20)
        return write(*arguments)

    journal = opened(memory_bytes=1_000)
    monkeypatch.setattr(os, "pwritev", hang)
    answers: list[Exception | None] = []
    journal.journal.append(1, b"x" * 400, answers.append)
    is_writing.wait(20)
    journal.journal.append(1, b"x" * 400, answers.append)
    assert answers == []
    journal.journal.append(1, b"x" * 400, answers.append)
    [refused] = answers
    assert isinstance(refused, TryLater)
    assert "does not keep up" in str(refused)
    assert journal.journal.state().unwritten_bytes == 800

    let_go.set()
    assert journal.append(b"x") is None
    assert answers[1:] == [None, None]


def test_closed(opened: Opened) -> None:
    """
    After closing nothing is taken in, and that is said.
    """
    journal = opened()
    journal.close()

    assert "is not open" in str(journal.append(b"x"))
    assert journal.journal.take(20.0) is None
    journal.close()


def test_closing_writes_what_was_handed_in(opened: Opened) -> None:
    """
    What was handed in before closing is written, and answered.
    """
    journal = opened()
    answers: list[Exception | None] = []
    for n in range(500):
        journal.journal.append(1, b"%d" % n, answers.append)
    journal.close()

    assert answers == [None] * 500
    assert opened().rest() == [b"%d" % n for n in range(500)]


def test_a_caller_that_fails(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    """
    A caller that raises when it is told does not stop the writing for the others.
    """
    journal = opened()

    def fail(_error: Exception | None) -> None:
        raise RuntimeError("the caller's own")

    journal.journal.append(1, b"1", fail)
    assert journal.append(b"2") is None
    assert "a caller failed" in caplog.text


def test_private(opened: Opened) -> None:
    """
    Folder and files are the owner's alone, because they hold what people wrote.
    """
    journal = opened("home/deep")
    journal.append(b"x")
    journal.take(A)
    journal.journal.release([B])
    journal.settle()

    assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700
    assert {path.name.lstrip("0"): stat.S_IMODE(path.stat().st_mode) for path in journal.folder.iterdir()} == {
        "lock": 0o600,
        "1.journal": 0o600,
        "1.released": 0o600,
    }


def test_strangers_are_left_alone(opened: Opened) -> None:
    """
    A file that somebody else put into the folder is neither read nor removed.
    """
    first = opened()
    first.append(b"x")
    first.close()
    for name in ("notes.txt", "12.journal.bak", "copy.journal"):
        (first.folder / name).write_text("a stranger's")
    second = opened()
    assert second.rest() == [b"x"]
    second.close()

    names = sorted(path.name for path in first.folder.iterdir())
    assert names == ["12.journal.bak", "copy.journal", "lock", "notes.txt"]


def test_age(opened: Opened) -> None:
    """
    The operator sees how old the oldest file is that is needed, across restarts, and nothing when none is.
    """
    journal = opened()
    assert journal.journal.state().oldest_age_s is None
    journal.append(b"x")
    journal.close()
    again = opened()
    before = again.journal.state().oldest_age_s
    assert 0 <= before < 60
    again.rest()
    assert again.journal.state().oldest_age_s is None


def test_a_torn_tail_at_every_byte(opened: Opened, tmp_path: Path) -> None:
    """
    Wherever a crash cuts the last file off, the entries before the cut are there, and the next start finds nothing
    wrong.
    """
    first = opened(fsync=Fsync.BATCH)
    bodies = [b"", b"one", b"two" * 5]
    ends = [HEADER_BYTES]
    for body in bodies:
        first.append(body)
        ends.append(ends[-1] + FRAME_BYTES + len(body))
    first.close()
    [whole] = first.segments()
    for cut in range(ends[-1]):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / whole.name).write_bytes(whole.read_bytes()[:cut])
        there = [body for body, end in zip(bodies, ends[1:], strict=True) if end <= cut]

        once = Journal(folder, fsync=Fsync.NEVER, max_bytes=1 << 20)
        once.open()
        assert (once.state().torn, once.state().damaged) == (int(cut not in ends), 0), cut
        assert once.state().waiting_entries == len(there)
        once.close(20)
        twice = opened(folder.name)
        twice.append(b"new")
        assert twice.rest() == [*there, b"new"]
        assert (twice.journal.state().torn, twice.journal.state().damaged) == (0, 0)
        twice.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize("place", ["body", "length", "kind", "crc", "header"])
@pytest.mark.parametrize("which", ["older", "last"])
def test_damage(opened: Opened, caplog: pytest.LogCaptureFixture, place: str, which: str) -> None:
    """
    Where a file is damaged in the middle, the rest of it is skipped and said, the other files are read, and the damaged
    one is kept aside when nobody needs it any more.
    """
    first = opened(segment_bytes=400)
    for n in range(6):
        first.append(b"%d" % n * 100)
    first.close()
    older, last = first.segments()
    damaged = older if which == "older" else last
    at = HEADER_BYTES + FRAME_BYTES + 100  # the second entry
    at += {"length": 0, "crc": 4, "kind": 8, "body": 50, "header": -at}[place]
    data = bytearray(damaged.read_bytes())
    data[at] ^= 0x81
    damaged.write_bytes(data)

    second = opened()
    intact = "012" if which == "last" else "345"
    before = "" if place == "header" else "3" if which == "last" else "0"
    taken = second.rest(A)
    assert sorted(body[:1].decode() for body in taken) == sorted(intact + before)
    now = second.journal.state()
    if which == "last" and place == "length":
        assert now.torn == 1  # nothing tells it from a tail
        return
    assert now.damaged == 1
    assert now.replayed + now.appended == now.taken + now.waiting_entries + now.skipped
    [warning] = [record.getMessage() for record in caplog.records if str(damaged) in record.getMessage()]
    assert f"at byte {0 if place == 'header' else HEADER_BYTES + FRAME_BYTES + 100}" in warning
    second.journal.release([A])
    second.close()
    assert damaged.with_suffix(".damaged").read_bytes() == data
    assert not damaged.exists()
    third = opened()
    third.append(b"x")
    assert int(third.segments()[0].stem) > int(damaged.stem)


def test_upgrade_and_downgrade(opened: Opened) -> None:
    """
    A file of a newer version is not touched: opening says who wrote it and what to do.
    """
    import struct
    import zlib

    first = opened()
    first.append(b"x")
    first.close()
    [path] = first.segments()
    data = path.read_bytes()
    plain = struct.pack("<8sIQ", data[:8], 2, 0)
    path.write_bytes(plain + struct.pack("<I", zlib.crc32(plain)) + data[HEADER_BYTES:] + b"torn")
    before = path.read_bytes()

    with pytest.raises(StoreError, match=r"newer version of spanlabel \(journal 2; this one knows up to 1\)"):
        opened()
    assert path.read_bytes() == before
    path.unlink()
    opened()  # and the lock was let go


def test_one_at_a_time(opened: Opened) -> None:
    """
    A second journal on the same folder is refused with the number of the process that has it.
    """
    first = opened()
    with pytest.raises(StoreError, match=rf"journal: is in use by process {os.getpid()};"):
        opened()
    first.close()
    opened()


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    """
    Where no folder can be made, it is named and what to do is said.
    """
    (tmp_path / "file").write_text("a file, not a folder")

    with pytest.raises(StoreError, match=r"file/journal: cannot be used: Not a directory; make it writable"):
        Journal(tmp_path / "file" / "journal", fsync=Fsync.NEVER, max_bytes=1 << 20).open()


def test_quick(opened: Opened) -> None:
    """
    Handing in costs microseconds, not the time of the disk.
    """
    journal = opened(fsync=Fsync.ALWAYS)
    fastest = 1.0
    for _ in range(50):
        begin = time.perf_counter()
        journal.journal.append(1, b"x" * 10_000, lambda _error: None)
        fastest = min(fastest, time.perf_counter() - begin)

    assert fastest < 0.001


@pytest.mark.parametrize("call", ["pwritev", "sync"])
def test_a_disk_that_fails(opened: Opened, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """
    When the disk fails in the middle of a write, or when it is asked to be sure, the entry is refused with the reason,
    nothing of it comes out, now or later, and the journal goes on in a new file.
    """
    journal = opened(fsync=Fsync.BATCH)
    assert journal.append(b"before") is None
    write = os.pwritev

    def write_half(descriptor: int, buffers: Any, offset: int) -> int:
        write(descriptor, [b"".join(buffers)[:20]], offset)
        raise OSError(errno.EIO, "Input/output error")

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        if call == "pwritev":
            patch.setattr(os, "pwritev", write_half)
        else:
            patch.setattr("spanlabel.journal.tail.sync_data", fail)
        answer = journal.append(b"refused" * 10)
    assert isinstance(answer, StoreError)
    assert f"{journal.folder}: cannot be written: Input/output error" in str(answer)
    assert journal.append(b"after") is None
    assert len(journal.segments()) == 2
    assert journal.rest() == [b"before", b"after"]
    journal.close()
    assert [path.stat().st_size for path in opened().segments()] == []


def test_what_a_failing_disk_kept_is_overwritten(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    If half an entry cannot even be cut off again, the next one takes its place.
    """
    journal = opened(fsync=Fsync.BATCH)
    write = os.pwritev

    def write_half(descriptor: int, buffers: Any, offset: int) -> int:
        write(descriptor, [b"".join(buffers)[:20]], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    def fail(_descriptor: int, _length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal.append(b"before")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", write_half)
        patch.setattr(os, "ftruncate", fail)
        assert isinstance(journal.append(b"refused" * 10), TryLater)
    assert journal.append(b"") is None
    journal.close()

    again = opened()
    assert again.journal.state().torn == 1
    assert again.rest() == [b"before", b""]


def test_a_forked_child_stays_out(opened: Opened) -> None:
    """
    A forked child neither writes into the journal nor keeps its lock when the parent has let go.
    """
    journal = opened()
    journal.append(b"x")
    answers: list[Exception | None] = []
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        journal.journal.append(1, b"y", answers.append)
        os.write(writer, b"1" if len(answers) == 1 and isinstance(answers[0], StoreError) else b"0")
        signal.pause()
        os._exit(0)
    try:
        assert os.read(reader, 1) == b"1"
        journal.close()
        assert opened().rest() == [b"x"]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
