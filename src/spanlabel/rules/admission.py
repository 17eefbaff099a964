"""The rules that look back: `dedup` and `per_day`. They see records, redacted as far as that was asked for.

- `dedup`: of records that ask the same within a window, only the first passes; the others are counted on it, in the
  metadata `duplicates`. The same means: equal questions of the user, from the first of the conversation to the last,
  in the same service, whatever their case, width and white space.
- `per_day`: at most so many records pass for each day (UTC).

Day and window go by when a run began, as its spans say, and not by when it was read. So a replay and a late batch
decide as the first time. A run whose spans have no time belongs to the day that the caller's clock gives.

A record that comes again, by a late span or a replay, is known by its id: it neither takes another place nor is a
duplicate of itself. What must be remembered for that is a `Book`; the caller brings one, which may outlive the process.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Protocol

from spanlabel.model import Record

from .dropped import Dropped

TELL_EVERY_S = 60.0
"""Seconds between two updates of counts on records that have left already, so that a question that everybody asks
does not become an update for each time it is asked."""

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of a record that passed.

    Attributes:
        id: The record's id.
        trace_id: Its trace.
        asked: Digest of its question; empty if it asks nothing.
        time_s: When its run began, Unix time in whole seconds.
    """

    id: str
    trace_id: str
    asked: bytes
    time_s: int


class Page(Protocol):
    """The book while it is open. What is done is kept as a whole, or not at all."""

    def find(self, record_id: str) -> Entry | None:
        """The entry of a record that passed."""

    def first_to_ask(self, asked: bytes, time_s: int, window_s: float) -> str | None:
        """Id of a record that passed with this question, and began less than *window_s* before or after."""

    def on_day(self, day: int) -> int:
        """How many records have passed for a day (number since 1970)."""

    def add(self, entry: Entry, day: int | None) -> None:
        """Remember a record that passes; None if its place on the day is taken already."""

    def remove(self, record_id: str) -> None:
        """Forget a record. Its place on its day stays taken."""

    def give_back(self, day: int) -> None:
        """One record fewer has passed for a day, because it was taken back."""

    def add_duplicate(self, record_id: str, first_id: str) -> None:
        """Count a record on another one; the same one is counted once."""

    def duplicates(self, record_id: str) -> int:
        """How many were counted on a record."""

    def keep(self, record: Record) -> None:
        """Keep the record itself, which tells its count now, to tell a higher one later."""

    def take_untold(self) -> list[tuple[Record, int]]:
        """Records whose count is higher than they tell, as `keep` got them, and that count; from now on it is told."""

    def of_trace(self, trace_id: str) -> list[Entry]:
        """The records of a trace that passed."""


class Book(Protocol):
    """What is remembered of the records that passed."""

    def open(self) -> AbstractContextManager[Page]:
        """Open it; nobody else writes meanwhile.

        Raises:
            StoreError: It cannot be used.
        """

    def close(self) -> None:
        """Let go of files."""


class Admission:
    """Lets records pass or not. One thread at a time calls it.

    Args:
        book: What is remembered.
        per_day: How many pass for each day; None for all.
        window_s: Seconds within which equal questions are one; 0 for never.
        clock: Gives Unix time in seconds; asked only for runs whose spans have no time.
    """

    def __init__(
        self, book: Book, *, per_day: int | None = None, window_s: float = 0.0, clock: Callable[[], float]
    ) -> None:
        self._book = book
        self._clock = clock
        self._per_day = per_day
        self._window_s = window_s
        self._tell_at_s: float | None = None
        self._is_fresh = True

    def take(self, records: Sequence[Record], *, again: Collection[str], now_s: float) -> list[Record | Dropped]:
        """Decide for each record.

        Args:
            records: What the other rules let pass, in order.
            again: Ids of traces that were read before. What such a trace told and does not tell now is forgotten.
            now_s: By any clock; for `due_s`.

        Returns:
            For each: the record, with its count if there is one, or why it is dropped.

        Raises:
            StoreError: The book cannot be used; nothing was decided.
        """
        with self._book.open() as page:
            told = {record.id for record in records}
            for trace_id in again:
                for gone in page.of_trace(trace_id):
                    if gone.id not in told:
                        page.remove(gone.id)
                        page.give_back(gone.time_s // DAY_S)
            decided = [self._decide(page, record) for record in records]
            done = [one if isinstance(one, Dropped) else self._counted(page, one) for one in decided]
        if self._tell_at_s is None and (self._is_fresh or any(isinstance(one, Dropped) for one in done)):
            # The first time too: what another process counted last may not be told.
            self._tell_at_s = now_s + TELL_EVERY_S if self._window_s else None
        self._is_fresh = False
        return done

    def recounted(self, now_s: float, *, is_last: bool = False) -> list[Record]:
        """Records that left before and whose count has grown, with their count; they are to be written again.

        Args:
            now_s: As for `take`.
            is_last: Now, whether they are due or not.

        Raises:
            StoreError: The book cannot be used.
        """
        if self._tell_at_s is None or not (is_last or now_s >= self._tell_at_s):
            return []
        self._tell_at_s = None
        with self._book.open() as page:
            return [_with_count(record, n) for record, n in page.take_untold()]

    @property
    def due_s(self) -> float | None:
        """When to call `recounted`, by the clock of `take`; None if nothing is to be told."""
        return self._tell_at_s

    def close(self) -> None:
        """Let go of files."""
        self._book.close()

    def _decide(self, page: Page, record: Record) -> Record | Dropped:
        time_s = record.time_ns // 10**9
        asked = question_of(record) if self._window_s else b""
        entry = Entry(record.id, record.trace_id, asked, time_s)
        known = page.find(record.id)
        if known is not None and known.asked == asked:
            return record
        if known is not None:  # it asks something else now
            page.remove(record.id)
        first = page.first_to_ask(asked, time_s, self._window_s) if asked else None
        if first is not None:
            page.add_duplicate(record.id, first)
            return Dropped("dedup", f"record {first} asks the same (dedup = {self._window_s:g} s)")
        day = (time_s or int(self._clock())) // DAY_S
        if known is None and self._per_day is not None and page.on_day(day) >= self._per_day:
            return Dropped("per_day", f"the {self._per_day} records of its day have passed (per_day)")
        page.add(entry, day if known is None else None)
        return record

    def _counted(self, page: Page, record: Record) -> Record:
        if not self._window_s:
            return record
        n = page.duplicates(record.id)
        record = _with_count(record, n) if n else record
        page.keep(record)
        return record


def question_of(record: Record) -> bytes:
    """Digest of what the user asked, with what he said before in the same conversation; empty if that is nothing."""
    said = [normalized(message.text) for message in record.messages if message.role == "user"]
    prompt = normalized(record.prompt)
    if not prompt:
        return b""
    service = record.metadata.get("service", "")
    if said[-1:] == [prompt]:
        said.pop()
    return blake2b(repr((service, said, prompt)).encode("utf-8"), digest_size=16).digest()


def normalized(text: str) -> str:
    """A text without what does not change its meaning: case, width, accents' way of coding, white space."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


_SPACE = re.compile(r"\s+")


def _with_count(record: Record, n: int) -> Record:
    return replace(record, metadata={**record.metadata, "duplicates": n})
