"""How much is held at most, and what goes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from spanlabel.assembly import Assembler, Gathered, Left, Limits
from spanlabel.model import Log, Ready, Span

MakeSpan = Callable[..., Span]
MakeLog = Callable[..., Log]


def traces(gathered: list[Gathered]) -> list[str]:
    return [g.trace_id for g in gathered]


class TestBytes:
    def test_heaviest_goes_first(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Beyond the budget the heaviest trace is handed out early, whole, with the reason; the rest stay.
        """
        assembler = Assembler(replace(limits, max_bytes=1000))
        assembler.add([make_span("b", "a", trace_id="light", size_bytes=300)], now_s=0)
        assembler.add([make_span("b", "a", trace_id="heavy", size_bytes=500)], now_s=0)
        assembler.add([make_span("b", "a", trace_id="new", size_bytes=201)], now_s=0)
        assert assembler.next_due_s() == 0

        [gathered] = assembler.take_ready(now_s=0)

        assert (gathered.trace_id, gathered.ready) == ("heavy", Ready.EJECTED_MEMORY)
        assert (assembler.held_traces, assembler.held_bytes, assembler.held_spans) == (2, 501, 2)
        assert assembler.taken_counts() == {Left.EJECTED_MEMORY: 1}

    def test_age_weighs(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        A trace that has been held for the idle time weighs four times its bytes.
        """
        assembler = Assembler(replace(limits, max_bytes=1000))
        assembler.add([make_span("b", "a", trace_id="old", size_bytes=150)], now_s=0)
        assembler.add([make_span("b", "a", trace_id="new", size_bytes=590)], now_s=20)
        assembler.add([make_span("c", "a", trace_id="old", size_bytes=1)], now_s=20)
        assembler.add([make_span("b", "a", trace_id="last", size_bytes=260)], now_s=20)

        assert traces(assembler.take_ready(now_s=20)) == ["old"]

    def test_no_more_goes_than_needed(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        After the budget was exceeded at least three quarters of it are still held (traces being small).
        """
        assembler = Assembler(replace(limits, max_bytes=10_000))
        assembler.add([make_span("b", "a", trace_id=f"t{n}") for n in range(101)], now_s=0)

        assert 7_500 <= assembler.held_bytes <= 10_000
        assert len(assembler.take_ready(now_s=0)) + assembler.held_traces == 101

    def test_lingering_goes_before_what_is_held(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        What was decided already makes room before any running trace is cut short.
        """
        assembler = Assembler(replace(limits, max_bytes=1000, linger_bytes=800))
        for n in range(4):
            assembler.add([make_span("a", trace_id=f"t{n}", size_bytes=200)], now_s=n)
        assembler.take_ready(now_s=10)
        assert assembler.lingering_bytes == 800

        assembler.add([make_span("b", "a", trace_id="new", size_bytes=500)], now_s=11)

        assert assembler.take_ready(now_s=11) == []
        assert (assembler.held_bytes, assembler.lingering_bytes) == (500, 400)

    def test_lingering_has_its_own_budget(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Of the decided traces those decided last linger, and one that is too large for the budget does not.
        """
        assembler = Assembler(replace(limits, linger_bytes=500))
        for n, size_bytes in enumerate((300, 300, 501, 100)):
            assembler.add([make_span("a", trace_id=f"t{n}", size_bytes=size_bytes)], now_s=n)
            assembler.take_ready(now_s=n + 2)
        assert assembler.lingering_bytes == 400

        late = [make_span("b", "a", trace_id=f"t{n}") for n in range(4)]
        assembler.add(late, now_s=10)

        assert assembler.taken_counts()[Left.LATE_DROPPED] == 2
        assert traces(assembler.take_ready(now_s=12)) == ["t1", "t3"]

    def test_late_structure_stays_within_the_budget(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Structure that comes late and is kept counts against the budget of what lingers.
        """
        assembler = Assembler(replace(limits, linger_bytes=500))
        assembler.add([make_span("a", size_bytes=300)], now_s=0)
        assembler.take_ready(now_s=2)
        late = [make_span(f"s{n}", "a", skeleton=True, size_bytes=100) for n in range(4)]
        assembler.add(late, now_s=3)

        assert assembler.lingering_bytes == 0
        assert assembler.taken_counts() == {Left.ROOT_ENDED: 1, Left.LATE_KEPT: 3, Left.LATE_DROPPED: 1}

    def test_ejected_does_not_linger(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        What had to go to make room is gone: its later spans are dropped and counted.
        """
        assembler = Assembler(replace(limits, max_bytes=1000))
        assembler.add([make_span("b", "a", size_bytes=1001)], now_s=0)
        assert (assembler.held_bytes, assembler.lingering_bytes) == (0, 0)
        assembler.add([make_span("a")], now_s=0)

        assert traces(assembler.drain(now_s=0)) == ["t1"]
        assert assembler.taken_counts() == {Left.EJECTED_MEMORY: 1, Left.LATE_DROPPED: 1}

    def test_log_records_are_bounded_too(self, limits: Limits, make_log: MakeLog) -> None:
        """
        Log records without any span are held within the same budget.
        """
        assembler = Assembler(replace(limits, max_bytes=1000))
        assembler.add((), [make_log("a", trace_id=f"t{n}") for n in range(100)], now_s=0)

        assert assembler.held_bytes <= 1000
        assert assembler.take_ready(now_s=0) == []
        assert assembler.taken_log_counts() == {Left.NO_SPAN: 83}


class TestTraces:
    def test_without_content_goes_first(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        When there are too many traces, traffic that is not GenAI goes before any prompt, the oldest first.
        """
        assembler = Assembler(replace(limits, max_traces=16))
        assembler.add([make_span("b", "a", trace_id="genai", size_bytes=9000)], now_s=0)
        spans = [make_span("b", "a", trace_id=f"t{n:02}", skeleton=True) for n in range(16)]
        for now_s, span in enumerate(spans):
            assembler.add([span], now_s=now_s)

        assert traces(assembler.take_ready(now_s=16)) == ["t00", "t01", "t02"]
        assert assembler.held_traces == 14

    def test_by_impact_if_all_have_content(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        When there are too many traces and all have content, the heaviest goes.
        """
        assembler = Assembler(replace(limits, max_traces=2))
        for trace_id, size_bytes in (("a", 100), ("b", 300), ("c", 200)):
            assembler.add([make_span("b", "a", trace_id=trace_id, size_bytes=size_bytes)], now_s=0)

        assert traces(assembler.take_ready(now_s=0)) == ["b"]

    def test_opened_only(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Traces that opened spans and gave none are bounded, and go before those that gave some.
        """
        assembler = Assembler(replace(limits, max_traces=3))
        assembler.add([make_span("b", "a")], now_s=0)
        for n in range(100):
            assembler.opened(f"open{n}", now_s=0)
            assert assembler.held_traces <= 3

        assert assembler.take_ready(now_s=0) == []
        assert assembler.held_spans == 1


class TestOneTraceTooLarge:
    def test_root_and_newest_answers_stay(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Of a run with more text than one trace may have, the root and the last answers keep theirs; of the
        others the structure stays, so that the tree is whole.
        """
        assembler = Assembler(replace(limits, max_trace_bytes=40_000))
        assembler.add([make_span("root", size_bytes=10_000)], now_s=0)
        calls = [make_span(f"b{n}", "root", end_ns=n, size_bytes=5_000) for n in range(8)]
        assembler.add(calls, now_s=1)

        [gathered] = assembler.take_ready(now_s=3)

        assert gathered.ready is Ready.TRACE_TOO_LARGE
        assert [(s.span_id, s.is_skeleton) for s in gathered.spans] == [
            ("root", False),
            ("b0", True),
            ("b1", True),
            ("b2", True),
            ("b3", True),
            ("b4", False),
            ("b5", False),
            ("b6", False),
            ("b7", False),
        ]
        assert all(s.is_skeleton == (not s.attributes) for s in gathered.spans)
        assert assembler.taken_counts() == {Left.TRACE_TOO_LARGE: 4, Left.ROOT_ENDED: 5}

    def test_too_many_spans(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Of a run with too many spans, database calls and the like go first, the oldest of them first.
        """
        assembler = Assembler(replace(limits, max_trace_spans=8))
        noise = [make_span(f"s{n}", "root", skeleton=True, end_ns=n) for n in range(6)]
        assembler.add([make_span("call", "root", end_ns=0), *noise], now_s=0)
        assembler.add([make_span("root"), make_span("last", "root", end_ns=9)], now_s=1)

        [gathered] = assembler.take_ready(now_s=3)

        assert [s.span_id for s in gathered.spans] == ["call", "s3", "s4", "s5", "root", "last"]
        assert assembler.taken_counts() == {Left.TRACE_TOO_LARGE: 3, Left.ROOT_ENDED: 6}

    def test_one_span_too_large(self, limits: Limits, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        Of a single span beyond the limit the structure stays; its repetition is a duplicate.
        """
        assembler = Assembler(replace(limits, max_trace_bytes=5000))
        huge = make_span("a", size_bytes=10_000_000)
        assembler.add([huge, huge], [make_log("a")], now_s=0)
        assert (assembler.held_spans, assembler.held_bytes) == (0, 950)

        [gathered] = assembler.take_ready(now_s=2)

        assert [(s.is_skeleton, s.size_bytes) for s in gathered.spans] == [(True, 900)]
        assert assembler.taken_counts() == {Left.TRACE_TOO_LARGE: 1, Left.DUPLICATE: 1}

    def test_not_even_structure_fits(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        A limit below the size of a span's structure leaves nothing, and nothing is handed out.
        """
        assembler = Assembler(replace(limits, max_trace_bytes=100))
        assembler.add([make_span("a", size_bytes=1000)], now_s=0)

        assert assembler.take_ready(now_s=2) == []
        assert (assembler.held_traces, assembler.held_spans, assembler.held_bytes) == (0, 0, 0)
        assert assembler.taken_counts() == {Left.TRACE_TOO_LARGE: 1}

    def test_log_records_of_cut_spans_go(self, limits: Limits, make_span: MakeSpan, make_log: MakeLog) -> None:
        """
        Log records go with the content of their span; those whose span is still to come stay if there is room.
        """
        assembler = Assembler(replace(limits, max_trace_bytes=10_000))
        logs = [
            make_log("old", size_bytes=4000),
            make_log("new", size_bytes=4000),
            make_log("waits", size_bytes=1500),
        ]
        spans = [make_span("root"), make_span("old", "root", end_ns=1), make_span("new", "root", end_ns=2)]
        assembler.add(spans, logs, now_s=0)
        assert assembler.held_bytes == 9_800
        assembler.add([make_span("more", "root", end_ns=3, size_bytes=1000)], now_s=0)

        [gathered] = assembler.take_ready(now_s=2)

        assert list(gathered.logs) == ["new", "waits"]
        assert assembler.taken_log_counts() == {Left.TRACE_TOO_LARGE: 1}
        assert assembler.taken_counts() == {Left.TRACE_TOO_LARGE: 1, Left.ROOT_ENDED: 3}

    @pytest.mark.parametrize("is_late", [False, True])
    def test_flood(self, limits: Limits, make_span: MakeSpan, is_late: bool) -> None:
        """
        However many spans come for one trace, before or after it was decided, its limits hold at every step
        and no span is counted twice.
        """
        assembler = Assembler(replace(limits, max_trace_bytes=20_000, max_trace_spans=30))
        assembler.add([make_span("root", size_bytes=900)], now_s=0)
        left: dict[Left, int] = {}
        if is_late:
            assembler.take_ready(now_s=2)
        for n in range(300):
            assembler.add([make_span(f"b{n}", "root", end_ns=n, size_bytes=1 + n * 10)], now_s=2 + n * 0.1)
            assert assembler.held_bytes <= 20_000
            for why, count in assembler.taken_counts().items():
                left[why] = left.get(why, 0) + count
            assert assembler.received_spans == assembler.held_spans + sum(left.values())
        [gathered] = assembler.drain(now_s=33)

        assert gathered.ready is Ready.TRACE_TOO_LARGE
        assert gathered.is_again is is_late
        assert len(gathered.spans) <= 30
        assert {"root", "b299"} <= {s.span_id for s in gathered.spans if not s.is_skeleton}


class TestTimers:
    def test_traces_that_are_gone(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Traces pushed out long before they were due leave nothing behind that grows.
        """
        assembler = Assembler(replace(limits, max_traces=10, idle_s=1e9, max_age_s=1e9))
        assembler.add([make_span("b", "a", trace_id="stays")], now_s=0)
        for n in range(5_000):
            assembler.add([make_span("b", "a", trace_id=f"t{n}", skeleton=True)], now_s=n * 1e-3)
            assembler.take_ready(now_s=n * 1e-3)

        assert assembler.held_traces <= 10
        assert len(assembler._timers._heap) <= 1100

    def test_changes(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        Changes that do not make a trace due earlier leave its timer alone.
        """
        assembler = Assembler(limits)
        for n in range(500):
            assembler.opened("t1", now_s=n * 1e-3)
            assembler.add([make_span(f"r{n}", "x", remote=True)], now_s=n * 1e-3)
            assembler.closed("t1", now_s=n * 1e-3)

        assert len(assembler._timers._heap) <= 2

    def test_overtaken(self, limits: Limits, make_span: MakeSpan) -> None:
        """
        A trace that goes on and on, after its timer was set early, never holds up another.
        """
        assembler = Assembler(limits)
        assembler.add([make_span("b", "a", trace_id="busy")], now_s=0)
        for n in range(22):
            assembler.add([make_span(f"r{n}", trace_id="busy")], now_s=n)
            assembler.add([make_span("b", "a", trace_id="other")] * (n == 1), now_s=n)
            assert assembler.take_ready(now_s=n) == [] or n == 21

        assert traces(assembler.drain(now_s=21)) == ["busy"]


def test_number_of_lingering_traces(limits: Limits, make_span: MakeSpan) -> None:
    """
    However small they are, no more traces linger than ids are remembered.
    """
    assembler = Assembler(replace(limits, decided_traces=3))
    assembler.add([make_span("a", trace_id=f"t{n}", skeleton=True) for n in range(10)], now_s=0)
    assembler.drain(now_s=0)

    assert assembler.lingering_bytes == 300
