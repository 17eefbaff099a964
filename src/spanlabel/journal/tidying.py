"""What the writing thread does beside writing: remembers what was released, and lets old files go."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from .books import DAMAGED, Books
from .folder import is_full, refusal
from .frame import FRAME_BYTES, HEADER_BYTES, read_frame
from .released import ReleasedIds
from .segment import Segment
from .tail import Tail

_logger = logging.getLogger("spanlabel")

_AGAIN_S: Final = 1.0
_MOVE_BYTES: Final = 4 * 1024 * 1024
"""Moved at a time, so that what is appended meanwhile need not wait for long."""

Slim = Callable[[int, bytes, Collection[str]], bytes]


class _Copy(NamedTuple):
    """An entry that is to be appended again; *offset* is where it lies now."""

    offset: int
    kind: int
    body: bytes


class Tidying:
    """Remembers ids, removes segments that nobody needs, moves what is needed out of those that hardly anybody does.

    Args:
        folder: The journal's.
        books: What it knows.
        tail: Where moved entries go.
        released: Where ids go.
        max_bytes: Segments may take this much; from half of it on entries are moved.
        slim: As for `Journal`.
    """

    def __init__(
        self,
        folder: Path,
        books: Books,
        tail: Tail,
        released: ReleasedIds,
        *,
        max_bytes: int,
        slim: Slim | None,
    ) -> None:
        self._folder = folder
        self._books = books
        self._tail = tail
        self._released = released
        self._max_bytes = max_bytes
        self._slim = slim
        self._has_complained = False

    def tidy(self) -> float | None:
        """Do what there is to do now; the ids first, so that they are on disk before their entries are gone.

        Returns:
            Seconds after which to try again what failed; None if nothing did.
        """
        try:
            self._remember()
            self._remove_unneeded()
            if self._move_some():
                with self._books.lock:
                    self._books.tidy_soon()
        except OSError as error:
            if not self._has_complained:
                self._has_complained = True
                _logger.warning("%s; trying again", refusal(self._folder, error))
            return _AGAIN_S
        self._has_complained = False
        return None

    def _remember(self) -> None:
        with self._books.lock:
            ids, self._books.released = self._books.released, []
        try:
            self._released.add(ids)
        except OSError as error:
            with self._books.lock:
                self._books.released[:0] = ids
                del self._books.released[: -self._released.limit]
            # On a full disk the segments must go first, or nothing would ever go. If a crash comes between, a trace
            # that is sent again is read again, under the same record id.
            if not is_full(error) or not self._remove_unneeded():
                raise
            self._remember()

    def _remove_unneeded(self) -> bool:
        with self._books.lock:
            unneeded = self._books.needs.unneeded()
        for segment in unneeded:
            if segment.is_damaged:
                segment.path.rename(segment.path.with_suffix(DAMAGED))
            else:
                segment.path.unlink(missing_ok=True)
            with self._books.lock:
                self._books.remove(segment)
        return bool(unneeded)

    def _move_some(self) -> bool:
        """Append again some of what is needed in a segment that is mostly unneeded, so that it can go.

        Returns:
            Whether there may be more to move.
        """
        with self._books.lock:
            segment = self._books.needs.worth_moving(
                is_crowded=self._books.disk_bytes > self._max_bytes / 2,
                # What lies there of a trace whose id is forgotten would be read again after a restart.
                made_before_ns=self._released.forgets_before_ns,
            )
            if segment is None:
                return False
            wanted = {offset: frozenset(held.needed) for offset, held in segment.held.items()}
            room = self._max_bytes - self._books.disk_bytes - HEADER_BYTES
        copies = self._read(segment, wanted)
        size = sum(FRAME_BYTES + len(copy.body) for copy in copies)
        if size > room:
            return False
        if copies:
            self._append(segment, copies, size)
        return True

    def _read(self, segment: Segment, wanted: dict[int, frozenset[str]]) -> list[_Copy]:
        copies: list[_Copy] = []
        size = 0
        descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for offset, trace_ids in wanted.items():
                frame = read_frame(descriptor, offset, segment.size_bytes)
                if frame is None:
                    with self._books.lock:
                        self._books.needs.forget(segment, offset)
                        self._books.note_damage(segment, offset, "an entry is damaged")
                    continue
                copies.append(_Copy(offset, frame.kind, self._slimmed(frame.kind, frame.body, trace_ids)))
                size += len(copies[-1].body)
                if size >= _MOVE_BYTES:
                    break
        finally:
            os.close(descriptor)
        return copies

    def _slimmed(self, kind: int, body: bytes, trace_ids: Collection[str]) -> bytes:
        if self._slim is None:
            return body
        try:
            return self._slim(kind, body, trace_ids)
        except Exception:
            _logger.exception("%s: an entry could not be made shorter; it is kept whole", self._folder)
            return body

    def _append(self, segment: Segment, copies: Sequence[_Copy], size_bytes: int) -> None:
        to = self._tail.write([(copy.kind, copy.body) for copy in copies], size_bytes)
        with self._books.lock:
            for copy in copies:
                frame_bytes = FRAME_BYTES + len(copy.body)
                self._books.needs.move(segment, copy.offset, to, to.size_bytes, frame_bytes)
                to.copies.add(to.size_bytes)
                to.size_bytes += frame_bytes
            self._books.disk_bytes += size_bytes
            self._books.counted["moved"] += len(copies)
