"""When a trace is ready and why; what happens to late, repeated and stray spans and log records."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from spanlabel.assembly import Assembler, Gathered, Left, Limits
from spanlabel.model import Log, Ready, Span

MakeSpan = Callable[..., Span]
MakeLog = Callable[..., Log]


@pytest.fixture
def assembler(limits: Limits) -> Assembler:
    return Assembler(limits)


def ids(gathered: Gathered) -> list[str]:
    return [span.span_id for span in gathered.spans]


class TestWaiting:
    @pytest.mark.parametrize(
        ("arrivals", "due_s", "why"),
        [
            pytest.param([(0, "b", "a"), (1, "a", None)], 3, Ready.ROOT_ENDED, id="root last"),
            pytest.param([(0, "a", None), (1, "b", "a")], 3, Ready.ROOT_ENDED, id="child after root"),
            pytest.param([(0, "a", "x", True)], 5, Ready.ROOT_ENDED, id="only a local root"),
            pytest.param([(0, "b", "x", True), (1, "a", None)], 3, Ready.ROOT_ENDED, id="local root, then root"),
            pytest.param([(0, "a", None), (1, "b", "x", True)], 3, Ready.ROOT_ENDED, id="root, then local root"),
            pytest.param([(0, "b", "a"), (7, "c", "a")], 27, Ready.NO_ROOT, id="root never came"),
            pytest.param([(0, "a", "a")], 20, Ready.NO_ROOT, id="a span that is its own parent is no root"),
            pytest.param([(0, "a", "b"), (0, "b", "a")], 20, Ready.NO_ROOT, id="a circle has no root"),
            pytest.param([(t, f"b{t}", "a") for t in range(0, 100, 10)], 100, Ready.MAX_AGE, id="spans without end"),
            pytest.param([(t, f"b{t}", None) for t in range(100)], 100, Ready.MAX_AGE, id="roots without end"),
        ],
    )
    def test_ready_when_due_and_not_before(
        self,
        assembler: Assembler,
        make_span: MakeSpan,
        arrivals: list[tuple[int, str, str | None] | tuple[int, str, str | None, bool]],
        due_s: int,
        why: Ready,
    ) -> None:
        """
        A trace is handed out once, whole, at the moment that its spans so far say, with the reason.
        """
        for at_s, span_id, parent_id, *remote in arrivals:
            assembler.add([make_span(span_id, parent_id, remote=bool(remote))], now_s=at_s)
            assert assembler.take_ready(now_s=at_s) == []

        assert assembler.take_ready(now_s=due_s - 0.001) == []
        [gathered] = assembler.take_ready(now_s=due_s)

        assert gathered.ready is why
        assert ids(gathered) == [span_id for _, span_id, *_ in arrivals]
        assert not gathered.is_again
        assert assembler.take_ready(now_s=due_s) == []

    def test_root_never_lengthens_the_wait(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        With a grace longer than the idle time, a root does not make a trace wait longer than idle.
        """
        assembler = Assembler(replace(limits, root_grace_s=50, local_root_grace_s=50))
        assembler.add([make_span("a"), make_span("b", "x", trace_id="t2", remote=True)], now_s=0)

        assert [g.ready for g in assembler.take_ready(now_s=20)] == [Ready.ROOT_ENDED, Ready.ROOT_ENDED]

    def test_late_look_does_not_change_the_reason(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A trace whose root ended is not said to be too old because nobody looked for an hour.
        """
        assembler.add([make_span("a")], now_s=0)

        [gathered] = assembler.take_ready(now_s=3600)

        assert gathered.ready is Ready.ROOT_ENDED

    def test_oldest_first(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        Ready traces come in the order in which their first spans came, whichever was due first.
        """
        assembler.add([make_span("b", "a", trace_id="old")], now_s=0)
        assembler.add([make_span("a", trace_id="new")], now_s=1)

        assert [g.trace_id for g in assembler.take_ready(now_s=50)] == ["old", "new"]

    def test_drain_takes_all(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        At the end of a file or at shutdown everything comes out, and the reason says so.
        """
        assembler.add([make_span("b", "a", trace_id="t1")], now_s=0)
        assembler.add([make_span("a", trace_id="t2")], now_s=1)

        drained = assembler.drain(now_s=3)

        assert [(g.trace_id, g.ready) for g in drained] == [("t1", Ready.DRAINED), ("t2", Ready.ROOT_ENDED)]
        assert (assembler.held_traces, assembler.held_spans, assembler.held_bytes) == (0, 0, 0)

    def test_flush_takes_what_is_complete(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A flush hands out every run that has ended, without its grace, and leaves the running ones.
        """
        assembler.opened("running", now_s=0)
        assembler.opened("running", now_s=0)
        assembler.closed("running", now_s=0)
        assembler.add([make_span("a", trace_id="ended"), make_span("b", "a", trace_id="rootless")], now_s=0)
        assembler.add([make_span("a", trace_id="running")], now_s=0)

        assert [(g.trace_id, g.ready) for g in assembler.take_complete(now_s=0)] == [("ended", Ready.ROOT_ENDED)]
        assert assembler.held_traces == 2

    def test_files_wait_for_the_end(self, make_span: MakeSpan) -> None:
        """
        While files are read a trace is ready when half a gigabyte came without anything of it, rooted or not; what is
        smaller is held to the end.
        """
        assembler = Assembler(Limits.for_files())
        assembler.add([make_span("a", trace_id="early"), make_span("b", "a", trace_id="rootless")], now_s=0)
        assembler.add([make_span("a", trace_id="late")], now_s=1)

        assert assembler.take_ready(now_s=(1 << 29) - 1) == []
        assert [one.trace_id for one in assembler.take_ready(now_s=1 << 29)] == ["early", "rootless"]
        assert len(assembler.drain(now_s=1 << 29)) == 1
        assert assembler.lingering_bytes == 0


class TestOpenSpans:
    def test_root_ended_and_nothing_open(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        In process a run is ready at the moment its root has ended and no span of it is open: no grace.
        """
        for span_id, parent_id in (("a", None), ("b", "a"), ("c", "a")):
            assembler.opened("t1", now_s=0)
            if span_id == "b":
                assembler.add([make_span(span_id, parent_id)], now_s=1)
                assembler.closed("t1", now_s=1)
        assembler.closed("t1", now_s=2)
        assembler.add([make_span("a")], now_s=2)
        assert assembler.take_ready(now_s=10) == []

        assembler.add([make_span("c", "a")], now_s=11)
        assembler.closed("t1", now_s=11)
        [gathered] = assembler.take_ready(now_s=11)

        assert gathered.ready is Ready.ROOT_ENDED
        assert ids(gathered) == ["b", "a", "c"]

    @pytest.mark.parametrize("is_closed_first", [False, True])
    def test_local_root_is_enough(self, assembler: Assembler, make_span: MakeSpan, is_closed_first: bool) -> None:
        """
        A request that was called from elsewhere is ready when it ends, whichever of the two calls comes first.
        """
        assembler.opened("t1", now_s=0)
        if is_closed_first:
            assembler.closed("t1", now_s=1)
        assembler.add([make_span("a", "x", remote=True)], now_s=1)
        if not is_closed_first:
            assembler.closed("t1", now_s=1)

        assert [g.ready for g in assembler.take_ready(now_s=1)] == [Ready.ROOT_ENDED]

    def test_span_that_never_ends(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A leaked span holds its trace for the idle time and no longer.
        """
        assembler.opened("t1", now_s=0)
        assembler.opened("t1", now_s=0)
        assembler.closed("t1", now_s=1)
        assembler.add([make_span("a")], now_s=1)

        assert assembler.take_ready(now_s=20.9) == []
        assert [g.ready for g in assembler.take_ready(now_s=21)] == [Ready.IDLE]

    def test_leak_in_a_busy_trace(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A leaked span in a trace that never rests holds it for the hard cap and no longer.
        """
        assembler.opened("t1", now_s=0)
        for at_s in range(0, 100, 10):
            assembler.add([make_span(f"b{at_s}", "a")], now_s=at_s)

        assert [g.ready for g in assembler.take_ready(now_s=100)] == [Ready.MAX_AGE]

    def test_only_opened(self, assembler: Assembler) -> None:
        """
        Of a trace that opened a span and never gave one, nothing comes out and nothing stays.
        """
        assembler.opened("t1", now_s=0)
        assert assembler.held_traces == 1

        assert assembler.drain(now_s=1) == []
        assert assembler.held_traces == 1
        assert assembler.take_ready(now_s=20) == []
        assert assembler.held_traces == 0

    def test_age_counts_from_the_first_span(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        The hard cap counts from what is held, not from when a span was opened.
        """
        assembler = Assembler(replace(limits, idle_s=60, max_age_s=30))
        assembler.opened("t1", now_s=0)
        assembler.add([make_span("b", "a")], now_s=50)

        assert assembler.take_ready(now_s=79) == []
        [gathered] = assembler.take_ready(now_s=80)
        assert (gathered.ready, gathered.first_s) == (Ready.MAX_AGE, 50)

    def test_stray_closed(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        Ends of spans whose start was not seen do no harm.
        """
        assembler.closed("t1", now_s=0)
        assembler.add([make_span("a")], now_s=0)
        assembler.closed("t1", now_s=0)

        assert assembler.take_ready(now_s=1) == []
        assert [g.ready for g in assembler.take_ready(now_s=2)] == [Ready.ROOT_ENDED]

    def test_open_again_before_it_was_taken(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A background task that opens a span after the root has ended is still part of the run.
        """
        assembler.opened("t1", now_s=0)
        assembler.closed("t1", now_s=1)
        assembler.add([make_span("a")], now_s=1)
        assembler.opened("t1", now_s=1)
        assert assembler.take_ready(now_s=3) == []

        assembler.add([make_span("b", "a")], now_s=4)
        assembler.closed("t1", now_s=4)

        assert [ids(g) for g in assembler.take_ready(now_s=4)] == [["a", "b"]]


class TestLate:
    def test_read_again_with_the_rest(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A span that comes after its trace was decided is read together with the earlier ones.
        """
        assembler.add([make_span("a")], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add([make_span("b", "a")], now_s=100)
        assert (assembler.held_spans, assembler.held_bytes) == (1, 200)
        assert assembler.take_ready(now_s=101) == []

        [gathered] = assembler.take_ready(now_s=102)

        assert (gathered.ready, gathered.is_again, gathered.first_s) == (Ready.LATE, True, 100)
        assert ids(gathered) == ["a", "b"]
        assert assembler.taken_counts() == {Left.ROOT_ENDED: 1, Left.LATE: 1}

    def test_late_spans_come_in_flocks(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        Late spans of one run, seconds apart, cost one more reading and not one each; in process too.
        """
        assembler.opened("t1", now_s=0)
        assembler.closed("t1", now_s=0)
        assembler.add([make_span("a")], now_s=0)
        assembler.take_ready(now_s=0)
        readings = []
        for n in range(10):
            assembler.add([make_span(f"b{n}", "a")], now_s=10 + n)
            readings += assembler.take_ready(now_s=10 + n)

        assert readings == []
        assert [len(g.spans) for g in assembler.take_ready(now_s=21)] == [11]

    def test_root_comes_late(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A trace read without its root is read again when the root comes, be it mere structure.
        """
        assembler.add([make_span("b", "a")], now_s=0)
        assembler.take_ready(now_s=20)
        assembler.add([make_span("a", skeleton=True)], now_s=30)

        [gathered] = assembler.take_ready(now_s=32)

        assert (gathered.ready, ids(gathered)) == (Ready.LATE, ["b", "a"])

    def test_late_structure_alone_changes_nothing(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A database call that is reported late is no reason to read a run again; it is there when there is one.
        """
        assembler.add([make_span("a")], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add([make_span("s", "a", skeleton=True)], now_s=3)
        assert assembler.take_ready(now_s=50) == []
        assert assembler.taken_counts() == {Left.ROOT_ENDED: 1, Left.LATE_KEPT: 1}

        assembler.add([make_span("b", "s")], now_s=60)
        [gathered] = assembler.take_ready(now_s=70)

        assert ids(gathered) == ["a", "s", "b"]
        assert assembler.taken_counts() == {Left.LATE: 1}

    def test_late_structure_never_fills_the_trace(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Late structure is kept up to the trace's number of spans, and counted as dropped beyond.
        """
        assembler = Assembler(replace(limits, max_trace_spans=3))
        assembler.add([make_span("a")], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add([make_span(f"s{n}", "a", skeleton=True) for n in range(5)], now_s=3)

        assert assembler.taken_counts() == {Left.ROOT_ENDED: 1, Left.LATE_KEPT: 2, Left.LATE_DROPPED: 3}

    def test_repeated_late_span(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A batch that the sender repeats after its traces were decided makes no second reading.
        """
        assembler.add([make_span("a")], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add([make_span("a")], now_s=3)

        assert assembler.drain(now_s=50) == []
        assert assembler.taken_counts() == {Left.ROOT_ENDED: 1, Left.DUPLICATE: 1}

    def test_lingering_ends(self, assembler: Assembler, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        When the earlier spans are gone, late ones are dropped and counted, so that no run is read in halves.
        """
        assembler.add([make_span("a")], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add([make_span("b", "a")], [make_log("a")], now_s=302)
        assembler.opened("t1", now_s=302)

        assert (assembler.held_traces, assembler.lingering_bytes) == (0, 0)
        assert assembler.taken_counts() == {Left.ROOT_ENDED: 1, Left.LATE_DROPPED: 1}
        assert assembler.taken_log_counts() == {Left.LATE_DROPPED: 1}

    def test_structure_is_forgotten_with_its_spans(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A trace that had no content gave nothing, so GenAI spans that come much later are read and not dropped.
        """
        assembler.add([make_span("a", skeleton=True)], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add([make_span("b", "a")], now_s=400)

        assert [(ids(g), g.is_again) for g in assembler.take_ready(now_s=420)] == [(["b"], False)]

    def test_decided_ids_are_bounded(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        The trace decided longest ago is forgotten first; one that is still asked for is not.
        """
        assembler = Assembler(replace(limits, decided_traces=2, linger_bytes=0))
        for at_s, trace_id in ((0, "t1"), (10, "t2"), (20, "t1"), (30, "t3")):
            assembler.add([make_span("a", trace_id=trace_id)], now_s=at_s)
            assembler.take_ready(now_s=at_s + 5)
        assembler.taken_counts()
        assembler.add([make_span("b", trace_id="t1"), make_span("b", trace_id="t2")], now_s=40)

        assert assembler.taken_counts() == {Left.LATE_DROPPED: 1}
        assert [g.trace_id for g in assembler.take_ready(now_s=50)] == ["t2"]

    def test_open_spans_are_remembered_while_it_lingers(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        A run that was drained in the middle is awaited to its end like any other.
        """
        assembler.opened("t1", now_s=0)
        assembler.opened("t1", now_s=0)
        assembler.add([make_span("b", "a")], now_s=1)
        assembler.closed("t1", now_s=1)
        assert [g.ready for g in assembler.drain(now_s=1)] == [Ready.DRAINED]
        assembler.opened("t1", now_s=2)
        assembler.add([make_span("a")], now_s=3)
        assembler.closed("t1", now_s=3)
        assert assembler.take_ready(now_s=10) == []

        assembler.add([make_span("c", "a")], now_s=11)
        assembler.closed("t1", now_s=11)

        assert [(g.ready, ids(g)) for g in assembler.take_ready(now_s=13)] == [(Ready.LATE, ["b", "a", "c"])]


class TestLogs:
    def test_before_with_and_after_their_span(
        self, assembler: Assembler, make_span: MakeSpan, make_log: MakeLog
    ) -> None:
        """
        Log records reach their span whether they come before it, with it or after it, and once each.
        """
        assembler.add((), [make_log("a", "1")], now_s=0)
        assembler.add([make_span("a")], [make_log("a", "2"), make_log("b", "x")], now_s=1)
        assembler.add((), [make_log("a", "3"), make_log("a", "1")], now_s=2)
        assert assembler.held_bytes == 300

        [gathered] = assembler.take_ready(now_s=4)

        assert {key: [log.body for log in logs] for key, logs in gathered.logs.items()} == {
            "a": ["1", "2", "3"],
            "b": ["x"],
        }
        assert assembler.taken_log_counts() == {Left.DUPLICATE: 1}

    def test_late_log(self, assembler: Assembler, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        Content that comes in a log record after the trace was decided is a reason to read it again.
        """
        assembler.add([make_span("a", skeleton=True)], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add((), [make_log("a")], now_s=3)

        [gathered] = assembler.take_ready(now_s=5)

        assert (gathered.ready, len(gathered.logs["a"])) == (Ready.LATE, 1)
        assert assembler.taken_counts() == {Left.ROOT_ENDED: 1}

    def test_late_span_of_a_log_that_waits(self, assembler: Assembler, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        A late span without content of its own is read if a log record has brought its content.
        """
        assembler.add([make_span("a")], [make_log("b")], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add([make_span("b", "a", skeleton=True)], now_s=3)

        assert [ids(g) for g in assembler.take_ready(now_s=5)] == [["a", "b"]]

    def test_repeated_late_log(self, assembler: Assembler, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        A log record that is sent again after the trace was decided changes nothing.
        """
        assembler.add([make_span("a")], [make_log("a")], now_s=0)
        assembler.take_ready(now_s=2)
        assembler.add((), [make_log("a")], now_s=3)

        assert assembler.drain(now_s=4) == []
        assert assembler.taken_log_counts() == {Left.DUPLICATE: 1}

    def test_without_any_span(self, assembler: Assembler, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        Log records whose spans never come are counted; if the span comes after all, they are read with it.
        """
        assembler.add((), [make_log("a")], now_s=0)

        assert assembler.take_ready(now_s=20) == []
        assert assembler.taken_log_counts() == {Left.NO_SPAN: 1}

        assembler.add([make_span("a", skeleton=True)], now_s=30)
        [gathered] = assembler.take_ready(now_s=32)

        assert (gathered.is_again, gathered.ready, len(gathered.logs["a"])) == (False, Ready.ROOT_ENDED, 1)

    def test_same_text_twice_is_two_records(self, assembler: Assembler, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        "yes" said twice in a conversation, at two moments, stays twice.
        """
        logs = [make_log("a", "yes", time_ns=1), make_log("a", "yes", time_ns=2)]
        assembler.add([make_span("a")], logs, now_s=0)

        [gathered] = assembler.take_ready(now_s=2)

        assert gathered.logs == {"a": tuple(logs)}

    def test_bottomless_body(self, assembler: Assembler, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        A body nested deeper than Python can follow is kept like any other.
        """
        body: list[object] = []
        for _ in range(100_000):
            body = [body]
        assembler.add([make_span("a")], [make_log("a", body), make_log("a", "2")], now_s=0)

        assert [len(g.logs["a"]) for g in assembler.take_ready(now_s=2)] == [2]


class TestNextDue:
    def test_nothing_to_wait_for(self, assembler: Assembler) -> None:
        """
        An assembler that holds nothing asks for no timer.
        """
        assert assembler.next_due_s() is None

    def test_follows_the_traces(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        The time asked for is that of the first trace to be ready, then the end of its lingering, then none.
        """
        assembler.add([make_span("b", "a")], now_s=0)
        assert assembler.next_due_s() == 20
        assembler.add([make_span("a")], now_s=1)
        assert assembler.next_due_s() == 3
        assembler.take_ready(now_s=3)
        assert assembler.next_due_s() == 303
        assembler.take_ready(now_s=303)
        assert assembler.next_due_s() is None

    def test_calling_when_asked_is_enough(self, assembler: Assembler, make_span: MakeSpan) -> None:
        """
        Whoever sleeps until the time asked for takes each trace at its time, in a bounded number of wakes.
        """
        for n in range(200):
            assembler.add([make_span("b", "a", trace_id=f"t{n}")], now_s=n * 0.05)
            assembler.add([make_span("a", trace_id=f"t{n}")] * (n % 2), now_s=n * 0.05)
        taken, wakes, now_s = 0, 0, 0.0
        while (due_s := assembler.next_due_s()) is not None:
            now_s, wakes = max(now_s, due_s), wakes + 1
            taken += len(assembler.take_ready(now_s=now_s))

        assert taken == 200
        assert wakes <= 800
        assert math.isclose(now_s, 199 * 0.05 - 0.05 + 20 + 300)


def test_repeated_span_in_a_held_trace(assembler: Assembler, make_span: MakeSpan) -> None:
    """
    A span sent twice is there once, and the copy neither counts as content nor prolongs the wait.
    """
    assembler.add([make_span("a"), make_span("a")], now_s=0)
    assembler.add([make_span("a")], now_s=1)

    [gathered] = assembler.take_ready(now_s=2)

    assert ids(gathered) == ["a"]
    assert assembler.taken_counts() == {Left.DUPLICATE: 2, Left.ROOT_ENDED: 1}
    assert assembler.received_spans == 3


def test_counts_are_taken_once(assembler: Assembler, make_span: MakeSpan) -> None:
    """
    Counts are differences: what was taken is not given again.
    """
    assembler.add([make_span("a")], now_s=0)
    assembler.drain(now_s=0)

    assert assembler.taken_counts() == {Left.DRAINED: 1}
    assert assembler.taken_counts() == {}


@pytest.mark.parametrize("trace_id", ["", "0" * 32, "\x00", "ü" * 40, "t1 "])
def test_any_id(assembler: Assembler, make_span: MakeSpan, trace_id: str) -> None:
    """
    Ids are opaque: empty, zero or odd ones are gathered like others.
    """
    assembler.add([make_span("", None, trace_id=trace_id), make_span("b", "", trace_id=trace_id)], now_s=0)

    assert [(g.trace_id, ids(g)) for g in assembler.take_ready(now_s=2)] == [(trace_id, ["", "b"])]
