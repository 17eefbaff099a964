"""dedup and per_day: the rules that look back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.delivery.admitted import FileBook, PassingBook
from spanlabel.model import Message, Record, Text
from spanlabel.rules import Dropped
from spanlabel.rules.admission import DAY_S, TELL_EVERY_S, Admission, Book, normalized
from spanlabel.testing import make_record

HOUR_S = 3_600.0
NS = 10**9


def record(number: int, prompt: str = "Why?", *, day: int = 20_000, second: int = 0, **more: str) -> Record:
    """A record of its own run, which began on a day."""
    return replace(make_record(number, prompt=prompt, **more), time_ns=(day * DAY_S + second) * NS)


def take(admission: Admission, records: Sequence[Record], now_s: float = 0.0, again: Sequence[str] = ()) -> list[str]:
    """What becomes of each record: its count as text, or the rule that drops it."""
    done = admission.take(records, again=again, now_s=now_s)
    return [one.rule if isinstance(one, Dropped) else str(one.metadata.get("duplicates", 0)) for one in done]


def never() -> float:
    raise AssertionError("the clock was asked, though the spans have a time")


@pytest.fixture(params=["passing", "file"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    book = PassingBook() if request.param == "passing" else FileBook(tmp_path / "rules.db")
    yield book
    book.close()


@pytest.fixture
def dedup(book: Book) -> Admission:
    return Admission(book, window_s=HOUR_S, clock=never)


@pytest.fixture
def capped(book: Book) -> Admission:
    return Admission(book, per_day=2, clock=never)


class TestDedup:
    def test_equal_questions(self, dedup: Admission) -> None:
        """
        Of equal questions the first gives a record, and it says how many others there were.
        """
        records = [
            record(1, "What is OTLP?"),
            record(2, "Why?"),
            record(3, " what  is\notlp?"),
            record(4, "WHAT IS OTLP?"),
        ]

        assert take(dedup, records) == ["2", "0", "dedup", "dedup"]

    def test_the_reason_names_the_record_that_is_kept(self, dedup: Admission) -> None:
        """
        Who asks why there is no record is shown the one that stands for it.
        """
        first, second = record(1), record(2)
        [_, dropped] = dedup.take([first, second], again=(), now_s=0)

        assert isinstance(dropped, Dropped)
        assert dropped.why == f"record {first.id} asks the same (dedup = 3600 s)"

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(record(2, "Why not?"), id="another question"),
            pytest.param(record(2, service="desk"), id="another service"),
            pytest.param(record(2, second=3_600), id="after the window"),
            pytest.param(record(2, second=-3_600), id="before the window"),
            pytest.param(
                replace(record(2), messages=(Message("user", (Text("Is it?"),)), Message("user", (Text("Why?"),)))),
                id="after another question",
            ),
        ],
    )
    def test_what_is_not_the_same(self, dedup: Admission, other: Record) -> None:
        """
        Another question, service, conversation or time is no duplicate.
        """
        assert take(dedup, [record(1), other]) == ["0", "0"]

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(record(2, second=3_599), id="late in the window"),
            pytest.param(record(2, second=-3_599), id="read later than it was asked"),
            pytest.param(record(2, model="another"), id="another model"),
            pytest.param(replace(record(2), messages=()), id="messages that were not captured"),
            pytest.param(
                replace(
                    record(2), messages=(Message("system", (Text("It is 12:03"),)), Message("user", (Text("Why?"),)))
                ),
                id="other instructions",
            ),
        ],
    )
    def test_what_is_the_same(self, dedup: Admission, other: Record) -> None:
        """
        The same question within the window is a duplicate, whatever the system's instructions and the model are.
        """
        assert take(dedup, [record(1), other]) == ["1", "dedup"]

    def test_no_question(self, dedup: Admission) -> None:
        """
        Records without a question are not taken for equal.
        """
        assert take(dedup, [record(1, " "), record(2, "")]) == ["0", "0"]

    def test_after_the_window_a_new_one_is_kept(self, dedup: Admission) -> None:
        """
        Each window has a record of its own, which counts its own duplicates.
        """
        seconds = (0, 10, 4_000, 4_010, 4_020)

        done = take(dedup, [record(number, second=second) for number, second in enumerate(seconds, 1)])

        assert done == ["1", "dedup", "2", "dedup", "dedup"]

    def test_again(self, dedup: Admission) -> None:
        """
        Records that come again, by a late span or a replay, fare as before and are counted once.
        """
        records = [record(1), record(2), record(3)]
        take(dedup, records)

        assert take(dedup, records) == take(dedup, records[::-1])[::-1] == ["2", "dedup", "dedup"]

    def test_again_with_another_question(self, dedup: Admission) -> None:
        """
        A late span that changes the question makes a duplicate a record of its own, and a record a duplicate.
        """
        take(dedup, [record(1, "a"), record(2, "a"), record(3, "b")])

        assert take(dedup, [record(2, "c")]) == ["0"]
        assert take(dedup, [record(3, "a")]) == ["dedup"]
        assert take(dedup, [record(4, "b")]) == ["0"]

    def test_a_trace_that_is_told_by_another_record(self, dedup: Admission) -> None:
        """
        When a late span moves the pair to another span, the new record is no duplicate of the one it replaces.
        """
        old = record(1)
        new = replace(old, id="another")
        take(dedup, [old])

        assert take(dedup, [new], again=[old.trace_id]) == ["0"]

    def test_a_record_that_is_taken_back(self, dedup: Admission) -> None:
        """
        When a trace, read again, tells nothing any more, the next who asks the same gets a record.
        """
        take(dedup, [record(1)])
        take(dedup, [], again=[record(1).trace_id])

        assert take(dedup, [record(2), record(3)]) == ["1", "dedup"]

    def test_two_turns_of_one_trace(self, dedup: Admission) -> None:
        """
        The same question twice within one trace is a duplicate, also when the trace is read again.
        """
        first = record(1)
        second = replace(first, id="second")

        assert take(dedup, [first, second]) == ["1", "dedup"]
        assert take(dedup, [first, second], again=[first.trace_id]) == ["1", "dedup"]

    def test_a_count_that_grows_later(self, dedup: Admission) -> None:
        """
        A record that has left already is written again with its count, a minute later and once for all until then.
        """
        first = record(1)
        take(dedup, [first], now_s=0)
        dedup.recounted(TELL_EVERY_S)
        take(dedup, [record(2), record(3)], now_s=100)
        take(dedup, [record(4)], now_s=110)

        assert dedup.due_s == 100 + TELL_EVERY_S
        assert dedup.recounted(159.9) == []
        assert dedup.recounted(160) == [replace(first, metadata={**first.metadata, "duplicates": 3})]
        assert dedup.due_s is None
        assert dedup.recounted(1_000, is_last=True) == []

    def test_the_last_count_does_not_wait(self, dedup: Admission) -> None:
        """
        At shutdown what was counted is told at once.
        """
        take(dedup, [record(1)])
        take(dedup, [record(2)])

        assert [one.metadata["duplicates"] for one in dedup.recounted(1, is_last=True)] == [1]


class TestPerDay:
    def test_a_cap(self, capped: Admission) -> None:
        """
        The first two of each day pass, by the day on which their run began, in whatever order the days come.
        """
        records = [record(n, day=20_000 + day) for n, day in enumerate((0, 1, 0, 0, 1, 1, 0, 2), 1)]

        assert take(capped, records) == ["0", "0", "0", "per_day", "0", "per_day", "per_day", "0"]

    def test_again(self, capped: Admission) -> None:
        """
        A record that comes again takes no second place, and one that found none finds none.
        """
        records = [record(1), record(2), record(3)]

        assert take(capped, records) == take(capped, records) == ["0", "0", "per_day"]
        assert take(capped, [record(1, "another question")]) == ["0"]

    def test_a_trace_that_is_told_by_another_record(self, capped: Admission) -> None:
        """
        When a late span moves the pair to another span, the new record takes the place of the one it replaces.
        """
        take(capped, [record(1), record(2)])
        moved = replace(record(1), id="another")

        assert take(capped, [moved, record(3)], again=[moved.trace_id]) == ["0", "per_day"]

    def test_without_a_time(self, book: Book) -> None:
        """
        Runs whose spans have no time belong to the day on which they are read.
        """
        days = iter([5.0, 5.5, 5.9, 6.0])
        admission = Admission(book, per_day=2, clock=lambda: next(days) * DAY_S)

        assert take(admission, [replace(record(n), time_ns=0) for n in (1, 2, 3, 4)]) == ["0", "0", "per_day", "0"]

    def test_nothing_is_told_later(self, capped: Admission) -> None:
        """
        Without dedup no record is kept to be written again.
        """
        take(capped, [record(n) for n in range(1, 9)])

        assert capped.due_s is None
        assert capped.recounted(1_000, is_last=True) == []

    def test_another_question_takes_no_second_place(self, book: Book) -> None:
        """
        A record whose question a late span changes keeps the place that it has.
        """
        admission = Admission(book, per_day=2, window_s=HOUR_S, clock=never)

        assert take(admission, [record(1, "a"), record(1, "b"), record(2, "c"), record(3, "d")]) == [
            "0",
            "0",
            "0",
            "per_day",
        ]

    def test_duplicates_take_no_place(self, book: Book) -> None:
        """
        With both rules only what is kept counts for the day.
        """
        admission = Admission(book, per_day=2, window_s=HOUR_S, clock=never)
        records = [record(1, "a"), record(2, "a"), record(3, "a"), record(4, "b"), record(5, "c"), record(6, "c")]

        assert take(admission, records) == ["2", "dedup", "dedup", "0", "per_day", "per_day"]


class TestRestart:
    def test_both_go_on(self, tmp_path: Path) -> None:
        """
        After a restart a duplicate is a duplicate, the day's places are taken, and counts that were not told are told.
        """

        def start() -> Admission:
            return Admission(FileBook(tmp_path / "rules.db"), per_day=2, window_s=HOUR_S, clock=never)

        before = start()
        take(before, [record(1, "a"), record(2, "b")])
        take(before, [record(3, "a")])
        before.close()
        after = start()

        assert take(after, [record(4, "a"), record(5, "c"), record(3, "a")]) == ["dedup", "per_day", "dedup"]
        assert [(one.id, one.metadata["duplicates"]) for one in after.recounted(0, is_last=True)] == [(record(1).id, 2)]
        after.close()

    def test_several_processes(self, tmp_path: Path) -> None:
        """
        Workers of one server that share a home share the cap, and know each other's questions.
        """
        one, two = (
            Admission(FileBook(tmp_path / "rules.db"), per_day=3, window_s=HOUR_S, clock=never) for _ in range(2)
        )

        assert take(one, [record(1, "a")]) == ["0"]
        assert take(two, [record(2, "a"), record(3, "b")]) == ["dedup", "0"]
        assert take(one, [record(4, "b"), record(5, "c"), record(6, "d")]) == ["dedup", "0", "per_day"]
        one.close()
        two.close()


@given(st.lists(st.tuples(st.integers(1, 12), st.sampled_from("abc"), st.integers(0, 2)), max_size=40))
def test_any_order(given_records: list[tuple[int, str, int]]) -> None:
    """
    Whatever comes, how often and in which order: of each question one record passes in a window, no day gets more
    than its cap, and the counts add up to what was dropped as a duplicate.
    """
    admission = Admission(PassingBook(), per_day=3, window_s=DAY_S / 2, clock=never)
    known = {number: record(number, prompt, day=20_000 + day) for number, prompt, day in given_records}
    passed: dict[str, Record] = {}
    dropped: dict[str, str] = {}
    for number, _, _ in given_records:
        one = known[number]
        [done] = admission.take([one], again=(), now_s=0)
        if isinstance(done, Dropped):
            dropped[one.id] = done.rule
        else:
            passed[one.id] = done
    for told in admission.recounted(0, is_last=True):
        passed[told.id] = told
    admission.close()

    by_day = [one.time_ns // (DAY_S * NS) for one in passed.values()]
    assert all(by_day.count(day) <= 3 for day in by_day)
    asked = [(one.prompt, one.time_ns // (DAY_S * NS)) for one in passed.values()]
    assert len(asked) == len(set(asked))
    counted = sum(int(str(one.metadata.get("duplicates", 0))) for one in passed.values())
    assert counted == list(dropped.values()).count("dedup")
    assert not set(passed) & set(dropped)


def test_normalized() -> None:
    """
    Case, width, white space and ways of coding an accent do not make another question; words do.
    """
    assert normalized("  Straße\u00a0\uff11\uff12 Cafe\u0301\n") == normalized("STRASSE 12 café")
    assert normalized("now") != normalized("know")
