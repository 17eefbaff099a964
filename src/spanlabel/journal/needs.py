"""Who needs what: which entries hold parts of which traces, and which segments can go."""

from __future__ import annotations

from collections.abc import Iterable

from .frame import HEADER_BYTES
from .segment import Held, Segment


class Needs:
    """The segments of a journal in their order, and who needs what is in them. Not thread-safe."""

    def __init__(self) -> None:
        self.segments: dict[int, Segment] = {}
        self._places: dict[str, set[tuple[int, int]]] = {}

    @property
    def traces(self) -> int:
        """How many traces are needed."""
        return len(self._places)

    def tell(self, segment: Segment, offset: int, size_bytes: int, trace_ids: Iterable[str]) -> None:
        """Say what an entry, of which nobody has said it, holds."""
        segment.untold -= 1
        self._hold(segment, offset, size_bytes, set(trace_ids))

    def release(self, trace_ids: Iterable[str]) -> None:
        """Say that nothing of these traces is needed any more."""
        for trace_id in trace_ids:
            for number, offset in self._places.pop(trace_id, ()):
                segment = self.segments[number]
                held = segment.held[offset]
                held.needed.discard(trace_id)
                segment.kept_bytes -= held.size_bytes / held.told
                if not held.needed:
                    del segment.held[offset]

    def move(self, segment: Segment, offset: int, to: Segment, to_offset: int, size_bytes: int) -> None:
        """Say that what is needed of an entry lies somewhere else now."""
        needed = self.forget(segment, offset)
        if needed:
            self._hold(to, to_offset, size_bytes, needed)

    def forget(self, segment: Segment, offset: int) -> set[str]:
        """Take an entry out.

        Returns:
            The traces that need it; empty if none does.
        """
        held = segment.held.pop(offset, None)
        if held is None:
            return set()
        segment.kept_bytes -= held.size_bytes * len(held.needed) / held.told
        for trace_id in held.needed:
            places = self._places[trace_id]
            places.discard((segment.number, offset))
            if not places:
                del self._places[trace_id]
        return held.needed

    def unneeded(self) -> list[Segment]:
        """Sealed segments in which nothing is needed or waiting."""
        return [one for one in self.segments.values() if one.is_sealed and not one.is_needed]

    def worth_moving(self, *, is_crowded: bool, made_before_ns: int) -> Segment | None:
        """The oldest sealed segment, taken as a whole, out of which what is needed should be moved.

        Args:
            is_crowded: Whether room is wanted: then any is meant of which at least half would be saved.
            made_before_ns: Of older ones (Unix time) any that holds something unneeded is meant.
        """
        for one in self.segments.values():
            if not one.is_sealed or not one.held or one.untold:
                continue
            saved = one.size_bytes - HEADER_BYTES - one.kept_bytes
            if (is_crowded and saved >= one.size_bytes / 2) or (one.made_ns < made_before_ns and saved >= 1):
                return one
        return None

    def oldest_needed(self) -> Segment | None:
        """The oldest segment in which anything is needed or waiting."""
        return next((one for one in self.segments.values() if one.is_needed), None)

    def _hold(self, segment: Segment, offset: int, size_bytes: int, trace_ids: set[str]) -> None:
        if not trace_ids:
            return
        segment.held[offset] = Held(size_bytes, len(trace_ids), trace_ids)
        segment.kept_bytes += size_bytes
        for trace_id in trace_ids:
            self._places.setdefault(trace_id, set()).add((segment.number, offset))
