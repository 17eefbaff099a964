"""What holds for any traffic: order is no matter, no span is lost or counted twice, nothing grows for ever."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from spanlabel.assembly import Assembler, Gathered, Left, Limits
from spanlabel.model import Log, Scope, Span, SpanKind, Status

MakeSpan = Callable[..., Span]

READ = {Left.ROOT_ENDED, Left.IDLE, Left.NO_ROOT, Left.MAX_AGE, Left.EJECTED_MEMORY, Left.DRAINED, Left.LATE}
DAY_S = 86_400.0


def span_of(trace: int, n: int) -> Span:
    """Span *n* of a trace: always the same, so that giving it again is a repetition.

    Trace 0 never has a root, trace 1 has a local root only, trace 2 is structure only, trace 3 is rooted in
    itself; the others have a root, number 0. Each third span is structure.
    """
    is_root = n == 0 and trace not in (0, 3)
    return Span(
        f"t{trace}",
        f"s{n}",
        None if is_root and trace != 1 else "s0",
        is_root and trace == 1,
        "",
        SpanKind.INTERNAL,
        n,
        n,
        {},
        (),
        (),
        Status.UNSET,
        "",
        Scope(),
        {},
        0,
        50 + 170 * (n * 7 % 5),
        n % 3 == 0 or trace == 2,
    )


def log_of(trace: int, n: int, part: int) -> Log:
    return Log(f"t{trace}", f"s{n}", "e", 0, f"part {part}", {}, Scope(), {}, 60)


spans = st.builds(span_of, st.integers(0, 6), st.integers(0, 8))
logs = st.builds(log_of, st.integers(0, 6), st.integers(0, 8), st.integers(0, 1))
Member = Span | Log


def whole(
    readings: list[Gathered],
) -> dict[str, tuple[frozenset[str], Mapping[str, frozenset[object]]]]:
    """Span ids and log bodies by trace, without any order; a trace read again counts as read last."""
    return {
        g.trace_id: (
            frozenset(span.span_id for span in g.spans),
            {span_id: frozenset(log.body for log in found) for span_id, found in g.logs.items()},
        )
        for g in readings
    }


@dataclass
class Delivery:
    """The same members in some order, some of them twice, cut into batches."""

    members: list[Member]
    batches: list[list[Member]]


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    members: list[Member] = draw(st.lists(spans | logs, max_size=40))
    again = draw(st.lists(st.sampled_from(members), max_size=10)) if members else []
    shuffled = draw(st.permutations(members + again))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=8)))
    edges = [0, *cuts, len(shuffled)]
    return Delivery(members, [shuffled[a:b] for a, b in pairwise(edges)])


def add(assembler: Assembler, batch: list[Member], now_s: float) -> None:
    assembler.add(
        [one for one in batch if isinstance(one, Span)],
        [one for one in batch if isinstance(one, Log)],
        now_s=now_s,
    )


def counted(assembler: Assembler, left: Counter[Left]) -> Counter[Left]:
    left.update(assembler.taken_counts())
    return left


@given(deliveries())
def test_order_repetition_and_batches_are_no_matter(delivery: Delivery) -> None:
    """
    However the same spans and log records are ordered, repeated and split, the same traces come out.
    """
    at_once, in_pieces = Assembler(Limits.for_files()), Assembler(Limits.for_files())
    add(at_once, delivery.members, 0)
    for batch in delivery.batches:
        add(in_pieces, batch, 0)

    read = in_pieces.drain(now_s=0)

    assert whole(read) == whole(at_once.drain(now_s=0))
    assert len({g.trace_id for g in read}) == len(read)
    assert in_pieces.received_spans == counted(in_pieces, Counter()).total()
    assert in_pieces.held_bytes == 0


@given(deliveries(), st.lists(st.floats(0, 15), min_size=10, max_size=10))
def test_the_last_reading_has_everything(delivery: Delivery, pauses_s: list[float]) -> None:
    """
    Whatever comes late, with any pauses, the last reading of a trace holds all its content, and only the
    readings after the first are said to be again.
    """
    generous = Limits.for_receiver()
    assembler = Assembler(replace(generous, root_grace_s=2, local_root_grace_s=4, idle_s=6, max_age_s=20))
    readings: list[Gathered] = []
    now_s = 0.0
    for batch, pause_s in zip(delivery.batches, pauses_s, strict=False):
        add(assembler, batch, now_s)
        now_s += pause_s
        readings += assembler.take_ready(now_s=now_s)
    readings += assembler.drain(now_s=now_s)

    once = Assembler(Limits.for_files())
    add(once, delivery.members, 0)
    found, expected = whole(readings), whole(once.drain(now_s=0))
    assert found.keys() == expected.keys()
    structure = {f"s{n}" for n in range(0, 9, 3)}
    for trace_id, (span_ids, log_bodies) in found.items():
        assert log_bodies == expected[trace_id][1]
        missing = expected[trace_id][0] - span_ids
        assert missing <= (expected[trace_id][0] if trace_id == "t2" else structure - log_bodies.keys())
    seen: set[str] = set()
    for g in readings:
        assert g.is_again is (g.trace_id in seen)
        seen.add(g.trace_id)
    left = counted(assembler, Counter())
    distinct = {(one.trace_id, one.span_id) for one in delivery.members if isinstance(one, Span)}
    assert sum(left[why] for why in READ) + left[Left.LATE_KEPT] == len(distinct)
    assert left.keys() <= READ | {Left.LATE_KEPT, Left.DUPLICATE}


class Traffic(RuleBasedStateMachine):
    """Any calls in any order, under budgets so small that all of them are reached."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.received = 0
        self.left: Counter[Left] = Counter()

    @initialize(
        max_traces=st.integers(1, 5),
        max_bytes=st.integers(300, 4000),
        max_trace_bytes=st.integers(300, 3000),
        max_trace_spans=st.integers(1, 8),
        decided_traces=st.integers(1, 5),
        linger_bytes=st.integers(0, 3000),
    )
    def start(self, **budgets: int) -> None:
        waits = partial(Limits, root_grace_s=2, local_root_grace_s=3, idle_s=5, max_age_s=15, linger_s=20)
        self.limits = waits(**budgets)
        self.assembler = Assembler(self.limits)

    @rule(batch=st.lists(spans | logs, max_size=12))
    def add(self, batch: list[Member]) -> None:
        add(self.assembler, batch, self.now_s)
        self.received += sum(isinstance(one, Span) for one in batch)

    @rule(trace=st.integers(0, 6))
    def open(self, trace: int) -> None:
        self.assembler.opened(f"t{trace}", now_s=self.now_s)

    @rule(trace=st.integers(0, 6))
    def close(self, trace: int) -> None:
        self.assembler.closed(f"t{trace}", now_s=self.now_s)

    @rule(pause_s=st.floats(0, 8))
    def wait(self, pause_s: float) -> None:
        self.now_s += pause_s

    @rule()
    def take_ready(self) -> None:
        self.check(self.assembler.take_ready(now_s=self.now_s))
        due_s = self.assembler.next_due_s()
        assert due_s is None or due_s > self.now_s
        assert all(trace.due(self.limits)[0] > self.now_s for trace in self.assembler._traces.values())

    @rule()
    def take_complete(self) -> None:
        self.check(self.assembler.take_complete(now_s=self.now_s))

    @rule()
    def drain(self) -> None:
        self.check(self.assembler.drain(now_s=self.now_s))
        assert self.assembler.held_spans == self.assembler.held_bytes == 0

    def check(self, readings: list[Gathered]) -> None:
        firsts = [g.first_s for g in readings]
        assert firsts == sorted(firsts)
        for g in readings:
            assert 0 < len(g.spans) <= self.limits.max_trace_spans
            assert len({span.span_id for span in g.spans}) == len(g.spans)
            assert {one.trace_id for one in (*g.spans, *(log for found in g.logs.values() for log in found))} == {
                g.trace_id
            }

    @invariant()
    @precondition(lambda self: hasattr(self, "assembler"))
    def nothing_is_lost_or_counted_twice(self) -> None:
        counted(self.assembler, self.left)
        assert self.assembler.received_spans == self.received
        assert self.assembler.held_spans >= 0
        assert self.received == self.assembler.held_spans + self.left.total()

    @invariant()
    @precondition(lambda self: hasattr(self, "assembler"))
    def budgets_hold(self) -> None:
        held, limits = self.assembler, self.limits
        assert held.held_traces <= limits.max_traces
        assert held.lingering_bytes <= limits.linger_bytes
        assert held.held_bytes + held.lingering_bytes <= limits.max_bytes

    @invariant()
    @precondition(lambda self: hasattr(self, "assembler"))
    def sums_are_what_is_there(self) -> None:
        held = self.assembler
        for kept, size_bytes in (
            (list(held._traces.values()), held.held_bytes),
            ([trace for _, trace in held._lingering._traces.values()], held.lingering_bytes),
        ):
            members = [one for trace in kept for one in trace.spans.values()] + [
                log for trace in kept for found in trace.logs.values() for log in found.values()
            ]
            assert sum(one.size_bytes for one in members) == size_bytes
            assert sum(trace.size_bytes for trace in kept) == size_bytes
        assert sum(trace.unsettled_spans for trace in held._traces.values()) == held.held_spans
        if any(trace.spans or trace.logs for trace in held._traces.values()):
            assert held.next_due_s() is not None

    def teardown(self) -> None:
        if not hasattr(self, "assembler"):
            return
        self.check(self.assembler.take_ready(now_s=self.now_s + DAY_S))
        self.check(self.assembler.take_ready(now_s=self.now_s + 2 * DAY_S))
        self.nothing_is_lost_or_counted_twice()
        assert (self.assembler.held_traces, self.assembler.held_spans, self.assembler.held_bytes) == (0, 0, 0)
        assert self.assembler.lingering_bytes == 0
        assert self.assembler.next_due_s() is None
        assert self.received == self.left.total()


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_day_of_traffic_leaves_nothing(make_span: MakeSpan, limits: Limits) -> None:
    """
    After a day with lost roots, late spans and leaked open spans, and less than an hour of silence, nothing
    is held.
    """
    chance = random.Random(20261121)  # noqa: S311 # traffic, no secret
    assembler = Assembler(replace(limits, decided_traces=500))
    left: Counter[Left] = Counter()
    most_held = 0
    arrivals: list[tuple[float, Span]] = []
    for n in range(4000):
        start_s = n * DAY_S / 4000
        if n % 5 == 0:
            arrivals.append((start_s, make_span("leaky", "root", trace_id=f"t{n}")))
        for k in range(chance.randint(1, 6)):
            parent_id = None if k == 0 and n % 7 else "root"
            at_s = start_s + chance.expovariate(1 / 15)
            arrivals.append((at_s, make_span(f"s{k}", parent_id, trace_id=f"t{n}", skeleton=k == 3)))
    for at_s, span in sorted(arrivals, key=lambda arrival: arrival[0]):
        if span.span_id == "leaky":
            assembler.opened(span.trace_id, now_s=at_s)
        assembler.add([span], now_s=at_s)
        assembler.take_ready(now_s=at_s)
        most_held = max(most_held, assembler.held_spans)
        counted(assembler, left)
        assert assembler.received_spans == assembler.held_spans + left.total()
    while (due_s := assembler.next_due_s()) is not None:
        assert due_s < DAY_S + 3600
        assembler.take_ready(now_s=due_s)
    counted(assembler, left)

    assert most_held < 100
    assert (assembler.held_traces, assembler.held_spans, assembler.held_bytes) == (0, 0, 0)
    assert (assembler.lingering_bytes, len(assembler._lingering), assembler._timers._heap) == (0, 0, [])
    assert len(assembler._decided) == 500
    assert left.total() == len(arrivals)
    assert {Left.ROOT_ENDED, Left.NO_ROOT, Left.IDLE, Left.LATE, Left.LATE_KEPT} <= left.keys()
