from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from spanlabel.journal import Entry, Fsync, Journal

WAIT_S = 20.0


class Driven:
    """A journal whose appends wait, and that is closed in the end."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        settings = {"fsync": Fsync.NEVER, "max_bytes": 1 << 30} | settings
        self.folder = folder
        self.journal = Journal(folder, **settings)
        self.journal.open()

    def append(self, body: bytes, kind: int = 1) -> Exception | None:
        """Append, wait, and give what `done` was told."""
        told: list[Exception | None] = []
        event = Event()

        def done(error: Exception | None) -> None:
            told.append(error)
            event.set()

        self.journal.append(kind, body, done)
        assert event.wait(WAIT_S)
        assert len(told) == 1
        return told[0]

    def take(self, *trace_ids: str) -> Entry | None:
        """Take one that must be there, or None if nothing waits; and tell what it holds."""
        entry = self.journal.take(0.0)
        if entry is not None:
            self.journal.needs(entry, trace_ids)
        return entry

    def rest(self, *trace_ids: str) -> list[bytes]:
        """Bodies of all that wait."""
        return [entry.body for entry in iter(lambda: self.take(*trace_ids), None)]

    def settle(self) -> None:
        """Wait until the writing thread has done everything there is to do."""
        # It tidies after each of these before it writes the next; moving comes before removing.
        for _ in range(4):
            self.append(b"")
        self.rest()

    def close(self) -> None:
        self.journal.close(WAIT_S)

    def segments(self) -> list[Path]:
        return sorted(self.folder.glob("*.journal"))


Opened = Callable[..., Driven]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens a journal in the folder `journal`, or the one that is named; settings as for `Journal`."""
    all_opened: list[Driven] = []

    def open_one(name: str = "journal", **settings: Any) -> Driven:
        all_opened.append(Driven(tmp_path / name, **settings))
        return all_opened[-1]

    yield open_one
    for one in all_opened:
        one.close()
