"""Which entries wait to be taken: the first of them in memory, the rest only on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from .entry import Entry
from .frame import FRAME_BYTES
from .segment import Segment


class Waiting:
    """The queue. Not thread-safe.

    Bodies stay in memory up to a bound. From the first that does not fit, all that follow are read from the files
    again, until nothing waits any more: so the order holds, and a burst costs no memory.

    Args:
        memory_bytes: The bound.
    """

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._fresh: deque[Entry] = deque()
        self._fresh_bytes = 0
        self._place: tuple[int, int] | None = None
        self.entries = 0
        self.size_bytes = 0

    def found(self, segment: Segment, first_offset: int) -> None:
        """Let all entries of a segment wait that was there before."""
        self.entries += segment.untaken
        self.size_bytes += segment.untaken_bytes
        if self._place is None and segment.untaken:
            self._place = (segment.number, first_offset)

    def put(self, segment: Segment, entry: Entry) -> None:
        """Let one more wait; *segment* holds it."""
        size = FRAME_BYTES + len(entry.body)
        segment.untold += 1
        segment.untaken += 1
        segment.untaken_bytes += size
        self.entries += 1
        self.size_bytes += size
        if self._place is not None:
            return
        if self._fresh_bytes + size <= self._memory_bytes:
            self._fresh.append(entry)
            self._fresh_bytes += size
        else:
            self._place = (entry.segment, entry.offset)

    def fresh(self, segments: Mapping[int, Segment]) -> Entry | None:
        """Take the next one; None if it is not in memory."""
        if not self._fresh:
            return None
        entry = self._fresh.popleft()
        self._fresh_bytes -= FRAME_BYTES + len(entry.body)
        self._leave(segments[entry.segment], 1, FRAME_BYTES + len(entry.body))
        return entry

    def place(self, segments: Mapping[int, Segment], first_offset: int) -> tuple[Segment, int]:
        """Where the next one, which is not in memory, is to be looked for.

        Args:
            segments: All there are, by number, in order.
            first_offset: Where the first entry of a segment begins.
        """
        assert self._place is not None  # noqa: S101 - something waits, and not in memory
        number, offset = self._place
        segment = segments.get(number)
        if segment is None or not segment.untaken:
            segment = next(one for one in segments.values() if one.number > number and one.untaken)
            offset = first_offset
        return segment, offset

    def passed(self, segment: Segment, end: int, *, taken_bytes: int) -> None:
        """Go on behind an entry on disk.

        Args:
            segment: Where it lies.
            end: The offset behind it.
            taken_bytes: Its size; 0 if it was no waiting one.
        """
        self._place = (segment.number, end)
        if taken_bytes:
            self._leave(segment, 1, taken_bytes)

    def skip(self, segment: Segment) -> int:
        """Give up what is left of a segment.

        Returns:
            How many entries that were.
        """
        skipped = segment.untaken
        self._place = (segment.number, segment.size_bytes)
        segment.untold -= skipped
        self._leave(segment, skipped, segment.untaken_bytes)
        return skipped

    def _leave(self, segment: Segment, entries: int, size_bytes: int) -> None:
        segment.untaken -= entries
        segment.untaken_bytes -= size_bytes
        self.entries -= entries
        self.size_bytes -= size_bytes
        if not self.entries:
            self._place = None
