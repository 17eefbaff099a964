"""What the owner of a log, such as the receiver's journal or Kafka's topics, may drop from it, and what not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from spanlabel.assembly import Limits
from spanlabel.metrics import Counts, Metric, check_conservation
from spanlabel.model import Record, Span
from spanlabel.pipeline import Pipeline
from spanlabel.testing import llm_span, make_span, trace_id

_LIMITS = replace(Limits.for_receiver(), linger_s=60)


class Kept:
    def __init__(self) -> None:
        self.puts: list[Record] = []

    def put(self, records: list[Record]) -> None:
        self.puts.extend(records)

    def supersede(self, record_ids: list[str]) -> None:
        raise AssertionError("nothing changes here")


def make_pipeline(sink: Kept, limits: Limits = _LIMITS, counts: Counts | None = None) -> Pipeline:
    return Pipeline(limits, window_s=5, rules=(), counts=counts or Counts(), sink=sink, keeps_book=True)


def asked(trace: int, span: int = 1) -> Span:
    return llm_span("What is it?", "It is this.", trace=trace, span=span)


def test_a_trace_is_needed_until_its_record_is_stored_and_nothing_late_can_change_it() -> None:
    """While a trace is held, waits to be read, or lingers, a crash must find it in the log; after that it may go."""
    kept = Kept()
    pipeline = make_pipeline(kept)
    pipeline.accept([asked(1)], now_s=0)

    seen = []
    for now_s in range(100):
        pipeline.tick(now_s=now_s)
        released = pipeline.take_released()
        needed = pipeline.needed([trace_id(1)])
        seen.append((bool(kept.puts), bool(needed), released.trace_ids))
        if released.trace_ids:
            break

    assert seen[0] == (False, True, ())
    assert seen[15] == (True, True, ()), "stored, and kept for late spans"
    assert seen[-1] == (True, False, (trace_id(1),))
    assert released.told == (trace_id(1),)
    assert pipeline.take_released().trace_ids == (), "it is said once"


def test_structure_only_is_not_remembered() -> None:
    """A trace without any GenAI span gave nothing; that something of it may come late is nothing to remember."""
    pipeline = make_pipeline(Kept())
    pipeline.accept([make_span(trace=1)], now_s=0)
    pipeline.tick(now_s=50)
    pipeline.tick(now_s=500)

    released = pipeline.take_released()
    assert (released.trace_ids, released.told) == ((trace_id(1),), ())


def test_what_was_decided_in_an_earlier_life_is_late() -> None:
    """Spans that are sent again after a restart make no second record."""
    kept, counts = Kept(), Counts()
    pipeline = make_pipeline(kept, counts=counts)
    pipeline.remember([trace_id(1)])
    pipeline.accept([asked(1)], now_s=0)
    pipeline.drain(now_s=0)

    assert kept.puts == []
    assert pipeline.needed([trace_id(1)]) == []
    assert counts.total(Metric.SPANS_DECIDED, reason="late_dropped") == 1


def test_forgotten_traces_give_nothing_and_may_come_again() -> None:
    """What another member of the group reads now is not read here; if it comes back, it is read as if new."""
    kept, counts = Kept(), Counts()
    pipeline = make_pipeline(kept, counts=counts)
    pipeline.accept([asked(1), asked(2)], now_s=0)
    pipeline.forget([trace_id(1)])
    assert check_conservation(counts) == []
    pipeline.tick(now_s=20)
    pipeline.forget([trace_id(2)])
    pipeline.drain(now_s=20)
    assert kept.puts == []

    pipeline.accept([asked(1)], now_s=30)
    pipeline.drain(now_s=30)
    assert [record.trace_id for record in kept.puts] == [trace_id(1)]
    assert counts.total(Metric.SPANS_DECIDED, reason="forgotten") == 1


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(1, 4), st.sampled_from([0, 1, 30, 200]), st.booleans()), max_size=40
    ),
    st.sampled_from([600, 20_000, 10_000_000]),
)
def test_every_trace_is_needed_or_released(steps: list[tuple[int, int, float, bool]], max_bytes: int) -> None:
    """Whatever comes in whatever order and however little memory there is: nothing is dropped from the log too early,
    and in the end everything is.
    """
    kept, now_s = Kept(), 0.0
    limits = replace(_LIMITS, max_bytes=max_bytes, linger_bytes=max_bytes // 4)
    pipeline = make_pipeline(kept, limits)
    open_ids: set[str] = set()
    for n, m, wait_s, is_genai in steps:
        now_s += wait_s
        pipeline.accept([asked(n, m) if is_genai else make_span(trace=n, span=m)], now_s=now_s)
        open_ids.update(pipeline.needed([trace_id(n)]))
        pipeline.tick(now_s=now_s)
        gone = set(pipeline.take_released().trace_ids)
        assert gone.isdisjoint(pipeline.needed(gone))
        open_ids -= gone
        assert open_ids == set(pipeline.needed(open_ids))

    pipeline.tick(now_s=now_s + 1_000)
    pipeline.tick(now_s=now_s + 1_000_000)
    pipeline.tick(now_s=now_s + 2_000_000)
    assert open_ids <= set(pipeline.take_released().trace_ids)
    assert pipeline.needed(trace_id(n) for n in range(1, 7)) == []


def test_a_window_is_read_early_when_what_waits_in_it_is_large() -> None:
    """What waits for others of its run costs no more than an eighth of the memory for traces, however large it is."""
    kept = Kept()
    limits = replace(_LIMITS, root_grace_s=1, linger_bytes=0, max_bytes=80_000)
    pipeline = make_pipeline(kept, limits)
    pipeline.accept([llm_span("What is it?", "It is this. " * 200, trace=n) for n in (1, 2)], now_s=0)
    pipeline.accept([], now_s=2)
    before_s = pipeline.next_due_s()
    pipeline.tick(now_s=2)
    assert (before_s, len(kept.puts)) == (7, 0), "they wait for others"

    pipeline.accept([llm_span("What is it?", "It is this. " * 200, trace=3)], now_s=3)
    pipeline.accept([], now_s=4)
    assert pipeline.next_due_s() == 2, "it is due at once"
    pipeline.tick(now_s=4)
    assert len(kept.puts) == 3


def test_less_is_kept_for_late_spans_when_the_log_is_short_of_room() -> None:
    """The oldest that is only kept for late spans is given up, some at a time; what is not read yet stays."""
    pipeline = make_pipeline(Kept())
    pipeline.accept([asked(n) for n in range(1, 17)], now_s=0)
    pipeline.tick(now_s=20)
    pipeline.tick(now_s=30)
    pipeline.accept([asked(99)], now_s=31)
    assert pipeline.take_released().trace_ids == ()

    gone = []
    for _ in range(16):
        pipeline.linger_less()
        gone.append(pipeline.take_released().trace_ids)

    assert gone[0] == (trace_id(1), trace_id(2))
    assert [one for ids in gone for one in ids] == [trace_id(n) for n in range(1, 17)]
    assert pipeline.needed([trace_id(99)]) == [trace_id(99)]
