"""The file that is being written: entries go to its end, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from .books import Books
from .entry import Fsync
from .folder import is_full, sync_data
from .frame import HEADER_BYTES, frame_head
from .segment import Segment, make_segment, write_at


class Tail:
    """Writes the newest segment and begins the next one when it is full. The writing thread owns it.

    Args:
        folder: Where the segments lie.
        books: Are told of each new segment.
        fsync: The policy.
        segment_bytes: A segment is full when the next entry would pass this; a single entry may.
        next_number: Number of the first segment that it makes.
    """

    def __init__(self, folder: Path, books: Books, *, fsync: Fsync, segment_bytes: int, next_number: int) -> None:
        self._folder = folder
        self._books = books
        self._synced = fsync is not Fsync.NEVER
        self._segment_bytes = segment_bytes
        self._next_number = next_number
        self._descriptor = -1
        self._segment: Segment | None = None

    def room(self, first_bytes: int) -> int:
        """How many bytes may be written together, beginning with an entry of this size: at least that one."""
        if self._segment is None or not _takes(self._segment, first_bytes, self._segment_bytes):
            return max(first_bytes, self._segment_bytes - HEADER_BYTES)
        return max(first_bytes, self._segment_bytes - self._segment.size_bytes)

    def write(self, entries: Sequence[tuple[int, bytes]], size_bytes: int) -> Segment:
        """Write entries behind the `size_bytes` of a segment, which stays as it is.

        Args:
            entries: Kind and body.
            size_bytes: Of all their frames.

        Returns:
            The segment.

        Raises:
            OSError: None of them is there, as far as the disk allows to take them back. After an error other than a
                full disk the segment is sealed: what the system still holds of it is not to be relied on.
        """
        segment = self._segment_for(size_bytes)
        buffers = [part for kind, body in entries for part in (frame_head(kind, body), body)]
        try:
            write_at(self._descriptor, buffers, segment.size_bytes)
            if self._synced:
                sync_data(self._descriptor)
        except OSError as error:
            # What is left if this fails, too, is overwritten by the next write, or cut off at the next start.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, segment.size_bytes)
            if not is_full(error):
                self.seal()
            raise
        return segment

    def seal(self) -> None:
        """End the segment; the next write begins another."""
        segment = self._segment
        if segment is not None:
            self.let_go()
            with self._books.lock:
                segment.is_sealed = True
                self._books.tidy_soon()

    def let_go(self) -> None:
        """Close the file; whoever else has it goes on with it."""
        if self._segment is not None:
            self._segment = None
            os.close(self._descriptor)

    def _segment_for(self, size_bytes: int) -> Segment:
        if self._segment is None or not _takes(self._segment, size_bytes, self._segment_bytes):
            self.seal()
            self._segment, self._descriptor = make_segment(self._folder, self._next_number, synced=self._synced)
            self._next_number += 1
            with self._books.lock:
                self._books.add(self._segment)
        return self._segment


def _takes(segment: Segment, size_bytes: int, segment_bytes: int) -> bool:
    return segment.size_bytes == HEADER_BYTES or segment.size_bytes + size_bytes <= segment_bytes
