"""What the pipeline says of decided traces, for a source that must tell others how far it has come."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.assembly import Limits
from spanlabel.errors import StoreError
from spanlabel.metrics import Counts
from spanlabel.model import Record, Span
from spanlabel.pipeline import Pipeline
from spanlabel.testing import llm_span, make_log, make_span, trace_id


class Kept:
    def __init__(self) -> None:
        self.ids: list[str] = []
        self.is_broken = False

    def put(self, records: list[Record]) -> None:
        if self.is_broken:
            raise StoreError("full")
        self.ids += [record.trace_id for record in records]

    def supersede(self, record_ids: list[str]) -> None:
        raise AssertionError("nothing changes here")


def make_pipeline(sink: Kept, limits: Limits | None = None) -> Pipeline:
    pipeline = Pipeline(
        limits or Limits.for_receiver(), window_s=5, rules=(), counts=Counts(), sink=sink, keeps_book=True
    )
    pipeline.take_decided()
    return pipeline


def asked(trace: int, span: int = 1) -> Span:
    return llm_span("What is it?", "It is this.", trace=trace, span=span)


def test_a_trace_is_decided_when_its_record_is_stored() -> None:
    """Not when it is ready: a member of a group that stops in between has not done it."""
    kept = Kept()
    pipeline = make_pipeline(kept)
    pipeline.accept([asked(1)], now_s=0)
    pipeline.tick(now_s=12)
    assert (kept.ids, pipeline.take_decided()) == ([], [])
    pipeline.tick(now_s=20)
    assert (kept.ids, pipeline.take_decided()) == ([trace_id(1)], [trace_id(1)])
    assert pipeline.take_decided() == []


def test_a_trace_whose_record_could_not_be_stored_is_not_decided() -> None:
    """It is read from the log once more."""
    kept = Kept()
    pipeline = make_pipeline(kept)
    pipeline.accept([asked(1)], now_s=0)
    pipeline.tick(now_s=12)
    kept.is_broken = True
    with pytest.raises(StoreError):
        pipeline.tick(now_s=20)
    assert pipeline.take_decided() == []


def test_who_never_asks_costs_no_memory() -> None:
    """In an application nobody asks."""
    pipeline = Pipeline(Limits.for_receiver(), window_s=0, rules=(), counts=Counts(), sink=Kept())
    pipeline.accept([asked(1)], now_s=0)
    pipeline.drain(now_s=0)
    assert pipeline.take_decided() == []


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4), st.sampled_from([0, 1, 30]), st.integers(0, 2))),
    st.sampled_from([600, 20_000, 10_000_000]),
)
def test_every_trace_comes_to_an_end(steps: list[tuple[int, int, float, int]], max_bytes: int) -> None:
    """A trace is decided, or released, or was not needed from the start: none holds a group up for ever."""
    pipeline = make_pipeline(
        Kept(), replace(Limits.for_receiver(), max_bytes=max_bytes, linger_bytes=max_bytes // 4, linger_s=60)
    )
    undecided, now_s = set[str](), 0.0
    for n, m, wait_s, kind in steps:
        now_s += wait_s
        spans = [asked(n, m)] if kind == 0 else [make_span(trace=n, span=m)] if kind == 1 else []
        pipeline.accept(spans, [make_log(trace=n, span=m)] if kind == 2 else [], now_s=now_s)
        undecided.add(trace_id(n))
        undecided -= {trace_id(n)} - set(pipeline.needed([trace_id(n)]))
        pipeline.tick(now_s=now_s)
        undecided -= {*pipeline.take_decided(), *pipeline.take_released().trace_ids}
    for later_s in (1_000, 2_000, 3_000):
        pipeline.tick(now_s=now_s + later_s)
        undecided -= {*pipeline.take_decided(), *pipeline.take_released().trace_ids}
    assert undecided == set()
