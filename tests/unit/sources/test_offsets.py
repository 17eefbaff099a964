from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanlabel.sources.offsets import Lane, Mark, read_mark

T, L = "spans", "logs"


def lane(*topics: str, keep_s: float = 0.0, **before: Mark) -> Lane:
    return Lane({topic: before.get(topic) for topic in topics or (T,)}, keep_s=keep_s)


class TestMark:
    def test_a_group_comes_as_far_as_its_first_undecided_trace(self) -> None:
        """What is decided before it is not read again, what is undecided is."""
        one = lane()
        for offset, trace_id in enumerate("aabbc"):
            one.take(T, offset, [trace_id], now_s=0)
        one.decide(["a"], now_s=1)
        assert one.marks(now_s=1) == {T: Mark(2, 5, (2, 4))}

    def test_a_decided_trace_that_goes_on_behind_an_undecided_one_is_read_again_to_be_known(self) -> None:
        """Its later spans alone would make a wrong record."""
        one = lane()
        for offset, trace_id in enumerate("aba"):
            one.take(T, offset, [trace_id], now_s=0)
        one.decide(["a"], now_s=1)
        [mark] = one.marks(now_s=1).values()
        assert mark == Mark(0, 3, (1,))
        two = lane(spans=mark)
        assert [two.take(T, n, [who], now_s=2).known for n, who in enumerate("aba")] == [{"a"}, set(), {"a"}]
        assert two.undecided == ("b",)

    def test_when_all_is_decided_nothing_is_read_again(self) -> None:
        """A group in peace has no lag."""
        one = lane()
        one.take(T, 7, ["a"], now_s=0)
        one.decide(["a", "not ours"], now_s=1)
        assert one.marks(now_s=1) == {T: Mark(8, 8)}
        assert one.oldest_s is None

    def test_a_decided_trace_is_remembered_for_a_while(self) -> None:
        """A span that comes late just after a change of members makes no record of its own."""
        one = lane(keep_s=60)
        one.take(T, 7, ["a"], now_s=0)
        one.decide(["a"], now_s=1)
        assert one.marks(now_s=60) == {T: Mark(7, 8)}
        assert one.marks(now_s=61) == {T: Mark(8, 8)}

    def test_nothing_is_said_of_a_topic_of_which_nothing_came(self) -> None:
        """What is committed of it stays as it is."""
        one = lane(T, L)
        one.take(L, 3, ["a"], now_s=5)
        assert one.marks(now_s=5) == {L: Mark(3, 4, (3,))}
        assert (one.position(T), one.position(L), one.oldest_s) == (None, 4, 5)

    def test_a_successor_that_leaves_early_hands_on_what_it_was_told(self) -> None:
        """Members that come and go quickly decide nothing twice."""
        two = lane(spans=Mark(0, 9, (3, 7)))
        two.take(T, 0, ["a"], now_s=0)
        two.take(T, 3, ["b"], now_s=0)
        assert two.marks(now_s=0) == {T: Mark(0, 9, (3, 7))}


class TestLate:
    def test_what_comes_late_is_read_with_what_another_member_has_decided(self) -> None:
        """Not alone, which would make a wrong record, and not dropped, which might lose the answer."""
        two = lane(spans=Mark(0, 5))
        assert two.take(T, 0, ["a"], now_s=0).known == {"a"}
        taking = two.take(T, 5, ["a"], now_s=0)
        assert (taking.known, taking.late) == (set(), {"a"})
        assert two.undecided == ("a",)
        assert two.marks(now_s=0) == {T: Mark(0, 6, (0,))}
        two.decide(["a"], now_s=1)
        assert two.marks(now_s=1) == {T: Mark(6, 6)}

    def test_a_trace_that_has_gone_on_is_undecided(self) -> None:
        """Whoever is killed before it was read again leaves it to the next member, whole."""
        one = lane()
        one.take(T, 0, ["a"], now_s=0)
        one.decide(["a"], now_s=1)
        one.take(T, 1, ["b"], now_s=1)
        one.take(T, 2, ["a"], now_s=1)
        assert one.undecided == ("b", "a")
        assert one.marks(now_s=1) == {T: Mark(0, 3, (0, 1))}

    def test_topics_are_one_in_this(self) -> None:
        """Log records that come late reopen the trace in both topics, whichever is read first."""
        two = lane(T, L, spans=Mark(0, 5))
        assert two.take(L, 10, ["a"], now_s=0) == two.take(T, 0, ["a"], now_s=0)
        assert two.undecided == ("a",)
        other = lane(T, L, spans=Mark(0, 5), logs=Mark(8, 10))
        assert other.take(L, 8, ["a"], now_s=0).known == {"a"}
        assert other.take(T, 0, ["a"], now_s=0).known == {"a"}
        assert other.take(L, 10, ["a"], now_s=0).late == {"a"}
        assert other.marks(now_s=0) == {T: Mark(0, 5, (0,)), L: Mark(8, 11, (8,))}


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), unique=True, min_size=1), st.integers(0, 2**40), st.integers(20, 200))
def test_a_note_says_what_was_written(gaps: list[int], start: int, room: int) -> None:
    """A note keeps to its room, and what it leaves out it does not claim."""
    *undecided, end = sorted(start + gap for gap in gaps)
    mark = Mark(start, end, tuple(undecided))
    assert read_mark(start, mark.note(10**6)) == mark
    note = mark.note(room)
    assert len(note) <= room
    short = read_mark(start, note)
    assert short.end <= end
    assert short.undecided == tuple(one for one in undecided if one < short.end)


@settings(deadline=None)
@given(st.text() | st.binary().map(lambda some: "spanlabel1:" + some.decode("latin-1")))
def test_a_note_of_somebody_else_claims_nothing_wrong(note: str) -> None:
    """A group that another program or tool has committed for is read from its offset."""
    mark = read_mark(5, note)
    assert mark.start == 5
    assert mark.end >= 5


def test_without_a_note_nothing_is_known() -> None:
    """An offset that was set by hand is where reading begins, and no more."""
    assert read_mark(5, None) == read_mark(5, "") == Mark(5, 5)


class World:
    """Topics that are read by members of a group, one after the other, with the traces they decide.

    A trace is decided when all its messages have been taken, as by a pipeline that waits long enough, or at any time.
    """

    def __init__(
        self, topics: Sequence[Sequence[Sequence[int]]], *, keep_s: float, room: int, is_patient: bool = True
    ) -> None:
        self.is_patient = is_patient
        self.topics = topics
        self.keep_s = keep_s
        self.room = room
        self.whole: dict[str, set[tuple[str, int]]] = {}
        for topic, messages in enumerate(topics):
            for offset, traces in enumerate(messages):
                for trace in traces:
                    self.whole.setdefault(str(trace), set()).add((str(topic), offset))
        self.committed: dict[str, tuple[int, str]] = {}
        self.outcomes: list[tuple[str, set[tuple[str, int]]]] = []
        self.now_s = 0.0
        self.begin()

    def begin(self) -> None:
        names = [str(n) for n in range(len(self.topics))]
        marks = {name: read_mark(*self.committed[name]) if name in self.committed else None for name in names}
        self.next = {name: mark.start if mark else 0 for name, mark in marks.items()}
        self.lane = Lane(marks, keep_s=self.keep_s)
        self.taken: dict[str, set[tuple[str, int]]] = {}
        self.aside: dict[str, set[tuple[str, int]]] = {}

    def read(self, topic: int) -> None:
        name, offset = str(topic), self.next[str(topic)]
        if offset == len(self.topics[topic]):
            return
        self.next[name] += 1
        self.now_s += 1
        traces = [str(trace) for trace in self.topics[topic][offset]]
        taking = self.lane.take(name, offset, traces, now_s=self.now_s)
        for trace in taking.late:
            self.taken[trace] = self.aside.pop(trace)
        for trace in traces:
            (self.aside if trace in taking.known else self.taken).setdefault(trace, set()).add((name, offset))

    def decide(self, how_many: int) -> None:
        undecided = self.lane.undecided
        ready = [one for one in undecided if self.taken[one] == self.whole[one] or not self.is_patient]
        for trace in ready[:how_many]:
            self.outcomes.append((trace, set(self.taken[trace])))
            self.lane.decide([trace], now_s=self.now_s)

    def commit(self) -> None:
        for name, mark in self.lane.marks(now_s=self.now_s).items():
            assert mark.start <= mark.end
            self.committed[name] = (mark.start, mark.note(self.room))

    def read_all(self) -> None:
        for topic, messages in enumerate(self.topics):
            for _ in messages:
                self.read(topic)
        self.decide(10**6)


_STEPS = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 1)),
    st.tuples(st.just("read"), st.integers(0, 1)),
    st.tuples(st.just("decide"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["commit", "kill", "hand over"]), st.just(0)),
)
_KEYED = st.lists(st.lists(st.integers(0, 8).map(lambda one: [one]), max_size=25), min_size=2, max_size=2)
_UNKEYED = st.lists(st.lists(st.lists(st.integers(0, 8), max_size=3), max_size=25), min_size=1, max_size=1)


def _lived(world: World, steps: Sequence[tuple[str, int]]) -> World:
    for what, n in steps:
        if what == "read":
            world.read(n % len(world.topics))
        elif what == "decide":
            world.decide(n)
        elif what == "commit":
            world.commit()
        else:
            if what == "hand over":
                world.commit()
            world.begin()
    world.read_all()
    return world


@settings(max_examples=200, deadline=None)
@given(
    topics=_KEYED | _UNKEYED,
    steps=st.lists(_STEPS, max_size=80),
    keep_s=st.sampled_from([0.0, 3.0, 1000.0]),
    room=st.sampled_from([0, 11, 14, 17, 4096]),
)
def test_no_trace_is_lost_or_torn(
    topics: Sequence[Sequence[Sequence[int]]], steps: Sequence[tuple[str, int]], keep_s: float, room: int
) -> None:
    """Whatever happens to the members of a group, each trace is decided, and always with all its messages."""
    world = _lived(World(topics, keep_s=keep_s, room=room), steps)
    assert {trace for trace, _ in world.outcomes} == set(world.whole)
    for trace, messages in world.outcomes:
        assert messages == world.whole[trace]


@settings(max_examples=200, deadline=None)
@given(topics=_KEYED, steps=st.lists(_STEPS, max_size=80), keep_s=st.sampled_from([0.0, 3.0, 1000.0]))
def test_no_trace_is_decided_twice_unless_somebody_was_killed(
    topics: Sequence[Sequence[Sequence[int]]], steps: Sequence[tuple[str, int]], keep_s: float
) -> None:
    """Members that come and go in peace decide each trace once."""
    peaceful = [(what, n) for what, n in steps if what != "kill"]
    world = _lived(World(topics, keep_s=keep_s, room=4096), peaceful)
    assert sorted(trace for trace, _ in world.outcomes) == sorted(world.whole)


@settings(max_examples=200, deadline=None)
@given(topics=_KEYED, steps=st.lists(_STEPS, max_size=80), room=st.sampled_from([0, 14, 17, 4096]))
def test_what_comes_after_a_decision_is_read_with_what_came_before(
    topics: Sequence[Sequence[Sequence[int]]], steps: Sequence[tuple[str, int]], room: int
) -> None:
    """Whatever is decided too early, and whoever is killed then: the last reading of each trace is whole."""
    world = _lived(World(topics, keep_s=1000, room=room, is_patient=False), steps)
    last = dict(world.outcomes)
    assert last == world.whole


def test_many_messages_leave_nothing_behind() -> None:
    """Memory is that of the traces that matter, and a note of many undecided traces fits."""
    one = lane()
    for offset in range(50_000):
        one.take(T, offset, [str(offset // 2)], now_s=offset)
        if offset >= 10_000:
            one.decide([str((offset - 10_000) // 2)], now_s=offset)
        if offset % 1000 == 999:
            one.marks(now_s=offset)
    [mark] = one.marks(now_s=50_000).values()
    assert len(one.undecided) == len(mark.undecided) == pytest.approx(5_000, abs=1)
    assert len(one._partitions[T].runs) == len(one.undecided)
    assert len(mark.note()) <= 4096
    assert len(read_mark(mark.start, mark.note()).undecided) > 2_500
