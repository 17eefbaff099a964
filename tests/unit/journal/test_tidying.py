from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

Opened = Callable[..., Any]
LASTS, OTHER, SHORT = ("a" * 32, "b" * 32, "c" * 32)


def test_a_long_run_does_not_keep_old_files(opened: Opened) -> None:
    """
    A trace that runs for long lets the file of its beginning go: what it needs is appended again, comes out again after
    a restart, and not before.
    """
    journal = opened(max_bytes=8_000, segment_bytes=1_000, memory_bytes=0)
    journal.append(b"lasts")
    journal.take(LASTS)
    journal.append(b"." * 800)
    journal.take(SHORT)
    first = journal.segments()[0]
    journal.journal.release([SHORT])
    journal.settle()
    assert first.exists(), "there is room: nothing is moved"

    for n in range(5):  # needed as a whole: not worth moving
        journal.append(b"%d" % n * 800)
    for _ in range(5):
        journal.take(OTHER)
    journal.settle()
    assert not first.exists()
    assert journal.journal.state().moved == 1
    assert journal.take() is None
    journal.close()

    bodies = opened().rest()
    assert [body[:1] for body in bodies if body and body != b"lasts"] == [b"0", b"1", b"2", b"3", b"4"]
    assert bodies.count(b"lasts") == 1


def crowd(journal: Any) -> None:
    """The first segment becomes worth moving: it holds `lasts` and `SHORT`, which is released when half is full."""
    journal.append(b"lasts, and other things that do not")
    journal.take(LASTS, OTHER)
    journal.append(b"." * 800)
    journal.take(SHORT)
    for _ in range(5):
        journal.append(b"." * 800)
        journal.take("d" * 32)
    journal.journal.release([SHORT, OTHER])
    journal.settle()


def test_only_what_is_needed_is_moved(opened: Opened) -> None:
    """
    An entry is made shorter when it is moved: only the needed traces stay in it.
    """
    asked: list[tuple[int, bytes, set[str]]] = []

    def slim(kind: int, body: bytes, trace_ids: Collection[str]) -> bytes:
        asked.append((kind, body, set(trace_ids)))
        return body[:5]

    journal = opened(max_bytes=8_000, segment_bytes=1_000, slim=slim)
    crowd(journal)
    assert asked == [(1, b"lasts, and other things that do not", {LASTS})]
    journal.close()

    assert b"lasts" in opened().rest()


def test_slimming_that_fails(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    """
    If an entry cannot be made shorter it is moved as it is.
    """

    def slim(_kind: int, _body: bytes, _trace_ids: Collection[str]) -> bytes:
        raise ValueError("a fault")

    journal = opened(max_bytes=8_000, segment_bytes=1_000, slim=slim)
    crowd(journal)
    journal.close()

    assert "could not be made shorter" in caplog.text
    assert b"lasts, and other things that do not" in opened().rest()


def test_released_while_it_is_moved(opened: Opened) -> None:
    """
    A trace that is released in the very moment in which its entry is moved is gone all the same.
    """
    box: list[Any] = []

    def slim(_kind: int, body: bytes, _trace_ids: Collection[str]) -> bytes:
        box[0].journal.release([LASTS])
        return body

    journal = opened(max_bytes=8_000, segment_bytes=1_000, slim=slim)
    box.append(journal)
    crowd(journal)
    journal.journal.release(["d" * 32])
    journal.close()

    assert journal.segments() == []


def test_a_damaged_entry_that_would_be_moved(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    """
    What cannot be read when it is moved is said, and its file is kept aside.
    """
    journal = opened(max_bytes=8_000, segment_bytes=1_000)
    journal.append(b"lasts")
    journal.take(LASTS)
    first = journal.segments()[0]
    data = first.read_bytes().replace(b"lasts", b"LASTS")
    first.write_bytes(data)
    journal.append(b"." * 800)
    journal.take(SHORT)
    for _ in range(5):
        journal.append(b"." * 800)
        journal.take("d" * 32)
    journal.journal.release([SHORT])
    journal.settle()

    assert first.with_suffix(".damaged").exists()
    assert "an entry is damaged" in caplog.text
    assert journal.journal.state().moved == 0
    journal.journal.release([LASTS])


def test_ids_come_before_the_files_go(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    When a file goes, the ids of its traces are on disk: a crash between cannot make a record twice.
    """
    seen: list[bytes] = []
    unlink = Path.unlink

    def look(path: Path, *, missing_ok: bool = False) -> None:
        seen.append(b"".join(one.read_bytes() for one in path.parent.glob("*.released")))
        unlink(path, missing_ok=missing_ok)

    journal = opened(segment_bytes=100)
    journal.append(b"." * 90)
    journal.take(LASTS)
    journal.append(b"." * 90)
    monkeypatch.setattr(Path, "unlink", look)
    journal.journal.release([LASTS])
    journal.settle()
    monkeypatch.undo()

    [ids] = seen
    assert bytes.fromhex(LASTS) in ids


def test_tidying_that_fails_is_tried_again(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    If a file cannot be removed this is said once, entries go in all the same, and it is tried again.
    """
    monkeypatch.setattr("spanlabel.journal.tidying._AGAIN_S", 0.01)
    allowed, tried = threading.Event(), threading.Semaphore(0)
    unlink = os.unlink

    def refuse(path: Any, **named: Any) -> None:
        if not allowed.is_set() and str(path).endswith(".journal"):
            tried.release()
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, **named)

    journal = opened(segment_bytes=100)
    journal.append(b"." * 90)
    journal.take(LASTS)
    journal.append(b"." * 90)
    first = journal.segments()[0]
    monkeypatch.setattr(os, "unlink", refuse)
    journal.journal.release([LASTS])
    for _ in range(3):
        assert tried.acquire(timeout=20)
    assert journal.append(b"x") is None
    allowed.set()
    journal.settle()
    for _ in range(200):
        if not first.exists():
            break
        journal.settle()

    assert not first.exists()
    assert caplog.text.count("trying again") == 1


def test_forgotten_ids(opened: Opened) -> None:
    """
    Before the id of a released trace is forgotten, what lies of it beside a longer run is gone, though there is room.
    """
    journal = opened(segment_bytes=1_000, remembered=4, slim=lambda _kind, body, _trace_ids: body[:5])
    journal.append(b"lasts and short")
    journal.take(LASTS, SHORT)
    journal.append(b"." * 990)
    journal.take(OTHER)
    first = journal.segments()[0]
    journal.journal.release([SHORT])
    journal.settle()
    assert first.exists()
    for n in range(6):
        journal.journal.release([f"{n:032x}"])
        journal.settle()
    assert not first.exists()
    journal.close()

    again = opened()
    assert SHORT not in again.journal.released_ids()
    bodies = again.rest()
    assert b"lasts" in bodies
    assert not any(b"short" in body for body in bodies)
