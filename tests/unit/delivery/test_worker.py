import logging
import threading
from collections.abc import Callable, Sequence, Set

import pytest

from spanlabel.delivery import Outbox, State, Tally, Worker
from spanlabel.delivery.worker import BATCH_SIZE, LOCK_POLL_S
from spanlabel.errors import ConfigError, Rejected, StoreError, TryLater
from spanlabel.metrics import Counts, Metric
from spanlabel.model import Record
from spanlabel.ports import Outcome
from spanlabel.testing import FakeClock, MemoryPlatform, MemoryWriter, make_record


def _put(outbox: Outbox, *numbers: int, answer: str | None = None) -> None:
    outbox.put([make_record(number, answer=answer) for number in numbers], ["d"], now_s=0.0)


def _ids(*numbers: int) -> list[str]:
    return [make_record(number).id for number in numbers]


def _work(worker: Worker, clock: FakeClock, *, steps: int = 1_000) -> None:
    """Step until nothing is to do, through all pauses."""
    for _ in range(steps):
        wait_s = worker.step()
        if wait_s is None:
            return
        clock.advance(wait_s)
    raise AssertionError("it never comes to rest")


class TestDelivery:
    def test_everything_in_order(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        What was put is on the platform, in the order of age, and the outbox is empty.
        """
        _put(outbox, *range(250))
        _work(worker, clock)

        assert list(platform.records) == _ids(*range(250))
        assert [len(request) for request in platform.requests] == [100, 100, 50]
        assert outbox.tally("d") == Tally(made=250, delivered=250)

    def test_one_write_in_each_step(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform) -> None:
        """
        A step is one write at most, and says when the next is of use.
        """
        assert worker.step() is None
        _put(outbox, *range(BATCH_SIZE + 1))

        assert [worker.step(), len(platform.requests)] == [0.0, 1]
        assert [worker.step(), len(platform.requests)] == [0.0, 2]
        assert worker.step() is None

    def test_nothing_is_opened_before_there_is_something(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform
    ) -> None:
        """
        Without records there is no connection; with records there is one.
        """
        made: list[MemoryWriter] = []

        def make_writer() -> MemoryWriter:
            made.append(platform.writer())
            return made[-1]

        worker = make_worker(make_writer=make_writer)
        worker.step()
        assert made == []
        for number in (1, 2):
            _put(outbox, number)
            worker.step()

        assert len(made) == 1

    def test_the_writer_says_how_many_at_once(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A platform with another sweet spot gets batches of its size.
        """

        class Small(MemoryWriter):
            batch_size = 3

        _put(outbox, *range(7))
        _work(make_worker(make_writer=lambda: Small(platform)), clock)

        assert [len(request) for request in platform.requests] == [3, 3, 1]

    def test_what_a_person_worked_on_is_kept(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A late change of a record that a person has worked on is noted as kept, and not sent for ever.
        """
        _put(outbox, 1, 2, 3)
        _work(worker, clock)
        platform.annotated.add(_ids(2)[0])
        _put(outbox, 1, 2, 3, answer="better")
        _work(worker, clock)

        assert list(platform.answers().values()) == ["better", "answer 2", "better"]
        assert outbox.tally("d") == Tally(made=6, delivered=6, kept=1)

    def test_the_ledger_is_pruned_as_it_grows(
        self, outbox: Outbox, worker: Worker, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        A worker that runs for ever does not let the ledger grow for ever.
        """
        monkeypatch.setattr("spanlabel.delivery.outbox.LEDGER_ROWS", 500)
        _put(outbox, *range(1_600))
        _work(worker, clock)

        outbox.put([make_record(0), make_record(1_599)], ["d"], now_s=0.0)

        assert outbox.tally("d").waiting == 1  # the oldest is forgotten, the newest is not


class TestTryLater:
    def test_all_wait_and_then_all_are_there(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        While the platform is away nothing is lost; when it is back all is delivered, the oldest first.
        """
        platform.later = 4
        _put(outbox, *range(150))
        started_s = clock.time()
        worker.step()

        assert worker.state is State.BACKING_OFF
        assert worker.error == "not now"
        assert outbox.tally("d") == Tally(made=150, waiting=150)
        _work(worker, clock)
        assert list(platform.records) == _ids(*range(150))
        assert worker.state is State.READY
        assert worker.error is None
        assert clock.time() - started_s == pytest.approx(1 + 2 + 4 + 8, rel=0.01)

    def test_nothing_overtakes(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        One request is the probe: what is put during an outage is not tried on its own.
        """
        platform.later = 1
        _put(outbox, 1)
        worker.step()
        _put(outbox, 2)

        wait_s = worker.step()
        assert wait_s == pytest.approx(0.999)
        assert len(platform.requests) == 1
        clock.advance(wait_s)
        worker.step()
        assert platform.requests[1] == _ids(1, 2)

    def test_the_platform_says_how_long(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform) -> None:
        """
        Retry-After is honoured.
        """
        platform.later, platform.retry_after_s = 1, 120.0
        _put(outbox, 1)
        worker.step()

        assert worker.step() == pytest.approx(120.999)

    def test_a_clock_set_back(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock) -> None:
        """
        A clock that is set back by a day during an outage does not make it a day longer.
        """
        platform.later = 1
        _put(outbox, 1)
        worker.step()
        clock.advance(-86_400.0)
        worker.step()

        assert list(platform.records) == _ids(1)

    def test_a_restart_waits_too(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A process that starts during an outage does not begin with a storm of requests.
        """
        platform.later, platform.retry_after_s = 1, 120.0
        _put(outbox, 1)
        first = make_worker()
        first.step()
        first.close()
        _put(outbox, 2)

        assert make_worker().step() == pytest.approx(120.999)
        assert len(platform.requests) == 1

    def test_cannot_be_reached_at_the_start(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A platform that is down when the app starts gets its records later, by a fresh connection.
        """
        tries: list[MemoryWriter] = []
        closed: list[MemoryWriter] = []

        class Down(MemoryWriter):
            def open(self) -> None:
                tries.append(self)
                if len(tries) < 3:
                    raise TryLater("connection refused")
                super().open()

            def close(self) -> None:
                closed.append(self)

        _put(outbox, 1)
        worker = make_worker(make_writer=lambda: Down(platform))
        worker.step()
        assert (worker.state, worker.error) == (State.BACKING_OFF, "connection refused")
        _work(worker, clock)

        assert list(platform.records) == _ids(1)
        assert len(tries) == 3
        assert closed == tries[:2]

    def test_said_once(
        self,
        outbox: Outbox,
        worker: Worker,
        platform: MemoryPlatform,
        clock: FakeClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """
        An outage makes one line in the log when it begins and one when it ends.
        """
        caplog.set_level(logging.INFO)
        platform.later = 20
        _put(outbox, 1)
        _work(worker, clock)

        assert [record.getMessage() for record in caplog.records] == [
            "destination d does not take records now, they wait: not now",
            "destination d takes records again",
        ]

    def test_an_answer_that_got_lost(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A batch that was stored, but whose answer was lost, is there once.
        """
        platform.lost_answers = 2
        _put(outbox, 1, 2)
        _work(worker, clock)

        assert len(platform.requests) == 3
        assert list(platform.records) == _ids(1, 2)
        assert outbox.tally("d") == Tally(made=2, delivered=2)


class TestRejected:
    def test_one_in_a_hundred(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock) -> None:
        """
        Of 100 records with one that the platform refuses 99 are there after at most 10 requests, and the one is kept
        with the platform's words.
        """
        [bad] = _ids(66)
        platform.refused = {bad}
        _put(outbox, *range(100))
        _work(worker, clock)

        assert sorted(platform.records) == sorted(record_id for record_id in _ids(*range(100)) if record_id != bad)
        assert len(platform.requests) <= 10
        [letter] = outbox.dead_letters("d")
        assert (letter.id, letter.error) == (bad, f"refused: {bad}")
        assert outbox.tally("d") == Tally(made=100, delivered=99, dead=1)

    def test_named_by_the_platform(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        Where the platform says which ones it refuses, they alone become dead letters, and 2 requests are enough.
        """
        bad = _ids(7, 42)
        platform.refused = set(bad)
        platform.names_culprits = True
        _put(outbox, *range(100))
        _work(worker, clock)

        assert [letter.id for letter in outbox.dead_letters("d")] == bad
        assert [len(request) for request in platform.requests] == [100, 98]
        assert outbox.tally("d") == Tally(made=100, delivered=98, dead=2)

    def test_all(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock) -> None:
        """
        If a platform refuses everything, each record is kept with its own reason.
        """
        platform.refused = set(_ids(1, 2, 3))
        _put(outbox, 1, 2, 3)
        _work(worker, clock)

        assert [letter.error for letter in outbox.dead_letters("d")] == [f"refused: {one}" for one in _ids(1, 2, 3)]
        assert platform.records == {}

    def test_an_outage_in_the_middle_of_the_search(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A search that is interrupted by an outage comes to the same end.
        """
        platform.refused = set(_ids(5))
        _put(outbox, *range(8))
        worker.step()
        worker.step()
        platform.later = 2
        _work(worker, clock)

        assert sorted(platform.records) == sorted(_ids(0, 1, 2, 3, 4, 6, 7))
        assert outbox.tally("d") == Tally(made=8, delivered=7, dead=1)

    def test_the_log_names_the_record_and_not_its_words(
        self,
        outbox: Outbox,
        worker: Worker,
        platform: MemoryPlatform,
        clock: FakeClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """
        The operator learns of dead letters once a minute, without a word of what people wrote.
        """
        platform.refused = set(_ids(1, 2, 3))
        _put(outbox, 1, 2, 3)
        _work(worker, clock)

        assert [record.getMessage() for record in caplog.records] == [
            f"destination d refused record {_ids(1)[0]}; it is kept as a dead letter"
        ]

    def test_queued_again(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock) -> None:
        """
        Once the cause is removed, dead letters can be delivered after all.
        """
        platform.refused = set(_ids(1))
        _put(outbox, 1)
        _work(worker, clock)
        platform.refused = set()
        outbox.requeue("d", now_s=clock.time())
        _work(worker, clock)

        assert list(platform.records) == _ids(1)


class _DoubtsSecond(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        return Outcome.UNKNOWN if record.id in _ids(2) else super()._store(record)


class TestUnknown:
    def test_is_not_sent_again(
        self,
        outbox: Outbox,
        make_worker: Callable[..., Worker],
        platform: MemoryPlatform,
        clock: FakeClock,
        counts: Counts,
    ) -> None:
        """
        A record of which nobody can say whether it came through is counted as such, and the others go on.
        """
        worker = make_worker(make_writer=lambda: _DoubtsSecond(platform))
        _put(outbox, 1, 2, 3)
        _work(worker, clock)
        _put(outbox, 2)
        _work(worker, clock)

        assert outbox.tally("d") == Tally(made=4, delivered=2, unknown=1, superseded=1)
        assert counts.total(Metric.RECORDS_UNKNOWN) == 1
        assert len(platform.requests) == 1

    def test_is_told(
        self,
        outbox: Outbox,
        make_worker: Callable[..., Worker],
        platform: MemoryPlatform,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """
        The log says how many they are.
        """
        _put(outbox, 1, 2, 3)
        make_worker(make_writer=lambda: _DoubtsSecond(platform)).step()

        assert caplog.messages == ["destination d: 1 of its records may have arrived or not; they are not sent again"]


class TestMaybeThere:
    """A platform without keys is told which records an earlier write may have put there."""

    def test_a_first_write(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock) -> None:
        """
        Of what was never sent before it is told nothing, so that it need not ask.
        """
        _put(outbox, 1, 2)
        _work(worker, clock)

        assert platform.maybe_there == [set()]

    def test_after_a_lost_answer(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A batch whose answer was lost may be there when it is sent again; what came after it cannot.
        """
        platform.lost_answers = 1
        _put(outbox, 1, 2)
        worker.step()
        _put(outbox, 3)
        _work(worker, clock)

        assert platform.maybe_there == [set(), set(_ids(1, 2))]
        assert platform.doubled == []

    @pytest.mark.parametrize("says_so", [True, False])
    def test_while_a_culprit_is_searched(
        self,
        outbox: Outbox,
        make_worker: Callable[..., Worker],
        platform: MemoryPlatform,
        clock: FakeClock,
        says_so: bool,
    ) -> None:
        """
        The halves of a refused batch were part of a write before; they may be there unless the writer denies it.
        """

        class Writer(MemoryWriter):
            def _fail(self, batch: Sequence[Record]) -> None:
                try:
                    super()._fail(batch)
                except Rejected as error:
                    error.nothing_written = says_so
                    raise

        platform.refused = set(_ids(1))
        _put(outbox, 1, 2)
        _work(make_worker(make_writer=lambda: Writer(platform)), clock)

        assert platform.maybe_there == [set(), *([set()] * 2 if says_so else [set(_ids(1)), set(_ids(2))])]

    def test_after_an_outage(
        self,
        outbox: Outbox,
        worker: Worker,
        platform: MemoryPlatform,
        clock: FakeClock,
        make_worker: Callable[..., Worker],
    ) -> None:
        """
        What was surely not written, as while the platform was down, is not looked for, also after a restart.
        """
        platform.later = 3
        _put(outbox, 1, 2)
        for _ in range(3):
            clock.advance(worker.step() or 0.0)
            clock.advance(worker.step() or 0.0)
        worker.close()
        _work(make_worker(), clock)

        assert platform.maybe_there == [set()] * 4
        assert list(platform.records) == _ids(1, 2)

    def test_not_yet_sent(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock) -> None:
        """
        What is given back because another part of its batch went wrong was not sent itself.
        """
        platform.refused = set(_ids(1))
        _put(outbox, 1, 2, 3, 4)
        worker.step()
        platform.later = 1
        worker.step()
        platform.refused = set()
        _work(worker, clock)

        assert platform.maybe_there == [set()] * 3

    def test_a_dead_letter_that_waits_again(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        What was refused was not written, so it is not held to be there once its cause is removed.
        """
        platform.refused = set(_ids(1))
        _put(outbox, 1)
        _work(worker, clock)
        platform.refused = set()
        outbox.requeue("d", now_s=clock.time())
        _work(worker, clock)

        assert platform.maybe_there == [set()] * 2

    @pytest.mark.parametrize("says_so", [True, False])
    def test_after_a_wrong_setting(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, says_so: bool
    ) -> None:
        """
        Records that met a wrong setting may be there when it is right, unless the writer denies it.
        """

        class Writer(MemoryWriter):
            def _fail(self, batch: Sequence[Record]) -> None:
                raise ConfigError("the key was revoked", nothing_written=says_so)

        _put(outbox, 1)
        worker = make_worker(make_writer=lambda: Writer(platform))
        worker.step()
        make_worker().step()

        assert platform.maybe_there == [set(), set() if says_so else set(_ids(1))]

    def test_another_version(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock) -> None:
        """
        A later reading of a delivered record finds the earlier one there.
        """
        _put(outbox, 1)
        _work(worker, clock)
        _put(outbox, 1, answer="better")
        _put(outbox, 2)
        _work(worker, clock)

        assert platform.maybe_there == [set(), set(_ids(1))]


class TestConfigError:
    @pytest.mark.parametrize("when", ["make", "open", "write"])
    def test_the_destination_stops(
        self,
        when: str,
        outbox: Outbox,
        make_worker: Callable[..., Worker],
        platform: MemoryPlatform,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """
        A wrong setting stops the destination: it is said once, nothing is asked any more, and the records wait.
        """

        def make_writer() -> MemoryWriter:
            if when == "make":
                raise ConfigError("no such project", setting="project")
            writer = platform.writer()
            if when == "write":
                writer.open()
                writer.open = lambda: None
            platform.wrong_setting = "no such project"
            return writer

        _put(outbox, 1, 2)
        worker = make_worker(make_writer=make_writer)
        for _ in range(5):
            worker.step()

        assert worker.step() is None
        assert worker.state is State.STOPPED
        assert worker.error is not None
        assert worker.error.endswith("no such project")
        assert len(caplog.records) == 1
        assert len(platform.requests) == (1 if when == "write" else 0)
        assert outbox.tally("d") == Tally(made=2, waiting=2)

    def test_the_lock_is_free(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A process with the right setting can deliver what another one with the wrong setting could not.
        """
        platform.wrong_setting = "token expired"
        _put(outbox, 1)
        stopped = make_worker()
        stopped.step()
        platform.wrong_setting = None
        _work(make_worker(), clock)

        assert stopped.state is State.STOPPED
        assert list(platform.records) == _ids(1)


class TestSurprises:
    def test_waits_and_goes_on(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock, counts: Counts
    ) -> None:
        """
        A fault in a writer is like an outage, and is counted.
        """
        platform.surprise = KeyError("id")
        _put(outbox, 1, 2)
        worker.step()
        assert worker.error == "KeyError: 'id'"
        platform.surprise = None
        _work(worker, clock)

        assert list(platform.records) == _ids(1, 2)
        assert counts.total(Metric.FAULTS, where="delivery.write") == 1

    def test_a_record_that_a_writer_cannot_write(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A record for which the writer itself fails does not hold up the others for ever; it becomes a dead letter.
        """
        bad = set(_ids(0, 17, 18))

        class Fragile(MemoryWriter):
            def write(
                self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()
            ) -> list[Outcome]:
                if any(record.id in bad for record in batch):
                    raise ValueError("cannot map it")
                return super().write(batch, timeout_s=timeout_s, maybe_there=maybe_there)

        _put(outbox, *range(40))
        started_s = clock.time()
        _work(make_worker(make_writer=lambda: Fragile(platform)), clock)
        assert clock.time() - started_s < 50  # the five pauses of the first suspicion, and none while searching

        assert len(platform.records) == 37
        assert {letter.id for letter in outbox.dead_letters("d")} == bad
        assert {letter.error for letter in outbox.dead_letters("d")} == {"ValueError: cannot map it"}
        assert outbox.tally("d") == Tally(made=40, delivered=37, dead=3)

    def test_a_writer_that_fails_for_all_kills_nothing(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        If nothing passes, it is not the records' fault: an hour of such failures makes no dead letter, and afterwards
        everything is delivered.
        """
        platform.surprise = ValueError("HTML instead of JSON")
        _put(outbox, *range(30))
        until_s = clock.time() + 3_600
        while clock.time() < until_s:
            wait_s = worker.step()
            assert wait_s is not None
            clock.advance(wait_s)

        assert outbox.tally("d") == Tally(made=30, waiting=30)
        assert len(platform.requests) < 60 * 40  # a minute apart, with a search each time
        platform.surprise = None
        _work(worker, clock)
        assert sorted(platform.records) == sorted(_ids(*range(30)))

    def test_a_writer_that_cannot_even_open(
        self, outbox: Outbox, make_worker: Callable[..., Worker], clock: FakeClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """
        A fault while connecting is said once a minute, and tried again.
        """

        def make_writer() -> MemoryWriter:
            raise RuntimeError("no route")

        _put(outbox, 1)
        worker = make_worker(make_writer=make_writer)
        for _ in range(8):
            clock.advance(worker.step() or 0.0)

        faults = [record.getMessage() for record in caplog.records if "open" in record.getMessage()]
        assert faults == ["destination d: open: RuntimeError: no route"]
        assert worker.state is State.BACKING_OFF

    def test_a_writer_that_cannot_close(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, counts: Counts
    ) -> None:
        """
        A fault while disconnecting disturbs nobody.
        """

        class Sticky(MemoryWriter):
            def close(self) -> None:
                raise OSError("broken pipe")

        _put(outbox, 1)
        worker = make_worker(make_writer=lambda: Sticky(platform))
        worker.step()
        worker.close()

        assert worker.state is State.CLOSED
        assert counts.total(Metric.FAULTS, where="delivery.close") == 1


class TestOneAtATime:
    def test_a_second_worker_stands_by(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        While one delivers, another waits; when the first is gone it takes over.
        """
        _put(outbox, 1)
        first, second = make_worker(), make_worker()
        first.step()
        _put(outbox, 2)

        assert second.step() == LOCK_POLL_S
        assert second.state is State.ELSEWHERE
        first.close()
        _work(second, clock)
        assert list(platform.records) == _ids(1, 2)

    def test_what_the_last_one_held_is_sent(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        What was on its way when its process died is sent by the next one.
        """
        _put(outbox, 1, 2)
        outbox.lease("d", 1, now_s=0.0)
        _work(worker, clock)

        assert list(platform.records) == _ids(1, 2)


class TestStoreFaults:
    def test_a_result_that_cannot_be_noted(
        self,
        outbox: Outbox,
        worker: Worker,
        platform: MemoryPlatform,
        clock: FakeClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """
        If the disk is full at the moment of noting a delivery, the record is written once more and is there once.
        """

        def full(*_: object, **__: object) -> int:
            raise StoreError("disk full")

        _put(outbox, 1, 2)
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "delivered", full)
            with pytest.raises(StoreError, match="disk full"):
                worker.step()
        _work(worker, clock)

        assert platform.requests == [_ids(1, 2)] * 2
        assert outbox.tally("d") == Tally(made=2, delivered=2)

    @pytest.mark.parametrize("broken", ["dead", "try_later", "lease"])
    def test_nothing_is_forgotten(
        self,
        broken: str,
        outbox: Outbox,
        worker: Worker,
        platform: MemoryPlatform,
        clock: FakeClock,
    ) -> None:
        """
        Whatever cannot be noted for a while, in the end each record is delivered or a dead letter.
        """

        def full(*_: object, **__: object) -> int:
            raise StoreError("disk full")

        platform.refused = set(_ids(2))
        platform.later = 1 if broken == "try_later" else 0
        _put(outbox, 1, 2, 3)
        setattr(outbox, broken, full)
        with pytest.raises(StoreError, match="disk full"):
            _work(worker, clock)
        delattr(outbox, broken)
        _work(worker, clock)

        assert outbox.tally("d") == Tally(made=3, delivered=2, dead=1)


class TestFlush:
    def test_delivers_what_waits(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform) -> None:
        """
        After a flush everything is on the platform.
        """
        _put(outbox, *range(250))

        assert worker.flush(10.0)
        assert len(platform.records) == 250

    def test_nothing_waits(self, worker: Worker) -> None:
        """
        A flush of nothing is done at once, whatever the time.
        """
        assert worker.flush(0.0)

    def test_through_a_short_outage(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A pause that ends in time is waited for.
        """
        platform.later = 2
        _put(outbox, 1)

        assert worker.flush(10.0)
        assert list(platform.records) == _ids(1)

    def test_not_through_a_long_one(
        self, outbox: Outbox, worker: Worker, platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A flush that cannot succeed in time does not use the time up.
        """
        platform.later, platform.retry_after_s = 1, 300.0
        _put(outbox, 1)
        started_s = clock.time()

        assert not worker.flush(10.0)
        assert clock.time() == started_s
        assert outbox.tally("d").waiting == 1

    def test_stopped(self, outbox: Outbox, worker: Worker, platform: MemoryPlatform) -> None:
        """
        A stopped destination cannot be flushed.
        """
        platform.wrong_setting = "no such project"
        _put(outbox, 1)

        assert not worker.flush(10.0)

    def test_another_process_delivers(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A flush waits for the process that has the lock, no longer than it takes, and says whether it was in time.
        """
        first = make_worker()
        _put(outbox, 1)
        first.step()
        _put(outbox, 2)
        begin_s = clock.time()

        assert not make_worker().flush(3.0)
        assert clock.time() - begin_s == pytest.approx(3.0)
        assert make_worker(pause=lambda seconds: (clock.advance(seconds), first.step())).flush(60.0)
        assert clock.time() - begin_s < 3.0 + 1.0

    def test_the_writer_gets_no_more_time_than_there_is(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform
    ) -> None:
        """
        A flush of two seconds does not let a request take a minute.
        """
        timeouts: list[float] = []

        class Timed(MemoryWriter):
            def write(
                self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()
            ) -> list[Outcome]:
                timeouts.append(timeout_s)
                return super().write(batch, timeout_s=timeout_s, maybe_there=maybe_there)

        _put(outbox, 1)
        make_worker(make_writer=lambda: Timed(platform)).flush(2.0)

        assert timeouts == [2.0]


class TestClose:
    def test_what_was_in_hand_waits(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform, clock: FakeClock
    ) -> None:
        """
        A worker that is closed in the middle of a search leaves everything to the next one.
        """
        platform.refused = set(_ids(1))
        _put(outbox, *range(8))
        first = make_worker()
        first.step()
        first.close()

        assert first.step() is None
        assert outbox.tally("d") == Tally(made=8, waiting=8)
        _work(make_worker(), clock)
        assert outbox.tally("d") == Tally(made=8, delivered=7, dead=1)

    def test_twice_and_before_anything(self, worker: Worker) -> None:
        """
        Closing is allowed at any time.
        """
        worker.close()
        worker.close()

        assert worker.state is State.CLOSED

    def test_bounded_while_a_write_hangs(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform
    ) -> None:
        """
        A platform that does not answer does not hold up the end of the app.
        """
        entered, leave = threading.Event(), threading.Event()

        class Hanging(MemoryWriter):
            def write(
                self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()
            ) -> list[Outcome]:
                entered.set()
                leave.wait(60)
                return super().write(batch, timeout_s=timeout_s, maybe_there=maybe_there)

        _put(outbox, 1)
        worker = make_worker(make_writer=lambda: Hanging(platform))
        thread = threading.Thread(target=worker.step, daemon=True)
        thread.start()
        assert entered.wait(60)
        worker.close(0.01)
        leave.set()
        thread.join(60)

        assert worker.state is State.CLOSED
        assert outbox.tally("d").waiting + outbox.tally("d").delivered == 1


class TestRun:
    def test_delivers_until_it_is_stopped(
        self, outbox: Outbox, make_worker: Callable[..., Worker], platform: MemoryPlatform
    ) -> None:
        """
        A thread delivers what is put while it runs, and ends when it is told to.
        """
        arrived, stop = threading.Event(), threading.Event()

        class Telling(MemoryWriter):
            def write(
                self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()
            ) -> list[Outcome]:
                outcomes = super().write(batch, timeout_s=timeout_s, maybe_there=maybe_there)
                arrived.set()
                return outcomes

        worker = make_worker(make_writer=lambda: Telling(platform))
        thread = threading.Thread(target=worker.run, args=(stop,), daemon=True)
        thread.start()
        for number in (1, 2):
            arrived.clear()
            _put(outbox, number)
            worker.wake()
            assert arrived.wait(60)
        stop.set()
        worker.wake()
        thread.join(60)

        assert not thread.is_alive()
        assert list(platform.records) == _ids(1, 2)

    def test_survives_a_broken_outbox(
        self, outbox: Outbox, make_worker: Callable[..., Worker], counts: Counts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        A fault of the outbox, or one of ours, does not end delivery for good.
        """
        worker, stop = make_worker(), threading.Event()
        faults = iter([StoreError("locked"), ZeroDivisionError("ours")])

        def step() -> float | None:
            error = next(faults, None)
            worker.wake()
            if error is None:
                stop.set()
                return None
            raise error

        monkeypatch.setattr(worker, "step", step)
        worker.run(stop)

        assert counts.total(Metric.FAULTS, where="delivery.step") == 2
