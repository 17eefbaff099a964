"""What the journal's two threads know together."""

from __future__ import annotations

import logging
import threading
from typing import Final

from .needs import Needs
from .segment import Segment
from .waiting import Waiting

_logger = logging.getLogger("spanlabel")

DAMAGED: Final = ".damaged"
"""How the name of a file ends that is kept aside."""


class Books:
    """Which segments there are, who needs what in them, what waits, and how much of all that there was.

    Everything here is read and changed under `lock`, which is never held while the disk works.

    Args:
        memory_bytes: Bound of the bodies that wait in memory.

    Attributes:
        lock: Guards the rest.
        wake: The writing thread waits for it.
        arrived: The reading thread waits for it.
        is_open: Entries are taken in and given out.
        is_tidy: Nothing is to be written, removed or moved but what was appended.
        needs: The segments and who needs them.
        waiting: The queue.
        disk_bytes: Size of all segments.
        released: Ids that are not on disk yet.
        counted: As in `State`.
    """

    def __init__(self, memory_bytes: int) -> None:
        self.lock = threading.Lock()
        self.wake = threading.Condition(self.lock)
        self.arrived = threading.Condition(self.lock)
        self.is_open = False
        self.is_tidy = False
        self.needs = Needs()
        self.waiting = Waiting(memory_bytes)
        self.disk_bytes = 0
        self.released: list[str] = []
        self.counted = dict.fromkeys(
            ("replayed", "appended", "taken", "skipped", "refused", "torn", "damaged", "moved"), 0
        )

    def add(self, segment: Segment) -> None:
        """There is one more segment."""
        self.needs.segments[segment.number] = segment
        self.disk_bytes += segment.size_bytes

    def remove(self, segment: Segment) -> None:
        """There is one less."""
        del self.needs.segments[segment.number]
        self.disk_bytes -= segment.size_bytes

    def tidy_soon(self) -> None:
        """Let the writing thread look what there is to do."""
        self.is_tidy = False
        self.wake.notify()

    def note_damage(self, segment: Segment, offset: int, why: str) -> None:
        """A file is damaged: say it once, and let it be kept aside when nothing in it is needed any more."""
        if segment.is_damaged:
            return
        segment.is_damaged = True
        self.counted["damaged"] += 1
        _logger.warning(
            "%s: %s at byte %d; the rest of it is skipped. The file is kept beside the others, as *%s",
            segment.path,
            why,
            offset,
            DAMAGED,
        )
