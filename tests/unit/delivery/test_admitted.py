"""The memory of dedup and per_day: a small file that is private and does not grow without end."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanlabel.delivery import admitted
from spanlabel.delivery.admitted import FileBook, PassingBook
from spanlabel.errors import StoreError
from spanlabel.records import to_json
from spanlabel.rules.admission import Admission, Book, Entry
from spanlabel.testing import make_record


@pytest.fixture(params=["passing", "file"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    book = PassingBook() if request.param == "passing" else FileBook(tmp_path / "rules.db")
    yield book
    book.close()


def entry(number: int, asked: bytes = b"a", time_s: int = 100) -> Entry:
    record = make_record(number)
    return Entry(record.id, record.trace_id, asked, time_s)


class TestPage:
    def test_an_entry(self, book: Book) -> None:
        """
        What was remembered is found by its id, by its trace and by its question.
        """
        one = entry(1)
        with book.open() as page:
            page.add(one, 7)

        with book.open() as page:
            assert page.find(one.id) == one
            assert page.find("another") is None
            assert page.of_trace(one.trace_id) == [one]
            assert page.first_to_ask(b"a", 105, 10) == one.id
            assert page.first_to_ask(b"b", 105, 10) is None
            assert (page.on_day(7), page.on_day(8)) == (1, 0)

    @pytest.mark.parametrize(("time_s", "is_near"), [(91, True), (90, False), (109, True), (110, False)])
    def test_the_window(self, book: Book, time_s: int, is_near: bool) -> None:
        """
        The window reaches to both sides, and does not hold its ends.
        """
        with book.open() as page:
            page.add(entry(1), None)

            assert (page.first_to_ask(b"a", time_s, 10) is not None) is is_near

    def test_removed(self, book: Book) -> None:
        """
        What was removed is not found; its place on its day stays taken until it is given back.
        """
        one = entry(1)
        with book.open() as page:
            page.add(one, 7)
            page.remove(one.id)

            assert page.find(one.id) is None
            assert page.first_to_ask(b"a", 100, 10) is None
            assert page.on_day(7) == 1
            page.give_back(7)
            page.give_back(8)
            assert (page.on_day(7), page.on_day(8)) == (0, 0)

    def test_duplicates(self, book: Book) -> None:
        """
        A duplicate is counted once on a record, and on another one if it turns to that.
        """
        first, second = entry(1), entry(2)
        with book.open() as page:
            page.add(first, None)
            page.add(second, None)
            for _ in range(2):
                page.add_duplicate("x", first.id)
            page.add_duplicate("y", first.id)
            page.add_duplicate("y", second.id)

            assert (page.duplicates(first.id), page.duplicates(second.id), page.duplicates("x")) == (2, 1, 0)

    def test_untold(self, book: Book) -> None:
        """
        A record whose count has grown since it was kept is handed out once.
        """
        one = make_record(1)
        with book.open() as page:
            page.add(entry(1), None)
            page.keep(one)
            assert page.take_untold() == []
            page.add_duplicate("x", one.id)

            assert page.take_untold() == [(one, 1)]
            assert page.take_untold() == []

    def test_a_record_of_another_version(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A record that cannot be read any more is passed over; the others are told.
        """
        with book.open() as page:
            for number in (1, 2):
                page.add(entry(number), None)
                monkeypatch.setattr(admitted, "to_json", to_json if number == 2 else lambda _: "{}")
                page.keep(make_record(number))
                page.add_duplicate(f"x{number}", entry(number).id)

            assert page.take_untold() == [(make_record(2), 1)]

    def test_all_or_nothing(self, book: Book) -> None:
        """
        If something goes wrong half-way nothing of it is remembered.
        """

        def go_wrong() -> None:
            with book.open() as page:
                page.add(entry(1), 7)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            go_wrong()

        with book.open() as page:
            assert (page.find(entry(1).id), page.on_day(7)) == (None, 0)


class TestBounds:
    def test_the_oldest_are_forgotten(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        The newest entries and duplicates are remembered; a day's count does not depend on them.
        """
        monkeypatch.setattr(admitted, "ROWS", 10)
        with book.open() as page:
            for number in range(1, 31):
                page.add(entry(number), 7)
                page.add_duplicate(f"x{number}", entry(number).id)

            found = [page.find(entry(number).id) is not None for number in range(1, 31)]
            assert found == [False] * 20 + [True] * 10
            assert page.on_day(7) == 30

    def test_only_the_newest_texts_are_kept(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Records that are too old or too long to be kept are not written again; the others are.
        """
        monkeypatch.setattr(admitted, "TEXTS", 2)
        long = make_record(5, prompt="x" * admitted.LONGEST)
        with book.open() as page:
            for number in range(1, 5):
                page.add(entry(number), None)
                page.keep(make_record(number))
            page.add(entry(5), None)
            page.keep(long)
            for number in range(1, 6):
                page.add_duplicate(f"x{number}", entry(number).id)

            assert [(record.id, n) for record, n in page.take_untold()] == [(entry(4).id, 1)]
            assert page.duplicates(long.id) == 1


class TestFile:
    def test_it_is_private(self, tmp_path: Path) -> None:
        """
        Only its owner may read the file, which may hold what people wrote.
        """
        path = tmp_path / "home" / "rules.db"
        book = FileBook(path)
        with book.open() as page:
            page.add(entry(1), None)

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        book.close()

    def test_it_is_opened_when_needed(self, tmp_path: Path) -> None:
        """
        Nothing is made before the first use, and after closing it can be used again.
        """
        book = FileBook(tmp_path / "rules.db")
        assert not os.listdir(tmp_path)
        with book.open() as page:
            page.add(entry(1), None)
        book.close()

        with book.open() as page:
            assert page.find(entry(1).id) == entry(1)
        book.close()

    def test_something_else(self, tmp_path: Path) -> None:
        """
        A file of another kind is left alone, and the error names it.
        """
        path = tmp_path / "rules.db"
        path.write_bytes(b"hello")

        with pytest.raises(StoreError, match=r"rules\.db"), FileBook(path).open():
            pass

        assert path.read_bytes() == b"hello"


def test_the_text_of_the_question_is_not_in_the_file_without_dedup(tmp_path: Path) -> None:
    """
    per_day alone remembers ids, and nothing of what was said.
    """
    admission = Admission(FileBook(tmp_path / "rules.db"), per_day=5, clock=lambda: 0.0)
    admission.take([make_record(1, prompt="a very special question")], again=(), now_s=0)

    assert not any(b"special" in path.read_bytes() for path in tmp_path.iterdir())
    admission.close()
