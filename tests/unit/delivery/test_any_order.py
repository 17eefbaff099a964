"""Whatever happens in whatever order: nothing is lost, nothing is there twice, everything is accounted for."""

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence, Set
from contextlib import closing
from pathlib import Path
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from spanlabel.delivery import Outbox, Worker
from spanlabel.metrics import Counts
from spanlabel.model import Record
from spanlabel.ports import Outcome
from spanlabel.testing import FakeClock, MemoryPlatform, MemoryWriter, make_record

_NUMBERS = st.integers(1, 12)
_IDS = {make_record(number).id for number in range(1, 13)}


class _Killed(BaseException):
    """Stands for the end of the process: nobody catches it."""


class _Writer(MemoryWriter):
    batch_size = 4

    def __init__(self, platform: MemoryPlatform, stored: Counter[str]) -> None:
        super().__init__(platform)
        self.dies: str | None = None
        self._stored = stored

    def _store(self, record: Record) -> Outcome:
        self._stored[record.id] += 1
        return super()._store(record)

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        if self.dies == "before":
            raise _Killed
        outcomes = super().write(batch, timeout_s=timeout_s, maybe_there=maybe_there)
        if self.dies == "after":
            raise _Killed
        return outcomes


class Delivery(RuleBasedStateMachine):
    """One outbox and one platform, both of which outlive the processes that come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "outbox.db"
        self.platform = MemoryPlatform()
        self.clock = FakeClock()
        self.wanted: dict[str, str] = {}  # what the platform must have in the end, by id
        self.versions: Counter[str] = Counter()  # how often an id got new content
        self.stored: Counter[str] = Counter()  # how often the platform stored it
        self.ambiguous = 0  # writes of which nobody could know whether they came through
        self.made = 0
        self.start()

    def start(self) -> None:
        self.counts = Counts()
        self.outbox = Outbox(self.path, max_bytes=10_000_000, counts=self.counts)
        self.writers: list[_Writer] = []
        self.worker = Worker(
            self.outbox,
            "d",
            self.make_writer,
            counts=self.counts,
            clock=self.clock.time,
            pause=self.clock.advance,
            jitter=lambda: 0.5,
        )

    def make_writer(self) -> _Writer:
        self.writers.append(_Writer(self.platform, self.stored))
        return self.writers[-1]

    def kill(self) -> None:
        """The process ends without a word: its lock goes with it, everything else stays as it is."""
        self.worker._lock.release()
        self.outbox.close()
        self.start()

    def put(self, number: int, version: int) -> None:
        record = make_record(number, answer=f"version {version}")
        self.outbox.put([record], ["d"], now_s=self.clock.time())
        self.made += 1
        if self.wanted.get(record.id) != record.answer:
            self.versions[record.id] += 1
            self.wanted[record.id] = record.answer

    @rule(numbers=st.lists(_NUMBERS, min_size=1, max_size=6), version=st.integers(0, 2))
    def put_some(self, numbers: list[int], version: int) -> None:
        for number in numbers:
            self.put(number, version)

    @rule(number=_NUMBERS)
    def put_again_from_another_process(self, number: int) -> None:
        record = make_record(number, answer=self.wanted.get(make_record(number).id, "version 0"))
        other = Outbox(self.path, max_bytes=10_000_000)
        other.put([record], ["d"], now_s=self.clock.time())
        other.close()
        self.made += 1
        if record.id not in self.wanted:
            self.versions[record.id] += 1
            self.wanted[record.id] = record.answer

    @rule(number=_NUMBERS)
    def supersede(self, number: int) -> None:
        record_id = make_record(number).id
        self.outbox.supersede([record_id], "d")
        self.wanted.pop(record_id, None)

    @rule(which=st.sampled_from(["waiting", "dead"]))
    def purge(self, which: Literal["waiting", "dead"]) -> None:
        states = {"pending", "leased"} if which == "waiting" else {"dead"}
        gone = [entry.id for entry in self.outbox.entries("") if entry.state in states]
        assert self.outbox.purge("d", which) == len(gone)
        for record_id in gone:
            self.wanted.pop(record_id, None)

    @rule(steps=st.integers(1, 5))
    def work(self, steps: int) -> None:
        for _ in range(steps):
            self.worker.step()

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, 100.0, -50.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(n=st.integers(1, 3))
    def platform_is_down(self, n: int) -> None:
        self.platform.later = n

    @rule()
    def an_answer_gets_lost(self) -> None:
        self.platform.lost_answers += 1
        self.ambiguous += 1

    @rule(numbers=st.sets(_NUMBERS, max_size=3))
    def platform_refuses(self, numbers: set[int]) -> None:
        self.platform.refused = {make_record(number).id for number in numbers}

    @rule(broken=st.booleans())
    def writer_has_a_fault(self, broken: bool) -> None:
        self.platform.surprise = ValueError("fault") if broken else None

    @rule()
    def dead_letters_are_queued_again(self) -> None:
        self.made += self.outbox.requeue("d", now_s=self.clock.time())

    @rule(when=st.sampled_from(["before", "after", "between"]))
    def killed(self, when: str) -> None:
        if when != "between":
            for writer in self.writers:
                writer.dies = when
            try:
                for _ in range(3):
                    self.worker.step()
            except _Killed:
                self.ambiguous += 1
        self.kill()

    @rule()
    def restarted(self) -> None:
        self.worker.close()
        self.outbox.close()
        self.start()

    @precondition(lambda self: self.wanted)
    @rule()
    def outage_ends_and_all_is_delivered(self) -> None:
        self.heal()

    @invariant()
    def everything_is_accounted_for(self) -> None:
        tally = self.outbox.tally("d")
        fates = tally.waiting + tally.delivered + tally.superseded + tally.dropped + tally.dead
        assert tally.made == fates == self.made
        with closing(sqlite3.connect(self.path)) as db:
            states = dict(db.execute("SELECT state, count(*) FROM records GROUP BY state"))
            [(orphans,)] = db.execute("SELECT count(*) FROM payloads WHERE seq NOT IN (SELECT seq FROM records)")
            [(empty,)] = db.execute(
                "SELECT count(*) FROM records LEFT JOIN payloads USING (seq) "
                "WHERE (payload IS NULL) <> (state = 'delivered')"
            )
        assert tally.waiting == states.get("pending", 0) + states.get("leased", 0)
        assert (orphans, empty) == (0, 0)

    @invariant()
    def nothing_is_sent_twice_without_need(self) -> None:
        assert set(self.platform.records) <= _IDS
        for record_id, n in self.stored.items():
            assert n <= self.versions[record_id] + self.ambiguous

    @invariant()
    def a_platform_without_keys_can_trust_what_it_is_told(self) -> None:
        assert self.platform.doubled == []

    def heal(self) -> None:
        self.platform.later = self.platform.lost_answers = 0
        self.platform.refused = frozenset()
        self.platform.surprise = None
        self.clock.advance(4_000.0)
        self.made += self.outbox.requeue("d", now_s=self.clock.time())
        assert self.worker.flush(1_000.0)
        for record_id, answer in self.wanted.items():
            assert self.platform.records[record_id].answer == answer

    def teardown(self) -> None:
        if self.wanted:
            self.heal()
        self.worker.close()
        self.outbox.close()
        self.folder.cleanup()


TestAnyOrder = Delivery.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
