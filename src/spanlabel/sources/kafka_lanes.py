"""The partitions that a member of the group reads now, and what it commits for them.

The group shares out the partitions of the first topic only. With each comes the partition of the same number of the
other topic: no assignor of the client that leaves partitions where they are would keep the two together.

All callbacks run within `poll`, on the thread that calls it. So nothing is under way when a partition leaves, and a
message that `poll` returns belongs to what is assigned at that moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .offsets import NOTE_CHARACTERS, Lane, Mark, read_mark
from .pacing import Pace

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, TopicPartition

_KEEP_S: Final = 60.0
_AGAIN_S: Final = 3600.0
_ASK_S: Final = 5.0
_END_S: Final = 5.0

Say = Callable[[str, str], None]


class Lanes:
    """What is assigned to this member.

    Args:
        consumer: Not subscribed yet.
        topics: The first is the one that the group shares out.
        undecided: Asked before each commit which of these traces wait to be read.
        left: Called with the ids of traces that another member reads from now on.
        say: Called with a kind of event and a sentence.
        clock: Seconds; never goes back.

    Attributes:
        by_number: The lanes that are read now.
        paces: How far their topics are, by number.
        is_paused: Nothing is fetched.
        is_in_doubt: Something is being read, or its reading has failed: nobody knows what is decided.
    """

    def __init__(
        self,
        consumer: Consumer,
        topics: tuple[str, ...],
        *,
        undecided: Callable[[list[str]], Sequence[str]],
        left: Callable[[list[str]], None],
        say: Say,
        clock: Callable[[], float],
    ) -> None:
        self._consumer = consumer
        self._topics = topics
        self._undecided = undecided
        self._left = left
        self._say = say
        self._clock = clock
        self._coming: set[int] = set()
        self._committed: dict[tuple[str, int], tuple[Mark, float]] = {}
        self._note_room = NOTE_CHARACTERS
        self._ended: list[int] | None = None
        self._under_way = 0
        self._held: dict[int, str] = {}
        self.by_number: dict[int, Lane] = {}
        self.paces: dict[int, Pace] = {}
        self.is_paused = False
        self.is_in_doubt = False

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe(
            [self._topics[0]], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def place(self) -> None:
        """Begin to read what was assigned since the last call, where the one before has stopped.

        Where that cannot be found out now, the next call tries again.
        """
        if not self._coming:
            return
        numbers = sorted(self._coming)
        found = self._begun(numbers)
        if found is None:
            return
        self._coming.clear()
        marks: dict[int, dict[str, Mark | None]] = {}
        for one in found:
            mark = read_mark(one.offset, one.metadata) if one.offset >= 0 else None
            marks.setdefault(one.partition, {})[one.topic] = mark
        for number, before in marks.items():
            self._open(number, before)
        change = self._consumer.pause if self.is_paused else self._consumer.resume
        change(self._partitions(numbers))

    def _begun(self, numbers: list[int]) -> list[TopicPartition] | None:
        """Assign lanes from where they are committed; gives that, or None if it cannot be done now."""
        from confluent_kafka import KafkaException

        try:
            found = self._consumer.committed(self._partitions(numbers), timeout=_ASK_S)
            failed = next((one.error for one in found if one.error is not None), None)
            if failed is None:
                self._consumer.incremental_assign(found)
                return found
        except KafkaException as error:
            failed = error.args[0]
        self._say("committed", f"where to begin to read cannot be found out yet: {failed.str()}")
        return None

    def begin_again(self, number: int) -> Lane:
        """Take a lane as if it had just been assigned and nobody had ever read it: its topic was made anew."""
        self.hold(number, None)
        self._forget([number])
        return self._open(number, dict.fromkeys(self._topics))

    def _open(self, number: int, before: Mapping[str, Mark | None]) -> Lane:
        lane = self.by_number[number] = Lane(before, keep_s=_KEEP_S)
        self.paces[number] = Pace(self._topics, self._clock())
        return lane

    def knows(self, trace_id: str) -> bool:
        """Whether a trace is put aside in any lane."""
        return any(lane.knows(trace_id) for lane in self.by_number.values())

    def pause(self) -> None:
        """Fetch nothing for now; a member that goes on polling stays in its group."""
        if not self.is_paused:
            self.is_paused = True
            self._consumer.pause(self._partitions(self.by_number))

    def resume(self) -> None:
        """Fetch again."""
        if self.is_paused:
            self.is_paused = False
            held = set(self._held.items())
            partitions = self._partitions(self.by_number)
            self._consumer.resume([one for one in partitions if (one.partition, one.topic) not in held])

    def hold(self, number: int, topic: str | None) -> None:
        """Fetch nothing of one topic of a lane for now; None lets go of what was held."""
        from confluent_kafka import TopicPartition

        before = self._held.pop(number, None)
        if topic is not None:
            self._held[number] = topic
        if self.is_paused or topic == before:
            return
        if before is not None:
            self._consumer.resume([TopicPartition(before, number)])
        if topic is not None:
            self._consumer.pause([TopicPartition(topic, number)])

    def commit(self) -> None:
        """Say how far every lane has come, without waiting; what fails is said again by the next call."""
        from confluent_kafka import KafkaException

        offsets = self._offsets(self.by_number)
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
                self._under_way += 1
            except KafkaException as error:
                self._note_failed(error.args[0], offsets)

    def end(self, *, is_away: bool) -> None:
        """Commit for the last time, as far as that can be done in a few seconds, and forget what is undecided.

        Args:
            is_away: No broker answers: a commit would only keep the client from its end.
        """
        if not is_away:
            self.commit()
            until_s = time.monotonic() + _END_S
            while self._under_way > 0 and time.monotonic() < until_s:
                self._consumer.poll(0.05)  # everything is paused: no message comes
        self._ended = list(self.by_number)
        self._forget(self._ended)

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """What became of `commit`."""
        self._under_way -= 1
        for one in partitions:
            failed = one.error or error
            if failed is not None:
                self._note_failed(failed, [one])

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._coming.update(one.partition for one in partitions)
        self._consumer.incremental_assign([])  # `place` does it: where to begin must be asked for first

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # Nobody waits for the answer, which does not come while a broker is away. The coordinator reads this before it
        # reads that we go on, and so before anybody else asks for it; where it fails, others read again.
        if self._ended is None:
            self.commit()
        self._leave([one.partition for one in partitions])

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Somebody else may read them already: what we would say of them now would be wrong."""
        self._say("lost", "the group has gone on without this member; what it had not decided, others read")
        self._leave([one.partition for one in partitions])

    def _leave(self, numbers: list[int]) -> None:
        if self._ended is not None:  # the client ends, maybe on a thread of its own
            placed = [number for number in numbers if number in self._ended]
        else:
            placed = [number for number in numbers if number in self.by_number]
            self._coming.difference_update(numbers)
            self._forget(placed)
        self._consumer.incremental_unassign(self._partitions(placed))

    def _forget(self, numbers: list[int]) -> None:
        lanes = [self.by_number.pop(number) for number in numbers]
        for number in numbers:
            self._held.pop(number, None)
            for topic in self._topics:
                self._committed.pop((topic, number), None)  # somebody else commits for it now
        gone = dict.fromkeys(trace_id for lane in lanes for trace_id in lane.undecided)
        # Without keys a trace is spread over partitions; it is read with what stays here.
        for lane in self.by_number.values():
            for trace_id in lane.undecided if gone else ():
                gone.pop(trace_id, None)
        if gone:
            self._left(list(gone))

    def _offsets(self, numbers: Iterable[int]) -> list[TopicPartition]:
        """What has changed since it was last committed, or would be forgotten by the broker one day."""
        from confluent_kafka import TopicPartition

        now_s, found = self._clock(), []
        self._decide(now_s)
        for number in numbers:
            for topic, mark in self.by_number[number].marks(now_s=now_s).items():
                last = self._committed.get((topic, number))
                if last is not None and last[0] == mark and now_s - last[1] < _AGAIN_S:
                    continue
                self._committed[topic, number] = (mark, now_s)
                found.append(TopicPartition(topic, number, mark.start, mark.note(self._note_room)))
        return found

    def _decide(self, now_s: float) -> None:
        """Find out what is decided: late spans that changed nothing and log records without a span are, too."""
        if not self.is_in_doubt:
            ids = [one for lane in self.by_number.values() for one in lane.undecided]
            waiting = set(self._undecided(ids))
            decided = [one for one in ids if one not in waiting]
            for lane in self.by_number.values():
                lane.decide(decided, now_s=now_s)

    def _note_failed(self, error: KafkaError, partitions: Iterable[TopicPartition]) -> None:
        for one in partitions:
            self._committed.pop((one.topic, one.partition), None)
        if error.code() == error.OFFSET_METADATA_TOO_LARGE:
            self._note_room //= 2
        elif error.code() not in {error.ILLEGAL_GENERATION, error.REBALANCE_IN_PROGRESS, error.UNKNOWN_MEMBER_ID}:
            self._say("commit", f"how far this member has come cannot be committed now: {error.str()}")

    def _partitions(self, numbers: Iterable[int] | Mapping[int, Lane]) -> list[TopicPartition]:
        from confluent_kafka import TopicPartition

        return [TopicPartition(topic, number) for number in numbers for topic in self._topics]
