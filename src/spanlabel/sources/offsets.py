"""How far a consumer group may say it has come, so that a successor reads each trace whole, or not at all.

A committed offset says "all before is done", but traces overlap: where one is decided and its neighbour is not, any
offset cuts through one of them. So what is committed has two parts:

- the offset *start*: every trace that has a message behind it has its first one behind it, too, decided or not. So
  whatever is read from there is read whole;
- a note: the position *end* up to which was read, and the offsets between at which undecided traces begin.

Whoever reads from *start* puts each trace aside whose first message lies before *end* and not at one of these offsets:
it is decided, and only if more of it comes behind *end* it is read once more, whole. All others it takes. The note
grows with the undecided traces only. Where it grows too long, its *end* is put at the first offset that found no room:
what is decided behind it is then read, and decided the same, once more.

The traces of one partition number of several topics (spans and log records) form a `Lane`: what one topic says of a
trace holds for all. Nothing here knows Kafka, or reads a clock.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

NOTE_CHARACTERS = 4096
"""What a broker takes beside an offset (`offset.metadata.max.bytes`), unless it is told otherwise."""

_NAME = "spanlabel1:"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is committed for one partition of one topic.

    Attributes:
        start: Where to begin to read.
        end: What begins before it is decided, ...
        undecided: ... unless it begins at one of these offsets, which ascend.
    """

    start: int
    end: int
    undecided: tuple[int, ...] = ()

    def note(self, room: int = NOTE_CHARACTERS) -> str:
        """The text beside the offset, for `read_mark`; where it needs more characters than *room*, `end` is less."""
        room_bytes = (room - len(_NAME)) * 3 // 4
        packed, last = bytearray(), self.start
        for offset in (*self.undecided, self.end):
            gap = _packed(offset - last)
            if len(packed) + len(gap) > room_bytes:
                break
            packed += gap
            last = offset
        return _NAME + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_mark(start: int, note: str | None) -> Mark:
    """What `Mark.note` wrote beside the offset *start*; of any other text nothing is known to be decided."""
    if not note or not note.startswith(_NAME):
        return Mark(start, start)
    text = note.removeprefix(_NAME)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return Mark(start, start)
    offsets, last = [], start
    for gap in _unpacked(packed):
        last += gap
        offsets.append(last)
    return Mark(start, offsets[-1], tuple(offsets[:-1])) if offsets else Mark(start, start)


def _packed(number: int) -> bytes:
    """Seven bits in a byte, the lowest first; the last byte is below 128."""
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _unpacked(packed: bytes) -> Iterable[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0


@dataclass(slots=True)
class _Run:
    """Where one trace lies in a partition.

    Attributes:
        first: Offset of its first message.
        last: Of its last one so far.
        until_s: When it need not be known any more; inf while it is undecided.
    """

    first: int
    last: int
    until_s: float = inf


@dataclass(slots=True)
class _Partition:
    """One partition of one topic.

    Attributes:
        before: What the one who read it before has committed; None if nothing was.
        position: Offset behind the last message; None while none has come.
        runs: By trace id, in order of their first offsets.
        undecided: First offsets by trace id.
    """

    before: Mark | None
    position: int | None = None
    runs: OrderedDict[str, _Run] = field(default_factory=OrderedDict)
    undecided: dict[str, int] = field(default_factory=dict)

    def was_read(self, offset: int) -> bool:
        """Whether the one before has read the message there."""
        return self.before is not None and offset < self.before.end

    def knows(self, offset: int) -> bool:
        """Whether a trace whose first message is there was decided by the one before."""
        return self.before is not None and offset < self.before.end and offset not in self.before.undecided

    def mark(self, now_s: float) -> Mark | None:
        """What to commit now; None while nothing was read."""
        if self.position is None:
            return None
        undecided = tuple(sorted(set(self.undecided.values())))
        low = undecided[0] if undecided else self.position
        # Until all has been read again that the one before has read, nobody knows which traces go on in what is left.
        ahead = self.before if self.before is not None and self.before.end > self.position else None
        if ahead is None:
            self._trim(low, now_s)
        start = next((run.first for run in self.runs.values()), low)
        if ahead is None:
            return Mark(start, self.position, undecided)
        return Mark(start, ahead.end, (*undecided, *(one for one in ahead.undecided if one >= self.position)))

    def _trim(self, low: int, now_s: float) -> None:
        """Let go of the first traces, as far as nothing before *low* is needed to know them."""
        while self.runs:
            run = next(iter(self.runs.values()))
            if run.until_s > now_s or run.last >= low:
                break
            self.runs.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Taking:
    """What is to be done with the traces of one message; those that are not named here are to be taken.

    Attributes:
        known: They were decided before: put what comes of them aside.
        late: They were known, and now something has come that the one before had not: take it, and before it what was
            put aside.
    """

    known: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()


_ALL_NEW = Taking()


class Lane:
    """The traces of one partition number, over all topics.

    Args:
        before: What is committed, by topic; a topic of which nothing is committed is read from its beginning.
        keep_s: How long a decided trace is remembered beyond what is needed: with what comes late within that time a
            successor reads it once more, too.
    """

    def __init__(self, before: Mapping[str, Mark | None], *, keep_s: float) -> None:
        self._partitions = {topic: _Partition(mark) for topic, mark in before.items()}
        self._keep_s = keep_s
        self._undecided: OrderedDict[str, float] = OrderedDict()
        self._known: set[str] = set()

    def position(self, topic: str) -> int | None:
        """Offset behind the last message that was taken; None while none was."""
        return self._partitions[topic].position

    def take(self, topic: str, offset: int, trace_ids: Iterable[str], *, now_s: float) -> Taking:
        """Note a message, and the traces that it holds something of.

        A trace that was decided and of which something comes is undecided again. Offsets ascend within a topic.
        """
        partition = self._partitions[topic]
        partition.position = offset + 1
        known, late = set[str](), set[str]()
        for trace_id in trace_ids:
            is_first = trace_id not in partition.runs
            if is_first:
                partition.runs[trace_id] = _Run(offset, offset)
            partition.runs[trace_id].last = offset
            if trace_id in self._known:
                if partition.was_read(offset):
                    known.add(trace_id)
                    partition.runs[trace_id].until_s = now_s + self._keep_s
                else:
                    late.add(trace_id)
                    self._known.discard(trace_id)
                    self._open(trace_id, now_s)
            elif is_first and partition.knows(offset) and trace_id not in self._undecided:
                known.add(trace_id)
                self._known.add(trace_id)
                partition.runs[trace_id].until_s = now_s + self._keep_s
            elif is_first or trace_id not in self._undecided:
                self._open(trace_id, now_s)
        if known or late:
            return Taking(frozenset(known), frozenset(late))
        return _ALL_NEW

    def decide(self, trace_ids: Iterable[str], *, now_s: float) -> None:
        """Say that traces are decided: their records are safe, or they have none. Others' are none of our business."""
        for trace_id in trace_ids:
            if self._undecided.pop(trace_id, None) is None:
                continue
            for partition in self._partitions.values():
                if partition.undecided.pop(trace_id, None) is not None:
                    partition.runs[trace_id].until_s = now_s + self._keep_s

    def marks(self, *, now_s: float) -> dict[str, Mark]:
        """What to commit now, by topic; nothing for topics of which nothing was read."""
        found = {topic: partition.mark(now_s) for topic, partition in self._partitions.items()}
        if self._known:
            runs = [partition.runs for partition in self._partitions.values()]
            self._known = {one for one in self._known if any(one in of for of in runs)}
        return {topic: mark for topic, mark in found.items() if mark is not None}

    def knows(self, trace_id: str) -> bool:
        """Whether a trace is put aside."""
        return trace_id in self._known

    @property
    def undecided(self) -> Sequence[str]:
        """Ids of the traces that are not decided, the one that came first first."""
        return tuple(self._undecided)

    @property
    def oldest_s(self) -> float | None:
        """When the oldest undecided trace came; None if all are decided."""
        return next(iter(self._undecided.values()), None)

    def _open(self, trace_id: str, now_s: float) -> None:
        self._undecided.setdefault(trace_id, now_s)
        for partition in self._partitions.values():
            run = partition.runs.get(trace_id)
            if run is not None:
                run.until_s = inf
                partition.undecided[trace_id] = run.first
