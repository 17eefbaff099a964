"""The journal: takes entries in, gives them out in order, and forgets what nobody needs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from weakref import WeakSet

from spanlabel.database import store_errors
from spanlabel.errors import StoreError

from .books import DAMAGED, Books
from .entry import Entry, Fsync, State
from .folder import FolderLock
from .frame import FRAME_BYTES, HEADER_BYTES, read_frame
from .released import ReleasedIds
from .segment import SUFFIX, Segment, find_segment
from .tail import Tail
from .tidying import Slim, Tidying
from .writing import Done, Writing

_MIB: Final = 1024 * 1024
_LEAST_SEGMENTS: Final = 8


class Journal:
    """An append-only log on a local disk that is also the queue it is read from.

    Any thread appends; one thread takes, and says what is needed and released. A thread of the journal's own writes.
    `open` comes before everything else, once; after `close` another `Journal` may be opened on the folder. In a forked
    child it is closed: the parent goes on with it.

    Args:
        folder: Made if it is not there; used by one journal at a time.
        fsync: How safe an entry is when its append is done.
        max_bytes: Bound of what all segments take on disk. At most 1/16 of it is left free, for moving entries.
        segment_bytes: Size of one file; less if *max_bytes* is below eight of them.
        memory_bytes: Bound of the bodies in memory that wait to be taken, and again of those that wait to be written.
        slim: Makes an entry shorter when it is moved: gets kind, body and the trace ids that are still needed, returns
            the new body. Without it entries are moved as they are. The writing thread calls it.
        remembered: How many ids of released traces are kept: at most this, and at least half of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fsync: Fsync,
        max_bytes: int,
        segment_bytes: int = 64 * _MIB,
        memory_bytes: int = 64 * _MIB,
        slim: Slim | None = None,
        remembered: int = 200_000,
    ) -> None:
        self._folder = folder
        self._fsync = fsync
        self._max_bytes = max_bytes
        self._segment_bytes = min(segment_bytes, max_bytes // _LEAST_SEGMENTS)
        self._memory_bytes = memory_bytes
        self._slim = slim
        self._books = Books(memory_bytes)
        self._folder_lock = FolderLock(folder)
        self._released = ReleasedIds(folder, limit=remembered, synced=fsync is not Fsync.NEVER)
        self._released_before: list[str] = []
        self._last_left = 0
        self._replay_left = 0
        self._reading: tuple[int, int] | None = None
        self._tail: Tail | None = None
        self._writing: Writing | None = None
        _journals.add(self)

    def open(self) -> None:
        """Get the folder's lock, and find what is to be taken again.

        Raises:
            StoreError: Another process has the folder, it cannot be used, or a newer spanlabel made a file in it.
        """
        self._folder_lock.acquire()
        try:
            with store_errors(self._folder):
                self._find_segments()
                self._released_before = self._released.open()
        except BaseException:
            self._folder_lock.release()
            raise
        self._tail = tail = Tail(
            self._folder,
            self._books,
            fsync=self._fsync,
            segment_bytes=self._segment_bytes,
            next_number=self._last_left + 1,
        )
        tidying = Tidying(self._folder, self._books, tail, self._released, max_bytes=self._max_bytes, slim=self._slim)
        self._writing = Writing(
            self._folder,
            self._books,
            tail,
            tidying,
            fsync=self._fsync,
            # What is left free is for moving entries, so that a full journal can become empty again.
            budget_bytes=self._max_bytes - self._segment_bytes // 2,
            memory_bytes=self._memory_bytes,
        )
        self._books.is_open = True
        self._writing.start()

    def append(self, kind: int, body: bytes, done: Done) -> None:
        """Hand an entry in; returns at once. Any thread may call it.

        Args:
            kind: 0 to 255.
            body: Anything; also nothing.
            done: Is called once: with None when the entry is as safe as the policy says; with a `TryLater` (no room)
                or a `StoreError` (the disk fails, the journal is closed, the entry is larger than the journal) if it
                was not taken in. The writing thread calls it; if no disk is needed for a refusal, this thread does,
                before `append` returns. It must be quick.
        """
        if self._writing is None:
            done(StoreError(f"{self._folder}: the journal is not open"))
        else:
            self._writing.append(kind, body, done)

    def take(self, timeout_s: float) -> Entry | None:
        """The next entry, in order; what an earlier process left comes first.

        Returns:
            None if nothing came within the time, or the journal was closed.
        """
        books, give_up = self._books, time.monotonic() + timeout_s
        while True:
            with books.lock:
                while books.is_open and not books.waiting.entries:
                    left_s = give_up - time.monotonic()
                    if left_s <= 0 or not books.arrived.wait(left_s):
                        return None
                if not books.is_open:
                    return None
                entry = books.waiting.fresh(books.needs.segments)
                if entry is not None:
                    self._count(entry)
                    return entry
                segment, offset = books.waiting.place(books.needs.segments, HEADER_BYTES)
                size = segment.size_bytes
            entry = self._take_from_disk(segment, offset, size)
            if entry is not None:
                return entry

    def needs(self, entry: Entry, trace_ids: Iterable[str]) -> None:
        """Say which traces an entry holds parts of; once for each entry that was taken. The reading thread calls it.

        Until it is said the entry's file stays.

        Args:
            entry: As `take` gave it.
            trace_ids: 32 hex digits each; none if nobody needs the entry.
        """
        with self._books.lock:
            segment = self._books.needs.segments[entry.segment]
            self._books.needs.tell(segment, entry.offset, FRAME_BYTES + len(entry.body), trace_ids)
            if segment.is_sealed and not segment.is_needed:
                self._books.tidy_soon()

    def release(self, trace_ids: Iterable[str]) -> None:
        """Say that nothing of these traces is needed any more, ever. Their ids are remembered on disk."""
        ids = list(trace_ids)
        if not ids:
            return
        with self._books.lock:
            self._books.released += ids
            self._books.needs.release(ids)
            self._books.tidy_soon()

    def released_ids(self) -> list[str]:
        """Ids that were released before this journal was opened, oldest first; one may come twice."""
        return self._released_before

    def close(self, timeout_s: float) -> None:
        """Write what was handed in, and let go of the folder; a second call does no harm.

        If the disk does not answer within the time, the folder stays locked until the process ends.
        """
        with self._books.lock:
            self._books.is_open = False
            self._books.wake.notify_all()
            self._books.arrived.notify_all()
        if self._writing is not None and self._writing.join(timeout_s):
            self._stop_reading()
            self._released.close()
            self._folder_lock.release()

    def state(self) -> State:
        """What an operator watches, at this moment."""
        with self._books.lock:
            oldest = self._books.needs.oldest_needed()
            return State(
                disk_bytes=self._books.disk_bytes,
                segments=len(self._books.needs.segments),
                waiting_entries=self._books.waiting.entries,
                waiting_bytes=self._books.waiting.size_bytes,
                unwritten_bytes=0 if self._writing is None else self._writing.unwritten_bytes,
                oldest_age_s=None if oldest is None else max(0.0, time.time() - oldest.made_ns / 1e9),
                is_replaying=self._replay_left > 0,
                **self._books.counted,
            )

    def _leave_to_parent(self) -> None:
        # The lock belongs to the open file, which parent and child share: if the child kept its descriptor, the lock
        # would outlive the parent. What a thread was about in the parent is not to be relied on.
        self._books, self._writing = Books(0), None
        self._stop_reading()
        self._released.close()
        self._folder_lock.release()
        if self._tail is not None:
            self._tail.let_go()

    def _find_segments(self) -> None:
        named = [path for path in self._folder.iterdir() if path.stem.isdecimal()]
        paths = sorted(path for path in named if path.suffix == SUFFIX)
        for path in paths:
            left = find_segment(path, is_last=path == paths[-1])
            self._books.add(left.segment)
            self._books.waiting.found(left.segment, HEADER_BYTES)
            self._books.counted["torn"] += left.is_torn
            if left.bad_at is not None:
                self._books.note_damage(left.segment, left.bad_at, "it is damaged")
        # Those kept aside count, too: no later one may take the name of one of them.
        self._last_left = max((int(path.stem) for path in named if path.suffix in {SUFFIX, DAMAGED}), default=0)
        self._replay_left = self._books.counted["replayed"] = self._books.waiting.entries

    def _take_from_disk(self, segment: Segment, offset: int, size: int) -> Entry | None:
        try:
            frame, why = read_frame(self._descriptor(segment), offset, size), "an entry is damaged"
        except OSError as error:
            frame, why = None, f"the disk cannot read it ({error.strerror})"
        with self._books.lock:
            if not self._books.is_open:
                return None  # closed meanwhile, and with it the file
            if frame is None:
                skipped = self._books.waiting.skip(segment)
                self._books.counted["skipped"] += skipped
                self._replay_left -= skipped if segment.number <= self._last_left else 0
                self._books.note_damage(segment, offset, why)
                self._books.tidy_soon()
                return None
            is_copy = offset in segment.copies
            self._books.waiting.passed(segment, frame.end, taken_bytes=0 if is_copy else frame.end - offset)
            if is_copy:
                return None  # whoever needs it has had it
            entry = Entry(segment.number, offset, frame.kind, frame.body)
            self._count(entry)
            return entry

    def _count(self, entry: Entry) -> None:
        self._books.counted["taken"] += 1
        self._replay_left -= entry.segment <= self._last_left

    def _descriptor(self, segment: Segment) -> int:
        if self._reading is None or self._reading[0] != segment.number:
            self._stop_reading()
            self._reading = segment.number, os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        return self._reading[1]

    def _stop_reading(self) -> None:
        opened, self._reading = self._reading, None
        if opened is not None:
            os.close(opened[1])


_journals: WeakSet[Journal] = WeakSet()


def _leave_all_to_parent() -> None:
    for journal in list(_journals):
        journal._leave_to_parent()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_leave_all_to_parent)
