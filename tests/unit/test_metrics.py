from __future__ import annotations

import pytest

from spanlabel.metrics import Counts, Metric, check_conservation


def make_counts(**changes: int) -> Counts:
    """Ten spans, three pairs of which one is dropped, two records for each of two destinations; all in order."""
    counts = Counts()
    counts.add(Metric.SPANS_RECEIVED, 10)
    counts.set(Metric.SPANS_HELD, 4)
    counts.add(Metric.SPANS_DECIDED, 5, reason="root_ended")
    counts.add(Metric.SPANS_DECIDED, 1, reason="idle")
    counts.add(Metric.PAIRS, 3)
    counts.add(Metric.PAIRS_DROPPED, 1, rule="unsure")
    counts.add(Metric.RECORDS_MADE, 2, destination="a")
    counts.set(Metric.RECORDS_WAITING, 1, destination="a")
    counts.add(Metric.RECORDS_DELIVERED, 1, destination="a")
    counts.add(Metric.RECORDS_MADE, 2, destination="b")
    counts.add(Metric.RECORDS_DEAD, 1, destination="b")
    counts.add(Metric.RECORDS_DROPPED, 1, destination="b", reason="outbox_full")
    for name, n in changes.items():
        metric = Metric[name]
        counts.add(metric, n, **dict.fromkeys(metric.value.labels, "b"))
    return counts


class TestConservation:
    def test_all_in_order(self) -> None:
        """
        When everything is accounted for there is nothing to say; an empty pipeline is in order too.
        """
        assert check_conservation(make_counts()) == []
        assert check_conservation(Counts()) == []

    @pytest.mark.parametrize(
        ("changes", "broken"),
        [
            pytest.param({"SPANS_RECEIVED": 1}, ["11 spans received, but 4 held + 6 decided = 10"], id="span lost"),
            pytest.param({"SPANS_DECIDED": 1}, ["10 spans received, but 4 held + 7 decided = 11"], id="span twice"),
            pytest.param(
                {"PAIRS": 1},
                [
                    "4 pairs for a, but 2 records made + 1 dropped = 3",
                    "4 pairs for b, but 2 records made + 1 dropped = 3",
                ],
                id="pair lost",
            ),
            pytest.param(
                {"RECORDS_DELIVERED": 1},
                [
                    (
                        "2 records made for b, but 0 waiting + 1 delivered + 0 superseded + 1 dropped"
                        " + 1 dead + 0 unknown = 3"
                    ),
                ],
                id="record twice",
            ),
            pytest.param(
                {"RECORDS_MADE": 1},
                [
                    "3 pairs for b, but 3 records made + 1 dropped = 4",
                    (
                        "3 records made for b, but 0 waiting + 0 delivered + 0 superseded + 1 dropped"
                        " + 1 dead + 0 unknown = 2"
                    ),
                ],
                id="record from nowhere",
            ),
        ],
    )
    def test_broken(self, changes: dict[str, int], broken: list[str]) -> None:
        """
        Each broken equation is said in words, with its numbers and its destination.
        """
        assert check_conservation(make_counts(**changes)) == broken

    def test_pairs_that_are_only_printed(self) -> None:
        """
        Where no destination takes part, pairs need no record.
        """
        counts = Counts()
        counts.add(Metric.PAIRS, 3)
        counts.add(Metric.PAIRS_DROPPED, 1, rule="unsure")

        assert check_conservation(counts) == []


class TestCounts:
    def test_total_over_labels(self) -> None:
        """
        A total may be asked for all labels or for some.
        """
        counts = make_counts()

        assert counts.total(Metric.RECORDS_MADE) == 4
        assert counts.total(Metric.RECORDS_MADE, destination="a") == 2
        assert counts.total(Metric.RECORDS_DROPPED, destination="b") == 1
