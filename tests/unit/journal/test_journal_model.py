"""Whatever is done to a journal, and wherever it is cut off: what was acknowledged and is needed comes out again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from threading import Event
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from spanlabel.journal import Entry, Fsync, Journal
from spanlabel.journal.frame import frame_head

WAIT_S = 20.0
TRACES = [f"{n:032x}" for n in range(8)]


def body_of(number: int, traces: Collection[str], size: int) -> bytes:
    """An entry that says its number and its traces."""
    return b"%d|%s|" % (number, ",".join(sorted(traces)).encode()) + b"." * size


def read(body: bytes) -> tuple[int, set[str]]:
    number, traces, _ = body.split(b"|")
    return int(number), set(traces.decode().split(",")) - {""}


def slim(_kind: int, body: bytes, traces: Collection[str]) -> bytes:
    number, has = read(body)
    assert traces
    assert set(traces) <= has
    return body_of(number, traces, len(body) // len(has))


class Machine(RuleBasedStateMachine):
    """A journal, and what must be true of it.

    Attributes:
        waits: Numbers that must come next, in this order.
        alive: By number, the traces that it holds and that were not released since it came in.
    """

    max_bytes = 1 << 30

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="journal-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.starts = 0
        self.number = 0
        self.waits: list[int] = []
        self.alive: dict[int, set[str]] = {}
        self.untold: set[int] = set()
        self.released: list[str] = []

    @initialize(
        fsync=st.sampled_from(Fsync),
        segment_bytes=st.sampled_from([200, 1_000, 1 << 20]),
        memory_bytes=st.sampled_from([0, 300, 1 << 20]),
        slims=st.booleans(),
    )
    def begin(self, fsync: Fsync, segment_bytes: int, memory_bytes: int, slims: bool) -> None:
        self.settings: dict[str, Any] = {
            "fsync": fsync,
            "max_bytes": self.max_bytes,
            "segment_bytes": segment_bytes,
            "memory_bytes": memory_bytes,
            "slim": slim if slims else None,
        }
        self.folder = self.home / "0"
        self.journal = Journal(self.folder, **self.settings)
        self.journal.open()

    def teardown(self) -> None:
        self.journal.close(WAIT_S)
        shutil.rmtree(self.home)

    def put(self, body: bytes, then: Any = None) -> Exception | None:
        told: list[Exception | None] = []
        event = Event()

        def done(error: Exception | None) -> None:
            if then is not None:
                then()
            told.append(error)
            event.set()

        self.journal.append(1, body, done)
        assert event.wait(WAIT_S)
        return told[0]

    @rule(traces=st.sets(st.sampled_from(TRACES), max_size=3), size=st.sampled_from([0, 10, 300, 20_000]))
    def append(self, traces: set[str], size: int) -> None:
        self.number += 1
        if self.put(body_of(self.number, traces, size)) is None:
            self.waits.append(self.number)
            self.alive[self.number] = traces
            self.untold.add(self.number)

    @rule(n=st.integers(1, 10))
    def take(self, n: int) -> None:
        for _ in range(n):
            entry = self.journal.take(0.0)
            assert (entry is not None) == bool(self.waits)
            if entry is None:
                return
            self.got(entry)

    def got(self, entry: Entry) -> None:
        number, traces = read(entry.body)
        assert number == self.waits.pop(0)
        self.untold.discard(number)
        self.journal.needs(entry, self.alive[number] & traces)

    @rule(traces=st.sets(st.sampled_from(TRACES), min_size=1, max_size=4))
    def release(self, traces: set[str]) -> None:
        waiting = set().union(*(self.alive[number] for number in self.untold))
        gone = sorted(traces - waiting)  # a trace of which parts wait is not decided
        self.journal.release(gone)
        self.released += gone
        for number in self.alive.keys() - self.untold:
            self.alive[number] -= set(gone)

    @rule()
    def restart(self) -> None:
        self.journal.close(WAIT_S)
        self.open_again(self.folder)
        assert self.released == self.remembered

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """The process dies while an entry is written; the folder is as the writing thread has it at that moment."""
        self.starts += 1
        crashed = self.home / str(self.starts)
        # Only the thread that calls `done` changes files, so this copy is what a crash there would leave.
        if self.put(body_of(0, (), 0), then=lambda: shutil.copytree(self.folder, crashed)) is not None:
            shutil.rmtree(crashed)
            return
        self.journal.close(WAIT_S)
        shutil.rmtree(self.folder)
        last = max(crashed.glob("*.journal"))
        torn = frame_head(1, b"never acknowledged") + b"never acknowledged"
        with last.open("ab") as file:
            file.write(torn[: data.draw(st.integers(0, len(torn) - 1), label="bytes of the torn entry")])
        self.open_again(crashed)
        self.released = self.remembered.copy()  # whoever decides them again releases them again

    def open_again(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder, **self.settings)
        self.journal.open()
        assert self.journal.state().damaged == 0
        self.remembered = self.journal.released_ids()
        # A crash takes at most the last ones, whose entries are still there.
        assert self.remembered == self.released[: len(self.remembered)]
        self.look_at_what_is_left()

    def look_at_what_is_left(self) -> None:
        """Take everything once, and find all that is needed among it, in order."""
        seen: dict[int, set[str]] = {}
        order: list[int] = []
        while (entry := self.journal.take(0.0)) is not None:
            number, traces = read(entry.body)
            if number == 0:
                self.journal.needs(entry, ())
                continue
            order.append(number)
            seen[number] = seen.get(number, set()) | traces
            self.journal.needs(entry, self.alive[number] & traces)
        for number, traces in self.alive.items():
            assert number not in self.untold or number in seen
            assert traces <= seen.get(number, set()), number
        self.check_order(order)
        self.waits, self.untold = [], set()

    def check_order(self, order: list[int]) -> None:
        assert order == sorted(order)

    @precondition(lambda self: hasattr(self, "journal"))
    @invariant()
    def balance(self) -> None:
        now = self.journal.state()
        assert now.replayed + now.appended == now.taken + now.waiting_entries + now.skipped
        assert now.waiting_entries == len(self.waits)
        assert now.disk_bytes <= self.max_bytes


class Cramped(Machine):
    """A journal that is nearly full, so that entries are moved all the time."""

    max_bytes = 6_000

    @rule(lasts=st.sampled_from(TRACES[4:]), n=st.integers(1, 12), size=st.sampled_from([100, 250]))
    def short_lived(self, lasts: str, n: int, size: int) -> None:
        """Something that lasts, then much that is decided at once."""
        self.append({TRACES[0], lasts}, size)
        for _ in range(n):
            self.append({TRACES[0], TRACES[1]}, size)
        self.take(len(self.waits) or 1)
        self.release({TRACES[0], TRACES[1]})

    def teardown(self) -> None:
        moved.append(self.journal.state().moved)
        super().teardown()

    def check_order(self, order: list[int]) -> None:
        """Moved entries come later than they came in, and perhaps twice."""


moved: list[int] = []


LIKE = settings(max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TestJournal = Machine.TestCase
TestJournal.settings = LIKE
TestCramped = Cramped.TestCase
TestCramped.settings = LIKE


def test_entries_were_moved() -> None:
    """
    The machine above did move entries, or it would show nothing.
    """
    moved.clear()
    run_state_machine_as_test(Cramped, settings=settings(LIKE, max_examples=30, derandomize=True))
    assert sum(moved) > 0
