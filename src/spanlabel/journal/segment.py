"""One file of entries, what is known of it, and how it is made, written and read."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .folder import sync_data, sync_folder
from .frame import HEADER_BYTES, frame_end, header, read_frame, read_header

MAGIC = b"slabjrnl"
SUFFIX = ".journal"
_AT_ONCE = 1000  # buffers; Linux takes 1024 in one call


@dataclass(slots=True)
class Held:
    """An entry that somebody needs.

    Attributes:
        size_bytes: Its frame.
        told: How many traces it holds parts of.
        needed: Ids of those that are needed.
    """

    size_bytes: int
    told: int
    needed: set[str]


@dataclass(slots=True, eq=False)
class Segment:
    """What is known of one file.

    Attributes:
        number: Its place in the order.
        path: The file.
        made_ns: When it was made, Unix time.
        size_bytes: Bytes of it that count: the header and whole frames.
        is_sealed: Nothing is written to it any more.
        is_damaged: Something in it could not be read; it is kept aside instead of deleted.
        untold: Entries of which nobody has said yet who needs them, taken or not.
        untaken: Entries that nobody has taken.
        untaken_bytes: Their size.
        held: Entries that are needed, by offset.
        kept_bytes: About what would be left of it if only what is needed were kept.
        copies: Offsets of entries that were moved here: the reading thread has taken them already.
    """

    number: int
    path: Path
    made_ns: int
    size_bytes: int = HEADER_BYTES
    is_sealed: bool = False
    is_damaged: bool = False
    untold: int = 0
    untaken: int = 0
    untaken_bytes: int = 0
    held: dict[int, Held] = field(default_factory=dict)
    kept_bytes: float = 0.0
    copies: set[int] = field(default_factory=set)

    @property
    def is_needed(self) -> bool:
        """Whether anything in it is waiting or needed."""
        return bool(self.untold or self.held)


def make_segment(folder: Path, number: int, *, synced: bool) -> tuple[Segment, int]:
    """Begin a new file.

    Args:
        folder: Where.
        number: Above all others.
        synced: Whether the disk must know it when this returns.

    Returns:
        The segment and its descriptor, for writing.

    Raises:
        OSError: It cannot be made; nothing is left of it.
    """
    path = folder / f"{number:016d}{SUFFIX}"
    made_ns = time.time_ns()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_at(descriptor, [header(MAGIC, made_ns)], 0)
        if synced:
            sync_data(descriptor)
            sync_folder(folder)
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise
    return Segment(number, path, made_ns), descriptor


def write_at(descriptor: int, buffers: Sequence[bytes | memoryview], offset: int) -> None:
    """Write all *buffers*, one behind the other.

    Raises:
        OSError: Not all could be written; some may be.
    """
    for first in range(0, len(buffers), _AT_ONCE):
        left = list(buffers[first : first + _AT_ONCE])
        while left:
            written = os.pwritev(descriptor, left, offset)
            offset += written
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if left and written:
                left[0] = memoryview(left[0])[written:]


@dataclass(frozen=True, slots=True)
class Left:
    """A file that an earlier process left.

    Attributes:
        segment: What is known of it; sealed, all its entries untaken.
        is_torn: Its end was half an entry, which is cut off.
        bad_at: Offset from which on nothing can be read, because it is damaged; None if it is not.
    """

    segment: Segment
    is_torn: bool = False
    bad_at: int | None = None


def find_segment(path: Path, *, is_last: bool) -> Left:
    """Look through a file that an earlier process left.

    Only the last one can end in the middle of an entry, so of the others only the lengths are looked at; the entries
    are checked when they are read.

    Raises:
        StoreError: A newer spanlabel made it.
        OSError: It cannot be read, or not be cut.
    """
    descriptor = os.open(path, (os.O_RDWR if is_last else os.O_RDONLY) | os.O_CLOEXEC)
    try:
        file_bytes = os.fstat(descriptor).st_size
        made_ns = read_header(os.pread(descriptor, HEADER_BYTES, 0), MAGIC, str(path))
        segment = Segment(int(path.stem), path, made_ns or 0, is_sealed=True)
        if made_ns is None:
            segment.size_bytes = file_bytes
            if is_last and file_bytes < HEADER_BYTES:  # a crash between making the file and writing its header
                return Left(segment, is_torn=True)
            return Left(segment, bad_at=0)
        end = HEADER_BYTES
        while (after := frame_end(descriptor, end, file_bytes)) is not None:
            if is_last and read_frame(descriptor, end, file_bytes) is None:
                break
            segment.untaken += 1
            end = after
        segment.untold, segment.untaken_bytes, segment.size_bytes = segment.untaken, end - HEADER_BYTES, end
        if end == file_bytes:
            return Left(segment)
        if is_last and not _goes_on(descriptor, end, file_bytes):
            os.ftruncate(descriptor, end)
            return Left(segment, is_torn=True)
        segment.size_bytes = file_bytes
        return Left(segment, bad_at=end)
    finally:
        os.close(descriptor)


def _goes_on(descriptor: int, bad: int, size: int) -> bool:
    """Whether a good entry follows a bad one: then nothing is torn, but something is damaged."""
    after = frame_end(descriptor, bad, size)
    return after is not None and after < size and read_frame(descriptor, after, size) is not None
