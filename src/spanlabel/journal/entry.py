"""What goes in and comes out, how safe it is, and what an operator watches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Fsync(Enum):
    """When an append counts as done. Each policy survives SIGKILL; they differ in what a power failure takes."""

    ALWAYS = "always"
    """Each entry has reached the disk by itself."""
    BATCH = "batch"
    """It has reached the disk together with all that came while the disk was busy."""
    NEVER = "never"
    """The operating system has it: a power failure or a crash of the machine may take the last seconds."""


class Entry(NamedTuple):
    """One thing that was appended.

    Attributes:
        segment: Number of the file that holds it.
        offset: Where it begins there, in bytes.
        kind: 0 to 255, as appended.
        body: As appended.
    """

    segment: int
    offset: int
    kind: int
    body: bytes


@dataclass(frozen=True, slots=True)
class State:
    """The journal at one moment; the counts are since it was opened.

    At every moment replayed + appended = taken + waiting_entries + skipped.

    Attributes:
        disk_bytes: Size of all segments. Ids of released traces and files kept aside are not in it.
        segments: How many there are.
        replayed: Entries that an earlier process had left.
        appended: Entries that are as safe as the policy says.
        taken: Entries that the reading thread has taken.
        skipped: Entries that could not be read because their file is damaged.
        refused: Entries that were not taken in: no room, or the disk failed.
        waiting_entries: Entries on disk that nobody has taken.
        waiting_bytes: Their size on disk.
        unwritten_bytes: Bodies that are in memory only; their appends are not done.
        oldest_age_s: Age of the oldest segment in which anything is needed or waiting; None if there is none.
        is_replaying: Entries of an earlier process are still waiting.
        torn: Tails that were cut off because a crash had left half an entry.
        damaged: Segments of which something could not be read; they are kept aside.
        moved: Entries that were appended again so that their old segment could go.
    """

    disk_bytes: int
    segments: int
    replayed: int
    appended: int
    taken: int
    skipped: int
    refused: int
    waiting_entries: int
    waiting_bytes: int
    unwritten_bytes: int
    oldest_age_s: float | None
    is_replaying: bool
    torn: int
    damaged: int
    moved: int
