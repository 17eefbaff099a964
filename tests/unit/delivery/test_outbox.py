import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from spanlabel.delivery import DeadLetter, Outbox, Put, Tally
from spanlabel.delivery.rows import LONGEST_WAIT_S
from spanlabel.errors import StoreError, TryLater
from spanlabel.metrics import Counts, Metric
from spanlabel.testing import make_record


def _put(outbox: Outbox, *numbers: int, answer: str | None = None, now_s: float = 0.0) -> Put:
    records = [make_record(number, answer=answer) for number in numbers]
    return outbox.put(records, ["d"], now_s=now_s)["d"]


def _lease(outbox: Outbox, n: int = 100, now_s: float = 0.0) -> list[str]:
    return [one.record.answer for one in outbox.lease("d", n, now_s=now_s)]


def _rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT state, payload FROM records LEFT JOIN payloads USING (seq) ORDER BY seq").fetchall()


class TestPut:
    def test_what_was_put_is_handed_out(self, outbox: Outbox) -> None:
        """
        Records come out as they went in, the oldest first.
        """
        records = [make_record(n) for n in (3, 1, 2)]
        outbox.put(records, ["d"], now_s=0.0)

        assert [one.record for one in outbox.lease("d", 10, now_s=0.0)] == records

    def test_it_outlives_the_process(self, outbox: Outbox) -> None:
        """
        Whoever opens the file later finds what was put.
        """
        _put(outbox, 1)
        outbox.close()

        other = Outbox(outbox.path, max_bytes=10_000_000)
        found = _lease(other)
        other.close()

        assert found == ["answer 1"]

    def test_each_destination_has_its_own(self, outbox: Outbox) -> None:
        """
        Each record goes to every destination, and what one of them does is nothing to the other.
        """
        outbox.put([make_record(1)], ["a", "b"], now_s=0.0)
        outbox.delivered("a", outbox.lease("a", 1, now_s=0.0), now_s=0.0)

        assert outbox.tally("a") == Tally(made=1, delivered=1)
        assert outbox.tally("b") == Tally(made=1, waiting=1)
        assert outbox.destinations() == ("a", "b")

    def test_the_same_again_is_nothing_new(self, outbox: Outbox) -> None:
        """
        A record that is put again while it waits waits once.
        """
        assert _put(outbox, 1) == Put(new=1)
        assert _put(outbox, 1) == Put(unchanged=1)
        assert _lease(outbox) == ["answer 1"]
        assert outbox.tally("d") == Tally(made=2, waiting=1, superseded=1)

    def test_new_content_replaces_what_waits(self, outbox: Outbox) -> None:
        """
        Of two readings of one run only the later one is delivered; the first is superseded.
        """
        _put(outbox, 1, 2)

        assert _put(outbox, 1, answer="better") == Put(replaced=1)
        assert _lease(outbox) == ["answer 2", "better"]
        assert outbox.tally("d") == Tally(made=3, waiting=2, superseded=1)

    def test_delivered_content_is_not_delivered_again(self, outbox: Outbox) -> None:
        """
        Spans that are replayed after their record was delivered cause no second delivery.
        """
        _put(outbox, 1)
        outbox.delivered("d", outbox.lease("d", 1, now_s=0.0), now_s=0.0)

        assert _put(outbox, 1) == Put(unchanged=1, there=1)
        assert _lease(outbox) == []
        assert outbox.tally("d") == Tally(made=2, delivered=1, superseded=1)

    def test_an_update_of_what_was_delivered_waits_again(self, outbox: Outbox) -> None:
        """
        A late span that changes the answer brings the record to the platform once more.
        """
        _put(outbox, 1)
        outbox.delivered("d", outbox.lease("d", 1, now_s=0.0), now_s=0.0)

        assert _put(outbox, 1, answer="better") == Put(updated=1)
        assert outbox.tally("d") == Tally(made=2, waiting=1, delivered=1)
        assert _lease(outbox) == ["better"]

    def test_dead_content_stays_dead_but_new_content_gets_its_chance(self, outbox: Outbox) -> None:
        """
        What a platform refused is not sent again, unless it has changed.
        """
        _put(outbox, 1)
        outbox.dead("d", outbox.lease("d", 1, now_s=0.0), "bad", now_s=0.0)

        assert _put(outbox, 1) == Put(unchanged=1)
        assert _put(outbox, 1, answer="better") == Put(updated=1)
        assert outbox.dead_letters("d") == []
        assert outbox.tally("d") == Tally(made=3, waiting=1, superseded=1, dead=1)

    def test_twice_in_one_call(self, outbox: Outbox) -> None:
        """
        Of two versions in one call the later one counts.
        """
        put = outbox.put([make_record(1), make_record(1, answer="better")], ["d"], now_s=0.0)["d"]

        assert put == Put(new=1, replaced=1)
        assert _lease(outbox) == ["better"]

    def test_nothing(self, outbox: Outbox) -> None:
        """
        To put nothing is allowed.
        """
        assert outbox.put([], ["d"], now_s=0.0) == {"d": Put()}
        assert outbox.tally("d") == Tally()


class TestWhileLeased:
    def test_a_newer_version_is_not_taken_for_delivered(self, outbox: Outbox) -> None:
        """
        A record that changes while its old version is being sent is sent again.
        """
        _put(outbox, 1)
        leased = outbox.lease("d", 1, now_s=0.0)
        _put(outbox, 1, answer="better")

        assert outbox.delivered("d", leased, now_s=0.0) == 0
        assert outbox.dead("d", leased, "bad", now_s=0.0) == 0
        assert outbox.try_later("d", leased, "down", next_attempt_s=99.0, now_s=0.0) == 0
        assert _lease(outbox) == ["better"]
        assert outbox.tally("d") == Tally(made=2, waiting=1, superseded=1)

    def test_an_old_word_does_not_settle_a_newer_version(self, outbox: Outbox) -> None:
        """
        A worker that comes back late speaks of what it sent, not of what another one is sending now.
        """
        _put(outbox, 1)
        old = outbox.lease("d", 1, now_s=0.0)
        _put(outbox, 1, answer="better")
        new = outbox.lease("d", 1, now_s=0.0)

        assert outbox.delivered("d", old, now_s=0.0) == 0
        assert outbox.delivered("d", new, now_s=0.0) == 1

    def test_what_is_leased_is_not_handed_out_again(self, outbox: Outbox) -> None:
        """
        Nothing is sent twice at the same time.
        """
        _put(outbox, 1, 2)

        assert (_lease(outbox, 1), _lease(outbox), _lease(outbox)) == (["answer 1"], ["answer 2"], [])

    def test_the_next_holder_of_the_lock_releases_it(self, outbox: Outbox) -> None:
        """
        What a process held when it died is sent by the next one, which sees that it may be there already.
        """
        _put(outbox, 1)
        outbox.lease("d", 1, now_s=0.0)

        assert outbox.release("d") == 1
        assert [one.attempts for one in outbox.lease("d", 1, now_s=0.0)] == [2]

    def test_what_was_ever_sent_is_known_to_be_there_perhaps(self, outbox: Outbox) -> None:
        """
        Another version, a taken back one that comes again, a dead letter's second chance: each says that the platform
        may have the record already, which one without keys must know.
        """
        _put(outbox, 1, 2, 3, 4, 5)
        delivered, waiting, taken_back, dead, _ = outbox.lease("d", 5, now_s=0.0)
        outbox.delivered("d", [delivered], now_s=0.0)
        outbox.try_later("d", [waiting, taken_back], "down", next_attempt_s=0.0, now_s=0.0)
        outbox.supersede([taken_back.record.id], "d")
        outbox.dead("d", [dead], "bad", now_s=0.0)
        outbox.requeue("d", now_s=0.0)
        _put(outbox, 1, 2, 3, 5, answer="better")
        _put(outbox, 6)

        again = outbox.lease("d", 9, now_s=0.0)

        assert {one.record.answer: one.attempts for one in again if one.attempts == 1} == {"answer 6": 1}
        assert len(again) == 6

    def test_each_fate_ends_the_lease_once(self, outbox: Outbox) -> None:
        """
        Saying something twice about a record counts it once.
        """
        _put(outbox, 1)
        leased = outbox.lease("d", 1, now_s=0.0)

        assert outbox.delivered("d", leased, now_s=0.0) == 1
        assert outbox.delivered("d", leased, now_s=0.0) == 0
        assert outbox.tally("d") == Tally(made=1, delivered=1)


class TestTryLater:
    def test_waits_its_time(self, outbox: Outbox) -> None:
        """
        A record that was given back is not handed out before its time, and nothing younger overtakes it.
        """
        _put(outbox, 1, 2)
        outbox.try_later("d", outbox.lease("d", 1, now_s=0.0), "down", next_attempt_s=30.0, now_s=0.0)

        assert outbox.due_in_s("d", now_s=10.0) == 20.0
        assert _lease(outbox, now_s=29.9) == []
        assert outbox.due_in_s("d", now_s=30.0) == 0.0
        assert _lease(outbox, now_s=30.0) == ["answer 1", "answer 2"]
        assert outbox.due_in_s("d", now_s=30.0) is None

    def test_a_clock_set_back(self, outbox: Outbox) -> None:
        """
        A clock that is set back by a year does not keep records waiting for a year.
        """
        year_s = 365 * 86_400.0
        _put(outbox, 1, now_s=year_s)
        leased = outbox.lease("d", 1, now_s=year_s)
        outbox.try_later("d", leased, "down", next_attempt_s=year_s + 60, now_s=year_s)

        assert year_s > LONGEST_WAIT_S
        assert _lease(outbox, now_s=0.0) == ["answer 1"]


class TestDead:
    def test_a_person_can_look_and_try_again(self, outbox: Outbox) -> None:
        """
        A refused record keeps what the platform said, and can be queued again with everything in it.
        """
        _put(outbox, 1, 2)
        outbox.dead("d", outbox.lease("d", 1, now_s=5.0), "no such field", now_s=7.0)

        assert outbox.dead_letters("d") == [DeadLetter(make_record(1).id, "no such field", 1, 7.0)]
        assert outbox.requeue("d", now_s=8.0) == 1
        assert outbox.dead_letters("d") == []
        assert outbox.tally("d") == Tally(made=3, waiting=2, dead=1)
        assert _lease(outbox) == ["answer 1", "answer 2"]

    def test_a_long_complaint(self, outbox: Outbox) -> None:
        """
        A platform that answers with a whole web page does not fill the outbox.
        """
        _put(outbox, 1)
        outbox.dead("d", outbox.lease("d", 1, now_s=0.0), "<html>" * 100_000, now_s=0.0)

        assert len(outbox.dead_letters("d")[0].error) == 2_000

    def test_a_damaged_row(self, outbox: Outbox) -> None:
        """
        A row that cannot be read becomes a dead letter; the others are handed out.
        """
        _put(outbox, 1, 2)
        with closing(sqlite3.connect(outbox.path)) as db, db:
            db.execute("UPDATE payloads SET payload = '{broken' WHERE seq = 1")

        assert _lease(outbox) == ["answer 2"]
        [letter] = outbox.dead_letters("d")
        assert letter.error.startswith("the outbox cannot read it")
        assert outbox.tally("d") == Tally(made=2, waiting=1, dead=1)


class TestSupersede:
    def test_takes_back_what_waits(self, outbox: Outbox) -> None:
        """
        A record whose run is now told by another one is not delivered any more.
        """
        _put(outbox, 1, 2)

        assert outbox.supersede([make_record(1).id, "unknown"], "d") == 1
        assert _lease(outbox) == ["answer 2"]
        assert outbox.tally("d") == Tally(made=2, waiting=1, superseded=1)

    def test_while_it_is_sent(self, outbox: Outbox) -> None:
        """
        Taking back a record that is being sent counts it once.
        """
        _put(outbox, 1)
        leased = outbox.lease("d", 1, now_s=0.0)

        assert outbox.supersede([make_record(1).id], "d") == 1
        assert outbox.delivered("d", leased, now_s=0.0) == 0
        assert outbox.tally("d") == Tally(made=1, superseded=1)

    def test_what_is_delivered_or_dead_keeps_its_count(self, outbox: Outbox) -> None:
        """
        What the platform has stays there; what it refused is not tried again.
        """
        _put(outbox, 1, 2)
        first, second = outbox.lease("d", 2, now_s=0.0)
        outbox.delivered("d", [first], now_s=0.0)
        outbox.dead("d", [second], "bad", now_s=0.0)

        assert outbox.supersede([first.record.id, second.record.id], "d") == 0
        assert outbox.requeue("d", now_s=0.0) == 0
        assert outbox.tally("d") == Tally(made=2, delivered=1, dead=1)


class TestCounts:
    def test_this_process_counts_what_it_does(self, outbox: Outbox, counts: Counts) -> None:
        """
        The operator sees each record's fate in the metrics.
        """
        _put(outbox, 1, 2, 3, 4)
        _put(outbox, 4)
        one, two, three = outbox.lease("d", 3, now_s=0.0)
        outbox.delivered("d", [one], now_s=0.0)
        outbox.kept("d", [two], now_s=0.0)
        outbox.dead("d", [three], "bad", now_s=0.0)
        outbox.drop(2, ["d"], reason="no_room")

        assert {metric.name: n for (metric, _), n in counts.snapshot().items()} == {
            "RECORDS_MADE": 7,
            "RECORDS_SUPERSEDED": 1,
            "RECORDS_DELIVERED": 2,
            "RECORDS_DEAD": 1,
            "RECORDS_DROPPED": 2,
            "RECORDS_WAITING": 1,
        }
        assert outbox.tally("d") == Tally(made=7, waiting=1, delivered=2, kept=1, superseded=1, dropped=2, dead=1)

    def test_drop_never_raises(self, tmp_path: Path, counts: Counts) -> None:
        """
        What cannot even be noted in the file is counted in the process.
        """
        (tmp_path / "outbox.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
        outbox = Outbox(tmp_path / "outbox.db", max_bytes=1_000_000, counts=counts)

        outbox.drop(3, ["d"], reason="store")

        assert counts.total(Metric.RECORDS_DROPPED, destination="d", reason="store") == 3


class TestRoom:
    @pytest.fixture
    def small(self, tmp_path: Path, counts: Counts) -> Iterator[Outbox]:
        outbox = Outbox(tmp_path / "small.db", max_bytes=300_000, counts=counts)
        yield outbox
        outbox.close()

    def _fill(self, outbox: Outbox) -> int:
        for n in range(1, 1_000):
            try:
                _put(outbox, n, answer="x" * 10_000)
            except TryLater:
                return n - 1
        raise AssertionError("it takes more than its bound")

    def test_full(self, small: Outbox, counts: Counts) -> None:
        """
        A full outbox takes nothing of a call, says what to do, and has lost nothing.
        """
        n = self._fill(small)

        with pytest.raises(TryLater, match=r"small.db: no room: .*SPANLABEL_OUTBOX_MAX_BYTES"):
            _put(small, 5_001, 5_002, answer="y" * 10_000)
        assert small.used_bytes() <= 300_000
        assert small.waiting_bytes("d") > 200_000
        assert small.tally("d") == Tally(made=n, waiting=n)
        assert counts.total(Metric.RECORDS_MADE) == n

    def test_room_again(self, small: Outbox) -> None:
        """
        What is delivered makes room, as often as one likes.
        """
        for _ in range(5):
            n = self._fill(small)
            small.delivered("d", small.lease("d", 1_000, now_s=0.0), now_s=0.0)
            small.prune("d")

            assert n > 8
            assert small.tally("d").waiting == 0

    def test_the_ledger_is_bounded(self, small: Outbox) -> None:
        """
        However many records go through, the ledger takes at most a quarter of the room.
        """
        for start in range(0, 1_000, 50):
            _put(small, *range(start, start + 50))
            small.delivered("d", small.lease("d", 50, now_s=0.0), now_s=0.0)
            small.prune("d")

        assert len(_rows(small.path)) == 300_000 // 4 // 400
        assert small.used_bytes() < 150_000
        assert _put(small, 999) == Put(unchanged=1, there=1)
        assert _put(small, 0) == Put(new=1)

    def test_space_goes_back_to_the_disk(self, small: Outbox) -> None:
        """
        After an outage the file does not stay as large as it was.
        """
        self._fill(small)
        small.delivered("d", small.lease("d", 1_000, now_s=0.0), now_s=0.0)
        small.prune("d")
        small.close()

        assert small.path.stat().st_size < 100_000


class TestFile:
    def test_only_the_owner_can_read_it(self, outbox: Outbox) -> None:
        """
        What people asked is nobody else's business on the machine.
        """
        _put(outbox, 1)

        assert outbox.path.parent.stat().st_mode & 0o777 == 0o700
        modes = {path.name: path.stat().st_mode & 0o777 for path in outbox.path.parent.iterdir()}
        assert modes == {"outbox.db": 0o600, "outbox.db-wal": 0o600, "outbox.db-shm": 0o600}

    def test_the_ledger_holds_no_text(self, outbox: Outbox) -> None:
        """
        Once delivered, nothing of what people wrote stays in the table.
        """
        _put(outbox, 1)
        outbox.delivered("d", outbox.lease("d", 1, now_s=0.0), now_s=0.0)

        assert _rows(outbox.path) == [("delivered", None)]

    def test_nothing_is_opened_before_it_is_needed(self, tmp_path: Path) -> None:
        """
        An app that has no records yet has no file either.
        """
        Outbox(tmp_path / "later" / "outbox.db", max_bytes=1_000)

        assert not (tmp_path / "later").exists()

    def test_damaged(self, tmp_path: Path) -> None:
        """
        A damaged file is named, with what to do; once it is moved away a new one is made.
        """
        path = tmp_path / "outbox.db"
        path.write_bytes(b"not a database, but long enough to be looked at" * 100)
        outbox = Outbox(path, max_bytes=1_000_000)

        with pytest.raises(StoreError, match=r"outbox.db: is not a database or is damaged; move it away"):
            _put(outbox, 1)
        path.rename(tmp_path / "away")
        assert _put(outbox, 1) == Put(new=1)
        outbox.close()
