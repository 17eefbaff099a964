"""The thread that writes: everything that came while the disk was busy goes out together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from spanlabel.errors import StoreError, TryLater

from .books import Books
from .entry import Entry, Fsync
from .folder import refusal
from .frame import FRAME_BYTES, HEADER_BYTES, MOST_BYTES
from .tail import Tail
from .tidying import Tidying

_logger = logging.getLogger("spanlabel")

_FULL_RETRY_S: Final = 5.0
_BUSY_RETRY_S: Final = 1.0
_MIB: Final = 1024 * 1024

Done = Callable[[Exception | None], None]


class _Append(NamedTuple):
    kind: int
    body: bytes
    done: Done


class Writing:
    """Takes entries in and tells when they are safe.

    Args:
        folder: The journal's, for messages.
        books: What the journal knows.
        tail: The file that is being written.
        tidying: What is done beside writing.
        fsync: The policy.
        budget_bytes: Segments may take this much by what is appended.
        memory_bytes: Bodies that wait to be written may take this much.
    """

    def __init__(
        self,
        folder: Path,
        books: Books,
        tail: Tail,
        tidying: Tidying,
        *,
        fsync: Fsync,
        budget_bytes: int,
        memory_bytes: int,
    ) -> None:
        self._folder = folder
        self._books = books
        self._tail = tail
        self._tidying = tidying
        self._is_alone = fsync is Fsync.ALWAYS
        self._budget_bytes = budget_bytes
        self._memory_bytes = memory_bytes
        self._pending: list[_Append] = []
        self.unwritten_bytes = 0
        self._thread = threading.Thread(target=self._run, name="spanlabel-journal", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread has written everything, after the books were closed.

        Returns:
            Whether it has ended.
        """
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def append(self, kind: int, body: bytes, done: Done) -> None:
        """As `Journal.append`."""
        with self._books.lock:
            refused = self._refusal_at_once(len(body))
            if refused is None:
                self._pending.append(_Append(kind, body, done))
                self.unwritten_bytes += len(body)
                self._books.wake.notify()
                return
            self._books.counted["refused"] += 1
        _tell(done, refused)

    def _refusal_at_once(self, body_bytes: int) -> StoreError | TryLater | None:
        if not self._books.is_open:
            return StoreError(f"{self._folder}: the journal is not open")
        most = min(MOST_BYTES, self._budget_bytes - 2 * HEADER_BYTES - FRAME_BYTES)
        if body_bytes > most:
            return StoreError(f"{self._folder}: an entry of {body_bytes} bytes is more than the journal takes ({most})")
        if self.unwritten_bytes and self.unwritten_bytes + body_bytes > self._memory_bytes:
            return TryLater(
                f"{self._folder}: the disk does not keep up; {self.unwritten_bytes} bytes wait to be written",
                retry_after_s=_BUSY_RETRY_S,
            )
        return None

    def _run(self) -> None:
        books, is_open, again_s = self._books, True, None
        while is_open:
            with books.lock:
                while books.is_open and not self._pending and books.is_tidy:
                    if not books.wake.wait(again_s):
                        break  # what failed is tried again
                is_open = books.is_open
                batch, self._pending = self._pending, []
                books.is_tidy = True
            self._write(batch)
            if not is_open:
                self._tail.seal()
            again_s = self._tidying.tidy()

    def _write(self, batch: Sequence[_Append]) -> None:
        group: list[_Append] = []
        group_bytes = room = 0
        for item in batch:
            size = FRAME_BYTES + len(item.body)
            if group and (self._is_alone or group_bytes + size > room):
                self._commit(group, group_bytes)
                group, group_bytes = [], 0
            # Another file may have to be begun.
            if self._books.disk_bytes + HEADER_BYTES + group_bytes + size > self._budget_bytes:
                self._refuse([item], self._full())
                continue
            if not group:
                room = self._tail.room(size)
            group.append(item)
            group_bytes += size
        if group:
            self._commit(group, group_bytes)

    def _commit(self, group: Sequence[_Append], size_bytes: int) -> None:
        try:
            segment = self._tail.write([(item.kind, item.body) for item in group], size_bytes)
        except OSError as error:
            self._refuse(group, refusal(self._folder, error))
            return
        with self._books.lock:
            for item in group:
                entry = Entry(segment.number, segment.size_bytes, item.kind, item.body)
                segment.size_bytes += FRAME_BYTES + len(item.body)
                self._books.waiting.put(segment, entry)
                self.unwritten_bytes -= len(item.body)
            self._books.disk_bytes += size_bytes
            self._books.counted["appended"] += len(group)
            self._books.arrived.notify()
        for item in group:
            _tell(item.done, None)

    def _full(self) -> TryLater:
        return TryLater(
            f"{self._folder}: the journal is full ({self._books.disk_bytes / _MIB:.1f} of "
            f"{self._budget_bytes / _MIB:.1f} MiB): what it holds is not decided yet; it goes on by itself as that is "
            "decided, or give it more room",
            retry_after_s=_FULL_RETRY_S,
        )

    def _refuse(self, group: Sequence[_Append], error: Exception) -> None:
        with self._books.lock:
            self.unwritten_bytes -= sum(len(item.body) for item in group)
            self._books.counted["refused"] += len(group)
        for item in group:
            _tell(item.done, error)


def _tell(done: Done, error: Exception | None) -> None:
    try:
        done(error)
    except Exception:  # a caller's fault must not stop the writing for all others
        _logger.exception("the journal: a caller failed when it was told what became of its entry")
