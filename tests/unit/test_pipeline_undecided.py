"""What the pipeline says of traces that wait, for a source that must tell others how far it has come."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from spanlabel.assembly import Limits
from spanlabel.metrics import Counts
from spanlabel.model import Record, Span
from spanlabel.pipeline import Pipeline
from spanlabel.testing import llm_span, make_log, make_span, trace_id


class Kept:
    def __init__(self) -> None:
        self.ids: list[str] = []

    def put(self, records: list[Record]) -> None:
        self.ids += [record.trace_id for record in records]

    def supersede(self, record_ids: list[str]) -> None:
        """Nothing here is checked of it."""


def make_pipeline(sink: Kept, limits: Limits | None = None) -> Pipeline:
    return Pipeline(limits or Limits.for_receiver(), window_s=5, rules=(), counts=Counts(), sink=sink, keeps_book=True)


def asked(trace: int, span: int = 1) -> Span:
    return llm_span("What is it?", "It is this.", trace=trace, span=span)


def test_a_trace_is_decided_when_its_record_is_stored() -> None:
    """Not when it is ready: a member of a group that stops in between has not done it."""
    kept, seen = Kept(), []
    pipeline = make_pipeline(kept)
    pipeline.accept([asked(1)], now_s=0)
    for now_s in (0, 12, 20):
        pipeline.tick(now_s=now_s)
        seen.append((kept.ids == [trace_id(1)], pipeline.undecided([trace_id(1), trace_id(2)])))
    assert seen == [(False, [trace_id(1)]), (False, [trace_id(1)]), (True, [])]


def test_a_late_span_undoes_the_decision_only_if_it_can_change_it() -> None:
    """Mere structure that comes late is no reason to read a trace again."""
    pipeline = make_pipeline(Kept())
    pipeline.accept([asked(1)], now_s=0)
    pipeline.tick(now_s=12)
    pipeline.tick(now_s=20)
    pipeline.accept([make_span(trace=1, span=2, parent=1)], now_s=21)
    assert pipeline.undecided([trace_id(1)]) == []
    pipeline.accept([llm_span("And this?", "That.", trace=1, span=3, parent=1)], now_s=21)
    assert pipeline.undecided([trace_id(1)]) == [trace_id(1)]
    pipeline.tick(now_s=32)
    pipeline.tick(now_s=40)
    assert pipeline.undecided([trace_id(1)]) == []


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4), st.sampled_from([0, 1, 30]), st.integers(0, 2))),
    st.sampled_from([600, 20_000, 10_000_000]),
)
def test_every_trace_is_decided_in_the_end(steps: list[tuple[int, int, float, int]], max_bytes: int) -> None:
    """None holds a group up for ever."""
    limits = replace(Limits.for_receiver(), max_bytes=max_bytes, linger_bytes=max_bytes // 4, linger_s=60)
    pipeline, now_s = make_pipeline(Kept(), limits), 0.0
    for n, m, wait_s, kind in steps:
        now_s += wait_s
        spans = [asked(n, m)] if kind == 0 else [make_span(trace=n, span=m)] if kind == 1 else []
        pipeline.accept(spans, [make_log(trace=n, span=m)] if kind == 2 else [], now_s=now_s)
        pipeline.tick(now_s=now_s)
    pipeline.tick(now_s=now_s + 1_000)
    pipeline.tick(now_s=now_s + 2_000)
    assert pipeline.undecided(trace_id(n) for n in range(1, 7)) == []
