"""`TrubricsWriter` and a fake Trubrics: nothing is sent twice, and what is in doubt is said to be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from servers.trubrics import FakeTrubrics

from spanlabel.delivery import Outbox, Tally, Worker
from spanlabel.errors import ConfigError, Rejected, TryLater
from spanlabel.platforms.trubrics import TrubricsSettings
from spanlabel.platforms.trubrics.writer import BATCH_SIZE, TrubricsWriter
from spanlabel.ports import Outcome
from spanlabel.testing import FAULTS, Bad, Fault, FaultProxy, check_writer, make_record

pytestmark = pytest.mark.integration

N = 200


def _spoil(*which: int, fault: Fault) -> Callable[[str, str, int], Fault | None]:
    """A plan that spoils these requests, counted from 0; 0 is the one with which a writer opens."""
    return lambda _method, _path, n: fault if n in which else None


class TestContract:
    def test_every_line(self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter]) -> None:
        """
        It keeps every line of the writers' contract that a platform can keep which only takes.
        """
        check_writer(make_writer, fake.stored, can_ask=False)

    def test_a_thousand_in_the_documented_portions(
        self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter]
    ) -> None:
        """
        No request holds more events than Trubrics allows, and delivery hands over fewer.
        """
        writer = make_writer()
        writer.open()
        writer.write([make_record(n) for n in range(1_000)], timeout_s=60)

        assert fake.requests == [0, *[100] * 10]
        assert writer.batch_size == BATCH_SIZE

    def test_headers(self, fake: FakeTrubrics) -> None:
        """
        Each request has the key, the user's own headers, and a connection of its own: one that was kept may be closed
        under it, and its fate would be unknown.
        """
        writer = TrubricsWriter(TrubricsSettings(url=fake.url, api_key=fake.key, headers={"X-Gate": "open"}))
        writer.open()
        writer.close()

        wanted = {"x-api-key": fake.key, "x-gate": "open", "connection": "close", "content-type": "application/json"}
        assert fake.headers | wanted == fake.headers


class TestBadDays:
    """Each fault in front of the fake. What is in doubt is the batch that met it, and nothing else."""

    @pytest.mark.parametrize("name", ["delay", "429", "413", "503 with Retry-After"])
    def test_nothing_is_in_doubt(
        self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker], name: str
    ) -> None:
        """
        Where the answer says that nothing was done, all records arrive, once and in order.
        """
        fault = FAULTS.get(name, Fault(Bad.ANSWER, status=503, headers={"Retry-After": "1"}))
        records = [make_record(n) for n in range(N)]
        with FaultProxy(fake.url, _spoil(1, 4, fault=fault)) as proxy:
            deliver(proxy.url, records)

        assert fake.ids() == [record.id for record in records]
        assert outbox.tally("d") == Tally(made=N, delivered=N)

    @pytest.mark.parametrize("name", ["reset before", "reset after", "truncated", "500", "503", "HTML"])
    def test_one_batch_is_in_doubt(
        self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker], name: str
    ) -> None:
        """
        Where nobody knows, the batch is counted as unknown and not sent again; all others arrive once.
        """
        records = [make_record(n) for n in range(N)]
        with FaultProxy(fake.url, _spoil(3, fault=FAULTS[name])) as proxy:
            deliver(proxy.url, records)

        doubtful = [record.id for record in records[2 * BATCH_SIZE : 3 * BATCH_SIZE]]
        arrived = doubtful if name in {"reset after", "truncated"} else []
        certain = [record.id for record in records if record.id not in doubtful]
        assert sorted(fake.ids()) == sorted(certain + arrived)
        assert outbox.tally("d") == Tally(made=N, delivered=N - BATCH_SIZE, unknown=BATCH_SIZE)

    def test_an_answer_that_comes_too_late(
        self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter]
    ) -> None:
        """
        After a time-out the batch is in doubt, whatever another process says about it later.
        """
        batch = [make_record(n) for n in range(3)]
        with FaultProxy(fake.url, _spoil(1, fault=Fault(Bad.DELAY, seconds=2.0))) as proxy:
            writer = make_writer(proxy.url)
            writer.open()
            with pytest.raises(TryLater, match="did not answer in time") as caught:
                writer.write(batch, timeout_s=1.1)
            another = make_writer(proxy.url)
            another.open()
            outcomes = another.write(batch, timeout_s=60, maybe_there={record.id for record in batch})

        assert not caught.value.nothing_written
        assert outcomes == [Outcome.UNKNOWN] * 3
        assert len(set(fake.ids())) == len(fake.ids())

    def test_too_little_time(self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter]) -> None:
        """
        With too little time for an answer, as when an application ends, records wait and are not put in doubt.
        """
        writer = make_writer()
        writer.open()
        with pytest.raises(TryLater, match="too little time") as caught:
            writer.write([make_record(1)], timeout_s=0.9)

        assert caught.value.nothing_written
        assert fake.events == []

    def test_refused_connections(self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker]) -> None:
        """
        While nobody answers, nothing is in doubt and everything waits.
        """
        with FaultProxy(fake.url) as proxy:
            deliver(proxy.url, [make_record(n) for n in range(30)])
            with proxy.refuse(), pytest.raises(AssertionError, match="cannot be reached"):
                deliver(proxy.url, [make_record(n) for n in range(30, 60)], within_s=5.0)
            deliver(proxy.url, [])

        assert fake.ids() == [make_record(n).id for n in range(60)]
        assert outbox.tally("d") == Tally(made=60, delivered=60)

    def test_an_outage_costs_one_batch(
        self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker]
    ) -> None:
        """
        While every answer is in doubt, no record beyond the first batch is risked: empty requests go ahead.
        """
        records = [make_record(n) for n in range(N)]
        with FaultProxy(fake.url, lambda _method, _path, n: FAULTS["500"] if 2 <= n < 6 else None) as proxy:
            deliver(proxy.url, records)

        assert outbox.tally("d") == Tally(made=N, delivered=N - BATCH_SIZE, unknown=BATCH_SIZE)
        assert fake.requests[:4] == [0, BATCH_SIZE, 0, 1]

    def test_what_takes_only_empty_requests(
        self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter]
    ) -> None:
        """
        After one send whose fate nobody knows, one record at a time is risked until one is taken.
        """
        faults = {1: FAULTS["500"], 3: FAULTS["500"], 5: FAULTS["429"]}
        with FaultProxy(fake.url, lambda _method, _path, n: faults.get(n)) as proxy:
            writer = make_writer(proxy.url)
            writer.open()
            sizes = [writer.batch_size]
            for n in range(4):
                with pytest.raises(TryLater) if n < 3 else nullcontext():
                    writer.write([make_record(n)], timeout_s=60)
                sizes.append(writer.batch_size)

        assert sizes == [BATCH_SIZE, 1, 1, 1, BATCH_SIZE]
        assert fake.requests == [0, 0, 0, 0, 1]

    def test_a_second_portion_that_fails(self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter]) -> None:
        """
        Where an earlier part of a write was taken, nobody is told that nothing was written.
        """
        with FaultProxy(fake.url, _spoil(2, fault=FAULTS["429"])) as proxy:
            writer = make_writer(proxy.url)
            writer.open()
            with pytest.raises(TryLater) as caught:
                writer.write([make_record(n) for n in range(150)], timeout_s=60)

        assert not caught.value.nothing_written
        assert len(fake.events) == 100


class TestOnce:
    def test_a_newer_version(self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker]) -> None:
        """
        What is there cannot be changed: a later version of an answer is not sent beside it.
        """
        deliver(fake.url, [make_record(1)])
        deliver(fake.url, [make_record(1, answer="better"), make_record(2)])

        assert fake.stored() == {make_record(n).id: f"answer {n}" for n in (1, 2)}
        assert outbox.tally("d") == Tally(made=3, delivered=2, unknown=1)

    def test_a_process_that_died_before_the_answer(
        self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker]
    ) -> None:
        """
        What another process was sending when it died is in doubt; what it had not begun is sent.
        """
        outbox.put([make_record(n) for n in range(30)], ["d"], now_s=0.0)
        outbox.lease("d", BATCH_SIZE, now_s=0.0)  # and no more is heard of it
        deliver(fake.url, [])

        assert fake.ids() == [make_record(n).id for n in range(BATCH_SIZE, 30)]
        assert outbox.tally("d") == Tally(made=30, delivered=10, unknown=BATCH_SIZE)


class TestRefusals:
    def test_a_poison_record(self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker]) -> None:
        """
        One bad record among 100: the others are there, it is a dead letter with Trubrics' words, and few requests go.
        """
        records = [make_record(n) for n in range(100)]
        fake.refuses = {records[37].prompt}
        with FaultProxy(fake.url) as proxy:
            deliver(proxy.url, records)
            spent = len(proxy.requests) - 1 - 100 // BATCH_SIZE

        assert sorted(fake.ids()) == sorted(record.id for record in records if record is not records[37])
        [letter] = outbox.dead_letters("d")
        assert (letter.id, letter.error) == (
            records[37].id,
            "Trubrics refuses it (422): is refused at ['body', 0, 'prompt']",
        )
        assert spent <= 10

    def test_a_dead_letter_that_is_mended(
        self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker]
    ) -> None:
        """
        What was refused is not in doubt: it is sent when its cause is removed.
        """
        fake.refuses = {make_record(1).prompt}
        deliver(fake.url, [make_record(1)])
        fake.refuses = set()
        outbox.requeue("d", now_s=0.0)
        deliver(fake.url, [])

        assert fake.ids() == [make_record(1).id]

    def test_a_key_that_is_revoked(self, fake: FakeTrubrics, outbox: Outbox, deliver: Callable[..., Worker]) -> None:
        """
        A key that is refused on the way stops the destination; with another key the same records arrive.
        """

        def revoke(_method: str, _path: str, n: int) -> None:
            fake.key = "another" if n >= 2 else fake.key

        with FaultProxy(fake.url, revoke) as proxy:
            worker = deliver(proxy.url, [make_record(n) for n in range(30)])
            assert worker.error is not None
            assert worker.error.startswith("api_key: Trubrics does not accept the key (401)")
        deliver(fake.url, [], key="another")

        assert fake.ids() == [make_record(n).id for n in range(30)]
        assert outbox.tally("d") == Tally(made=30, delivered=30)

    @pytest.mark.parametrize(
        ("path", "key", "setting"), [("", "wrong", "api_key"), ("/v2", "", "url")], ids=["key", "address"]
    )
    def test_at_the_start(
        self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter], path: str, key: str, setting: str
    ) -> None:
        """
        A wrong key or address is found before the first record is sent.
        """
        writer = make_writer(fake.url + path, key or fake.key)
        with pytest.raises(ConfigError) as caught:
            writer.open()

        assert caught.value.setting == setting

    def test_empty_lists_may_be_refused(self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter]) -> None:
        """
        Should Trubrics refuse a list without events, that is no trouble.
        """
        with FaultProxy(fake.url, _spoil(0, fault=Fault(Bad.ANSWER, status=422))) as proxy:
            writer = make_writer(proxy.url)
            writer.open()
            writer.write([make_record(1)], timeout_s=60)

        assert fake.ids() == [make_record(1).id]

    def test_not_open(self, make_writer: Callable[..., TrubricsWriter]) -> None:
        """
        What a closed writer is given waits.
        """
        with pytest.raises(TryLater) as caught:
            make_writer().write([make_record(1)], timeout_s=60)

        assert caught.value.nothing_written

    def test_a_batch_that_is_refused(self, fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter]) -> None:
        """
        Of a batch that is refused nothing was written, and the writer says so.
        """
        fake.refuses = {make_record(1).prompt}
        writer = make_writer()
        writer.open()
        with pytest.raises(Rejected) as caught:
            writer.write([make_record(0), make_record(1)], timeout_s=60)

        assert caught.value.nothing_written
        assert fake.events == []
