from __future__ import annotations

import os
from pathlib import Path

import pytest

from spanlabel.sources.dead_letters import DeadLetters


def test_a_message_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """It may hold what people wrote."""
    letters = DeadLetters(tmp_path / "home" / "dead")
    path = letters.keep("spans-0-7.message", b"\xff\x00")
    assert path == tmp_path / "home" / "dead" / "spans-0-7.message"
    assert path.read_bytes() == b"\xff\x00"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    """Who never gets a bad message has no folder for them."""
    DeadLetters(tmp_path / "dead")
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_leave_when_there_are_too_many(tmp_path: Path) -> None:
    """Also those of an earlier start."""
    first = DeadLetters(tmp_path, max_files=3)
    for n in range(3):
        first.keep(f"{n}", b"x")
        os.utime(tmp_path / f"{n}", ns=(n, n))
    second = DeadLetters(tmp_path, max_files=3)
    second.keep("3", b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3"]


def test_the_oldest_leave_when_they_are_too_large(tmp_path: Path) -> None:
    """A producer gone wild does not fill the disk."""
    letters = DeadLetters(tmp_path, max_bytes=100)
    for n in range(10):
        letters.keep(f"{n}", b"x" * 40)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["8", "9"]
    assert letters.keep("huge", b"x" * 101) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["8", "9"]


def test_a_message_that_comes_again_is_kept_once(tmp_path: Path) -> None:
    """After a restart the same message may come again."""
    letters = DeadLetters(tmp_path, max_bytes=100)
    for _ in range(5):
        letters.keep("a", b"x" * 60)
    letters.keep("b", b"x" * 40)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The caller logs it, and goes on."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="file"):
        DeadLetters(tmp_path / "file").keep("a", b"x")
