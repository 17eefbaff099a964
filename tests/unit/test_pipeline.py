import gc
import logging
import tarfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanlabel.assembly import Limits
from spanlabel.dialects import READERS, Readers
from spanlabel.errors import InputError
from spanlabel.metrics import Counts, Metric, check_conservation
from spanlabel.model import Log, Record, Span, SpanKind
from spanlabel.pipeline import Pipeline
from spanlabel.records import record_id, to_json
from spanlabel.rules import Rule, at_least
from spanlabel.sources.files import read_files
from spanlabel.testing import llm_span, make_log, make_span, span_id, trace_id

_ARCHIVE = Path(__file__).parents[1] / "corpus" / "dev.tar.xz"

# Small recordings that together have it all: log records, several traces for one pair, several pairs in a trace,
# no root, tools, spans that are not GenAI.
_CASES = (
    "openai-py__openinference+traceloop__S1-responses",
    "openai__v2events__S2",
    "openai__v2events__S5noroot",
    "openai__v2events__S12",
    "fastapi__zero-code-v2-events__S9",
    "google-adk__ownv1__S8",
    "langchain-py__lc-openinference+oa-traceloop__S4",
    "openai-js__otel__S12",
)


class Kept:
    """Where the pipeline hands its records in."""

    def __init__(self) -> None:
        self.puts: list[Record] = []
        self.superseded: list[str] = []

    def put(self, records: Sequence[Record]) -> None:
        self.puts.extend(records)

    def supersede(self, record_ids: Sequence[str]) -> None:
        self.superseded.extend(record_ids)

    @property
    def current(self) -> dict[str, Record]:
        """As a platform would have them in the end."""
        return {record.id: record for record in self.puts if record.id not in self.superseded}


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def make_pipeline(kept: Kept, counts: Counts) -> Callable[..., Pipeline]:
    def make(
        limits: Limits | None = None, *, window_s: float = 2.0, rules: Sequence[Rule] = (), readers: Readers = READERS
    ) -> Pipeline:
        return Pipeline(
            limits or Limits.for_processor(), window_s=window_s, rules=rules, counts=counts, sink=kept, readers=readers
        )

    return make


@pytest.fixture
def pipeline(make_pipeline: Callable[..., Pipeline]) -> Pipeline:
    return make_pipeline()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[Span], list[Log]]]:
    """Spans and log records of each case, in the order in which they were exported."""
    folder = tmp_path_factory.mktemp("recorded")
    wanted = {f"{case}{ending}" for case in _CASES for ending in (".jsonl", ".logs.jsonl")}
    with tarfile.open(_ARCHIVE) as archive:
        members = [one for one in archive.getmembers() if one.name.removeprefix("./") in wanted]
        archive.extractall(folder, members, filter="data")

    def fail(error: InputError) -> None:
        raise error

    cases = {}
    for case in _CASES:
        files = [file for file in (folder / f"{case}.jsonl", folder / f"{case}.logs.jsonl") if file.exists()]
        read = list(read_files(files, problem=fail))
        cases[case] = ([span for one in read for span in one.spans], [log for one in read for log in one.logs])
        assert cases[case][0]
    return cases


def balance(pipeline: Pipeline, counts: Counts) -> None:
    assert check_conservation(counts) == []
    assert counts.total(Metric.SPANS_HELD) == pipeline.held_spans


def test_a_call_becomes_a_record(pipeline: Pipeline, kept: Kept) -> None:
    """The span of one model call becomes the question and the answer, once the root has come and its wait is over."""
    pipeline.accept([llm_span("What is a span?", "A timed piece of work.")], now_s=0)
    for second in range(6):
        pipeline.tick(now_s=second)
    [record] = kept.puts
    assert (record.prompt, record.answer) == ("What is a span?", "A timed piece of work.")


@pytest.mark.parametrize("case", _CASES)
def test_nothing_is_lost_or_counted_twice_at_any_step(
    case: str,
    recorded: dict[str, tuple[list[Span], list[Log]]],
    make_pipeline: Callable[..., Pipeline],
    counts: Counts,
    kept: Kept,
) -> None:
    """Whatever was received is held or decided, and each pair is a record or dropped, after every single step."""
    spans, logs = recorded[case]
    pipeline = make_pipeline(rules=[at_least(0.9)])
    now_s = 0.0
    for n, span in enumerate(spans):
        pipeline.opened(span.trace_id, now_s=now_s)
        balance(pipeline, counts)
        pipeline.accept([span, span] if n % 3 == 0 else [span], logs[n : n + 1], now_s=now_s)
        balance(pipeline, counts)
        pipeline.closed(span.trace_id, now_s=now_s)
        now_s += 0.7
        pipeline.tick(now_s=now_s)
        balance(pipeline, counts)
        if n % 5 == 4:
            pipeline.flush(now_s=now_s)
            balance(pipeline, counts)
    pipeline.accept([], logs[len(spans) :], now_s=now_s)
    balance(pipeline, counts)
    pipeline.drain(now_s=now_s)
    balance(pipeline, counts)
    assert pipeline.held_spans == 0
    assert (
        counts.total(Metric.SPANS_RECEIVED) == counts.total(Metric.SPANS_DECIDED) == len(spans) + (len(spans) + 2) // 3
    )
    assert counts.total(Metric.PAIRS) == len(kept.puts) + counts.total(Metric.PAIRS_DROPPED)


@pytest.mark.parametrize("case", _CASES)
def test_what_was_read_is_freed_at_once(
    case: str, recorded: dict[str, tuple[list[Span], list[Log]]], make_pipeline: Callable[..., Pipeline]
) -> None:
    """Nothing of a trace goes in circles: the receiver looks for those so seldom that they would fill its memory."""
    spans, logs = recorded[case]
    first, second = make_pipeline(), make_pipeline()
    first.accept(spans, logs, now_s=0)
    first.drain(now_s=0)  # what is made once, such as patterns, is there then
    gc.collect()
    gc.disable()
    try:
        second.accept(spans, logs, now_s=0)
        second.drain(now_s=0)
        found = gc.collect()
    finally:
        gc.enable()
    assert found == 0


def test_a_trace_that_the_budget_pushes_out_is_read_and_counted(
    make_pipeline: Callable[..., Pipeline], counts: Counts, kept: Kept
) -> None:
    """What finds no room in memory is read early, not lost, and the numbers still add up."""
    spans = [llm_span(f"question {n}", f"answer {n} " + "x" * 20_000, trace=n, parent=999) for n in range(1, 40)]
    pipeline = make_pipeline(replace(Limits.for_processor(), max_bytes=200_000))
    for n, span in enumerate(spans):
        pipeline.accept([span], now_s=n * 0.01)
        balance(pipeline, counts)
    assert counts.total(Metric.SPANS_DECIDED, reason="ejected_memory") > 0
    pipeline.drain(now_s=10)
    balance(pipeline, counts)
    assert {record.prompt for record in kept.puts} == {f"question {n}" for n in range(1, 40)}


def test_a_run_that_is_spread_over_traces_gives_one_pair(
    recorded: dict[str, tuple[list[Span], list[Log]]], make_pipeline: Callable[..., Pipeline]
) -> None:
    """Two instrumentations that each began a trace for the same call: within the window they give one record."""
    spans, _ = recorded["openai-py__openinference+traceloop__S1-responses"]
    assert len({span.trace_id for span in spans}) == 2
    together = make_pipeline(window_s=2)
    pairs = []
    for n, span in enumerate(spans):
        together.accept([span], now_s=n * 0.5)
        pairs += together.tick(now_s=n * 0.5)
    assert pairs == []
    for now_s in range(1, 10):
        pairs += together.tick(now_s=now_s)
    assert len(pairs) == 1


def test_the_window_is_as_long_as_it_says(make_pipeline: Callable[..., Pipeline]) -> None:
    """A ready trace waits for others for the window's time, no longer; the next window begins with the next trace."""
    limits = replace(Limits.for_processor(), root_grace_s=0)
    pipeline = make_pipeline(limits, window_s=2)
    pipeline.accept([llm_span("a", "b", trace=1)], now_s=10)
    assert pipeline.next_due_s() == 12
    pipeline.accept([llm_span("c", "d", trace=2)], now_s=11.9)
    assert pipeline.tick(now_s=11.99) == []
    assert [pair.prompt for pair in pipeline.tick(now_s=12)] == ["a", "c"]
    assert pipeline.tick(now_s=100) == []
    pipeline.accept([llm_span("e", "f", trace=3)], now_s=200)
    assert pipeline.tick(now_s=201) == []
    assert [pair.prompt for pair in pipeline.tick(now_s=202)] == ["e"]


def test_a_burst_is_read_before_its_window_is_over(make_pipeline: Callable[..., Pipeline]) -> None:
    """Many traces at once do not all wait in memory for the window's end."""
    limits = replace(Limits.for_processor(), root_grace_s=0)
    pipeline = make_pipeline(limits, window_s=2)
    pipeline.accept([llm_span("q", f"a{n}", trace=n) for n in range(1, 2001)], now_s=0)
    assert len(pipeline.tick(now_s=0)) == 2000


def test_a_late_answer_updates_the_same_record(pipeline: Pipeline, kept: Kept) -> None:
    """A model call that ends after its root was read changes the answer of the record that is there, under its id."""
    root = make_span(name="invoke_agent", end_s=5, attributes={"gen_ai.operation.name": "invoke_agent"})
    first = llm_span("How far is the moon?", "Let me think.", span=2, parent=1, start_s=1, end_s=2)
    late = llm_span("How far is the moon?", "384 400 km.", span=3, parent=1, start_s=3, end_s=6)
    pipeline.accept([first, root], now_s=0)
    pipeline.flush(now_s=1)
    assert [record.answer for record in kept.puts] == ["Let me think."]
    pipeline.accept([late], now_s=2)
    for now_s in range(3, 12):
        pipeline.tick(now_s=now_s)
    before, after = kept.puts
    assert before.id == after.id == record_id(trace_id(1), span_id(1), 0)
    assert after.answer == "384 400 km."
    assert kept.superseded == []


def test_a_late_root_supersedes_what_its_parts_had_told(pipeline: Pipeline, kept: Kept, counts: Counts) -> None:
    """Two calls that looked like two runs turn out to be one: the record of the run replaces both."""
    calls = [
        llm_span("Name a river.", "Seine", span=2, parent=1, start_s=1, end_s=2),
        llm_span("Translate: Seine", "die Seine", span=3, parent=1, start_s=3, end_s=4),
    ]
    pipeline.accept(calls, now_s=0)
    pipeline.tick(now_s=121)
    pipeline.tick(now_s=124)
    told = {record.id for record in kept.puts}
    assert told
    root = make_span(
        name="chain",
        end_s=5,
        attributes={"gen_ai.operation.name": "invoke_agent", "input.value": "River?", "output.value": "die Seine"},
    )
    pipeline.accept([root], now_s=125)
    pipeline.drain(now_s=126)
    [record] = kept.current.values()
    assert record.id == record_id(trace_id(1), span_id(1), 0)
    assert set(kept.superseded) == told - {record.id}
    balance(pipeline, counts)


def test_a_flush_leaves_alone_what_still_runs(pipeline: Pipeline, kept: Kept) -> None:
    """A flush in the middle of a run makes no record of half an answer."""
    pipeline.opened(trace_id(1), now_s=0)
    pipeline.opened(trace_id(1), now_s=0)
    pipeline.accept([llm_span("q", "half an answer", span=2, parent=1)], now_s=1)
    pipeline.closed(trace_id(1), now_s=1)
    pipeline.accept([llm_span("other", "whole", trace=2)], now_s=1)
    pipeline.flush(now_s=1)
    assert [record.prompt for record in kept.puts] == ["other"]
    assert pipeline.held_spans == 1


def test_a_flush_waits_for_children_that_end_after_their_root(pipeline: Pipeline, kept: Kept) -> None:
    """A streamed answer that is still being read when its root has ended is waited for."""
    for _ in range(2):
        pipeline.opened(trace_id(1), now_s=0)
    pipeline.accept([make_span(name="root")], now_s=1)
    pipeline.closed(trace_id(1), now_s=1)
    pipeline.flush(now_s=1)
    assert pipeline.held_spans == 1
    pipeline.accept([llm_span("q", "streamed", span=2, parent=1, end_s=3)], now_s=2)
    pipeline.closed(trace_id(1), now_s=2)
    pipeline.flush(now_s=2)
    assert [record.answer for record in kept.puts] == ["streamed"]


def test_drain_reads_everything(pipeline: Pipeline, kept: Kept) -> None:
    """At the end what has no root and what still runs is read too."""
    pipeline.opened(trace_id(1), now_s=0)
    pipeline.accept([llm_span("running", "so far", trace=1)], now_s=0)
    pipeline.accept([llm_span("no root", "answer", trace=2, span=2, parent=1)], now_s=0)
    pairs = pipeline.drain(now_s=0)
    assert {pair.prompt for pair in pairs} == {record.prompt for record in kept.puts} == {"running", "no root"}
    assert pipeline.drain(now_s=0) == []


def test_other_spans_keep_only_their_structure(make_pipeline: Callable[..., Pipeline], kept: Kept) -> None:
    """Of database and HTTP spans only ids, name and times are held, and they still join a run's parts."""
    big = {"db.statement": "x" * 1_000_000}
    pipeline = make_pipeline()
    server = make_span(
        name="POST /chat", kind=SpanKind.SERVER, end_s=9, attributes={"http.request.body": "y" * 1_000_000}
    )
    query = make_span(span=2, parent=1, name="SELECT", attributes=big, end_s=1)
    calls = [
        llm_span("Who wrote it?", "Searching.", span=3, parent=1, start_s=1, end_s=2),
        llm_span("Who wrote it?", "Ada Lovelace.", span=4, parent=1, start_s=3, end_s=4),
    ]
    pipeline.accept([query, *calls, server], now_s=0)
    assert pipeline._assembler.held_bytes < 20_000
    pipeline.drain(now_s=1)
    assert [record.prompt for record in kept.puts] == ["Who wrote it?"]
    assert kept.puts[0].answer == "Ada Lovelace."


def test_the_app_says_whose_conversation_it_is(pipeline: Pipeline, kept: Kept) -> None:
    """
    A session and a user that the app notes on its own request span reach the record; the run's own word comes first.
    """
    request = make_span(name="POST /chat", attributes={"session.id": "s-1", "user.id": "u-1", "http.route": "/chat"})
    handler = make_span(name="handler", span=2, parent=1, attributes={"session.id": 7})
    call = llm_span("Who?", "Me.", span=3, parent=2)
    other = make_span(name="POST /chat", span=4, trace=2, attributes={"session.id": "s-2", "enduser.id": "u-2"})
    own = llm_span("Why?", "So.", span=5, parent=4, trace=2, conversation="c-2")
    pipeline.accept([request, handler, call, other, own], now_s=0)
    pipeline.drain(now_s=1)

    found = {r.prompt: (r.metadata["conversation_id"], r.metadata["user_id"]) for r in kept.puts}
    assert found == {"Who?": ("7", "u-1"), "Why?": ("c-2", "u-2")}


def test_missing_content_is_counted_and_said_once(
    make_pipeline: Callable[..., Pipeline], counts: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls traced without content: a count for each, and one log line that names the switch which captures it."""
    pipeline = make_pipeline()
    bare = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m"}
    pipeline.accept([make_span(trace=n, name="chat m", attributes=bare) for n in range(1, 6)], now_s=0)
    with caplog.at_level(logging.WARNING, "spanlabel"):
        assert pipeline.drain(now_s=0) == []
    assert counts.total(Metric.CONTENT_ABSENT, state="absent") == 5
    [line] = caplog.messages
    assert "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in line


def test_a_pair_below_the_gate_is_dropped_and_counted(
    make_pipeline: Callable[..., Pipeline], counts: Counts, kept: Kept
) -> None:
    """What is less sure than the setting says gives no record, and the count says by which rule."""
    pipeline = make_pipeline(rules=[at_least(1.0)])
    pipeline.accept([llm_span("q", "a")], now_s=0)
    assert pipeline.drain(now_s=0) == []
    assert kept.puts == []
    assert counts.total(Metric.PAIRS_DROPPED, rule="low_confidence") == 1
    balance(pipeline, counts)


class _Faulty(Readers):
    """Readers with a fault: one span is too much for them."""

    def mask(self, span: Span, logs: Sequence[Log] = ()) -> int:
        if span.name == "unrecognizable":
            raise RuntimeError("mask")
        return super().mask(span, logs)

    def read(self, span: Span, logs: tuple[Log, ...] = ()) -> object:  # type: ignore[override] # it only raises
        if "poison" in str(span.attributes):
            raise RuntimeError("read")
        return super().read(span, logs)


def test_one_span_that_is_too_much_for_us_costs_no_other(
    make_pipeline: Callable[..., Pipeline], counts: Counts, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of our own while reading one trace costs the record of that trace, is counted, and is said once."""
    pipeline = make_pipeline(readers=_Faulty(READERS.dialects))
    good = [llm_span(f"q{n}", f"a{n}", trace=n) for n in range(1, 6)]
    poison = [llm_span("q", "poison", trace=10 + n) for n in range(3)]
    odd = make_span(trace=20, name="unrecognizable", attributes={"gen_ai.system": "x"})
    with caplog.at_level(logging.WARNING, "spanlabel"):
        pipeline.accept([*good[:2], *poison, odd, *good[2:]], now_s=0)
        pipeline.drain(now_s=0)
    assert {record.prompt for record in kept.puts} == {f"q{n}" for n in range(1, 6)}
    assert counts.total(Metric.FAULTS, where="reading") == 3
    assert counts.total(Metric.FAULTS, where="recognizing") == 1
    assert len(caplog.messages) == 2
    balance(pipeline, counts)


def test_log_records_join_their_spans_before_or_after_them(pipeline: Pipeline, kept: Kept, counts: Counts) -> None:
    """Content that came only in log records is found, whether they came before the span or with it."""
    call = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m"}

    def logs(trace: int) -> list[Log]:
        choice = {"message": {"role": "assistant", "content": f"answer {trace}"}, "finish_reason": "stop", "index": 0}
        return [
            make_log(trace=trace, event_name="gen_ai.user.message", body={"content": f"question {trace}"}, time_s=0.1),
            make_log(trace=trace, event_name="gen_ai.choice", body=choice, time_s=0.9),
        ]

    pipeline.accept([], logs(1), now_s=0)
    pipeline.accept([make_span(trace=1, attributes=call)], now_s=0.1)
    pipeline.accept([make_span(trace=2, attributes=call)], logs(2)[::-1], now_s=0.2)
    pipeline.drain(now_s=1)
    assert {(record.prompt, record.answer) for record in kept.puts} == {
        ("question 1", "answer 1"),
        ("question 2", "answer 2"),
    }
    assert counts.total(Metric.LOGS_RECEIVED) == 4
    assert counts.total(Metric.LOGS_LOST) == 0


def test_what_comes_late_within_the_window_is_read_together(
    pipeline: Pipeline, counts: Counts, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """Log records that an exporter brings a second after their span: one reading, no word of missing content."""
    pipeline.opened(trace_id(1), now_s=0)
    call = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m"}
    pipeline.accept([make_span(attributes=call)], now_s=0)
    pipeline.closed(trace_id(1), now_s=0)
    pipeline.tick(now_s=0)
    choice = {"message": {"role": "assistant", "content": "Seine."}, "finish_reason": "stop", "index": 0}
    pipeline.accept([], [make_log(event_name="gen_ai.user.message", body={"content": "A river?"}, time_s=0.1)], now_s=1)
    pipeline.accept([], [make_log(event_name="gen_ai.choice", body=choice, time_s=0.9)], now_s=1.1)
    for second in range(2, 10):
        pipeline.tick(now_s=second)
    assert [(record.prompt, record.answer) for record in kept.puts] == [("A river?", "Seine.")]
    assert counts.total(Metric.TRACES_DECIDED) == 1
    assert counts.total(Metric.CONTENT_ABSENT) == 0
    assert caplog.messages == []
    balance(pipeline, counts)


def test_log_records_without_their_span_are_counted_as_lost(pipeline: Pipeline, counts: Counts) -> None:
    """A log record whose span was never sampled does not stay for ever, and the count says so."""
    pipeline.accept([], [make_log(event_name="gen_ai.choice", body={"content": "x"})], now_s=0)
    pipeline.tick(now_s=4000)
    assert counts.total(Metric.LOGS_LOST, reason="no_span") == 1
    assert pipeline._assembler.held_bytes == 0


def test_memory_returns_to_zero_after_a_day(make_pipeline: Callable[..., Pipeline], counts: Counts, kept: Kept) -> None:
    """A day of traffic, with runs that never end and log records that belong nowhere, leaves nothing behind."""
    pipeline = make_pipeline()
    now_s, n = 0.0, 0
    while now_s < 86_400:
        n += 1
        match n % 5:
            case 0:
                pipeline.opened(trace_id(n), now_s=now_s)
            case 1:
                pipeline.accept([llm_span("q", "a", trace=n, span=2, parent=1)], now_s=now_s)
            case 2:
                pipeline.accept([], [make_log(trace=n, event_name="gen_ai.choice", body={"content": "x"})], now_s=now_s)
            case 3:
                pipeline.accept([make_span(trace=n, name="GET /health")], now_s=now_s)
            case _:
                pipeline.opened(trace_id(n), now_s=now_s)
                pipeline.accept([llm_span(f"q{n}", "a", trace=n)], now_s=now_s)
                pipeline.closed(trace_id(n), now_s=now_s)
        pipeline.tick(now_s=now_s)
        now_s += 40.0
    calls = 0
    while (due_s := pipeline.next_due_s()) is not None:
        pipeline.tick(now_s=due_s)
        calls += 1
        assert calls < 10_000
    assert pipeline.held_spans == pipeline._assembler.held_traces == pipeline._assembler.held_bytes == 0
    assert pipeline._assembler.lingering_bytes == 0
    assert pipeline._waiting == []
    assert len(kept.puts) == counts.total(Metric.PAIRS) > 800
    balance(pipeline, counts)


def test_what_is_remembered_of_written_traces_is_bounded(make_pipeline: Callable[..., Pipeline]) -> None:
    """The memory of which records a trace gave is bounded by the number of decided traces."""
    limits = replace(Limits.for_processor(), decided_traces=50, root_grace_s=0)
    pipeline = make_pipeline(limits, window_s=0)
    for n in range(1, 500):
        pipeline.accept([llm_span("q", "a", trace=n)], now_s=n)
        pipeline.tick(now_s=n)
    assert len(pipeline._written) == 50


def _records_of(spans: Sequence[Span], logs: Sequence[Log]) -> dict[str, str]:
    kept = Kept()
    pipeline = Pipeline(Limits.for_processor(), window_s=1e9, rules=(), counts=Counts(), sink=kept)
    pipeline.accept(spans, logs, now_s=0)
    pipeline.drain(now_s=0)
    return {record.id: to_json(record) for record in kept.current.values()}


def _settled(order: list[Span | Log], sent: list[Span | Log]) -> list[Span | Log]:
    """Give log records of one span and one moment their order back: it is the only thing that tells their order."""
    rank = {id(one): n for n, one in enumerate(sent)}
    of_one_moment = defaultdict(list)
    for one in order:
        if isinstance(one, Log):
            of_one_moment[one.trace_id, one.span_id, one.time_ns].append(one)
    for logs in of_one_moment.values():
        logs.sort(key=lambda log: rank[id(log)], reverse=True)
    return [of_one_moment[o.trace_id, o.span_id, o.time_ns].pop() if isinstance(o, Log) else o for o in order]


@given(data=st.data(), case=st.sampled_from((*_CASES, "built")))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_duplication_and_split_gives_the_same_records(
    data: st.DataObject, case: str, recorded: dict[str, tuple[list[Span], list[Log]]]
) -> None:
    """However the spans and log records of a run are shuffled, repeated and cut into batches: the same records."""
    spans, logs = recorded.get(case) or _built()
    things: list[Span | Log] = [*spans, *logs]
    again = data.draw(st.lists(st.sampled_from(things), max_size=5))
    order = _settled(data.draw(st.permutations([*things, *again])), things)
    kept, counts = Kept(), Counts()
    pipeline = Pipeline(Limits.for_processor(), window_s=1e9, rules=(), counts=counts, sink=kept)
    while order:
        n = data.draw(st.integers(1, len(order)))
        batch, order = order[:n], order[n:]
        pipeline.accept(
            [one for one in batch if isinstance(one, Span)], [one for one in batch if isinstance(one, Log)], now_s=0
        )
        balance(pipeline, counts)
    pipeline.drain(now_s=0)
    balance(pipeline, counts)
    assert {record.id: to_json(record) for record in kept.current.values()} == _records_of(spans, logs)


def _built() -> tuple[list[Span], list[Log]]:
    """Two runs: an agent with two calls whose answer lies in a log record, and a plain call beside it."""
    call = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m"}
    spans = [
        make_span(trace=1, span=1, name="POST /", end_s=9),
        llm_span("Where is it?", "One moment.", trace=1, span=2, parent=1, start_s=1, end_s=2),
        make_span(trace=1, span=3, parent=1, name="chat", start_s=3, end_s=4, attributes=call),
        llm_span("Alone?", "Yes.", trace=2),
    ]
    choice = {"message": {"role": "assistant", "content": "In Paris."}, "finish_reason": "stop", "index": 0}
    logs = [
        make_log(trace=1, span=3, event_name="gen_ai.user.message", body={"content": "Where is it?"}, time_s=3.1),
        make_log(trace=1, span=3, event_name="gen_ai.choice", body=choice, time_s=3.9),
    ]
    return spans, logs
