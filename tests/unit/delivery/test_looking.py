from spanlabel.delivery import Outbox, Tally
from spanlabel.metrics import Counts, Metric
from spanlabel.testing import make_record


class TestEntries:
    def test_what_became_of_a_record(self, outbox: Outbox) -> None:
        """
        A record is found by the beginning of its id for each destination, with its fate and its content.
        """
        record = make_record(1)
        outbox.put([record, make_record(2)], ["a", "b"], now_s=1.0)
        outbox.delivered("a", outbox.lease("a", 1, now_s=2.0), now_s=3.0)
        outbox.dead("b", outbox.lease("b", 1, now_s=2.0), "too long", now_s=4.0)

        first, second = outbox.entries(record.id[:10])

        assert (first.destination, first.state, first.payload, first.changed_s) == ("a", "delivered", None, 3.0)
        assert (second.destination, second.state, second.error, second.attempts) == ("b", "dead", "too long", 1)
        assert record.prompt in (second.payload or "")
        assert outbox.entries("zzz") == []

    def test_the_next_one(self, outbox: Outbox) -> None:
        """
        The oldest record that waits is the next one; where none waits there is none.
        """
        assert outbox.first_waiting("d") is None
        outbox.put([make_record(1), make_record(2)], ["d"], now_s=1.0)
        outbox.delivered("d", outbox.lease("d", 1, now_s=2.0), now_s=2.0)

        found = outbox.first_waiting("d")

        assert found is not None
        assert (found.id, found.state, found.attempts) == (make_record(2).id, "pending", 0)


class TestHurry:
    def test_due_at_once(self, outbox: Outbox) -> None:
        """
        What waits for its next try is due at once; how often it was tried stays known.
        """
        outbox.put([make_record(1)], ["d"], now_s=0.0)
        outbox.try_later("d", outbox.lease("d", 1, now_s=0.0), "no", next_attempt_s=900.0, now_s=0.0)

        assert outbox.due_in_s("d", now_s=1.0) == 899.0
        assert outbox.hurry("d") == 1
        assert outbox.hurry("d") == 0
        [leased] = outbox.lease("d", 1, now_s=1.0)
        assert leased.attempts == 2


class TestPurge:
    def test_refused_ones(self, outbox: Outbox) -> None:
        """
        Refused records are gone, and are still counted as refused.
        """
        outbox.put([make_record(1), make_record(2)], ["d"], now_s=0.0)
        outbox.dead("d", outbox.lease("d", 1, now_s=0.0), "no", now_s=0.0)

        assert outbox.purge("d", "dead") == 1

        assert outbox.dead_letters("d") == []
        assert outbox.tally("d") == Tally(made=2, waiting=1, dead=1)

    def test_waiting_ones(self, outbox: Outbox, counts: Counts) -> None:
        """
        Records that waited are gone and counted as dropped; the same spans make them anew.
        """
        outbox.put([make_record(1), make_record(2)], ["d"], now_s=0.0)

        assert outbox.purge("d", "waiting") == 2
        assert outbox.tally("d") == Tally(made=2, dropped=2)
        assert counts.total(Metric.RECORDS_DROPPED, destination="d", reason="purged") == 2
        outbox.put([make_record(1)], ["d"], now_s=1.0)
        assert outbox.tally("d").waiting == 1

    def test_one_that_is_being_sent(self, outbox: Outbox) -> None:
        """
        One that is on its way while it is purged counts as dropped once; if it comes again, it is known that the
        platform may have it.
        """
        outbox.put([make_record(1)], ["d"], now_s=0.0)
        leased = outbox.lease("d", 1, now_s=0.0)

        assert outbox.purge("d", "waiting") == 1
        assert outbox.delivered("d", leased, now_s=1.0) == 0
        assert outbox.tally("d") == Tally(made=1, dropped=1)
        outbox.put([make_record(1)], ["d"], now_s=2.0)
        assert outbox.lease("d", 1, now_s=2.0)[0].attempts == 2

    def test_other_destinations_stay(self, outbox: Outbox) -> None:
        """
        What waits for another destination is left alone.
        """
        outbox.put([make_record(1)], ["a", "b"], now_s=0.0)
        outbox.purge("a", "waiting")

        assert outbox.tally("b") == Tally(made=1, waiting=1)
