"""Whatever the spans look like: pairing never raises, no order changes its result, its time grows with their number."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanlabel.model import (
    Kind,
    Message,
    Ready,
    Reasoning,
    Scope,
    Span,
    SpanKind,
    Status,
    Step,
    Text,
    ToolCall,
    ToolResult,
    Trace,
)
from spanlabel.pairing import Reading, reconstruct

_MS = 1_000_000


def _span(number: int, under: int | None, start_ns: int, end_ns: int, **given: Any) -> Span:
    return Span(
        trace_id=f"{given.get('trace', 1):032x}",
        span_id=f"{number:016x}",
        parent_id=None if under is None else f"{under:016x}",
        parent_is_remote=None,
        name=given.get("name", "span"),
        kind=given.get("kind", SpanKind.INTERNAL),
        start_ns=start_ns,
        end_ns=max(start_ns, end_ns),
        attributes={},
        events=(),
        links=(),
        status=Status.UNSET,
        status_message="",
        scope=Scope(given.get("scope", "a")),
        resource=given.get("resource", {"service.name": "app"}),
        dropped_attributes=0,
        size_bytes=0,
    )


def _said(role: str, text: str) -> Message:
    return Message(role, (Text(text),))


def _llm(  # noqa: PLR0917 - a table of spans is read by columns
    number: int, under: int | None, start: int, end: int, asked: str, answered: str, **given: Any
) -> Step:
    return Step(
        _span(number, under, start, end, **given),
        Kind.LLM,
        input=(_said("user", asked),) if asked else (),
        output=(_said("assistant", answered),) if answered else (),
        response_id=given.get("response_id"),
    )


def _run(  # noqa: PLR0917 - a table of spans is read by columns
    kind: Kind, number: int, under: int | None, start: int, end: int, asked: str = "", answered: str = ""
) -> Step:
    return Step(_span(number, under, start, end), kind, input_text=asked or None, output_text=answered or None)


def _app(number: int, under: int | None, start: int, end: int, kind: SpanKind = SpanKind.INTERNAL) -> Step:
    return Step(_span(number, under, start, end, kind=kind), Kind.NONE)


def _below(n: int) -> range:
    """Numbers of the children of span 0."""
    return range(1, n)


def _turn(n: int) -> tuple[int, int]:
    """Times of the n-th of turns that follow one another."""
    return n * 10 * _MS, (n * 10 + 5) * _MS


_Q, _A = "the question of everybody", "the answer to everybody"

SHAPES: dict[str, Callable[[int], list[Step]]] = {
    "chains in a chain": lambda n: [
        *(_run(Kind.CHAIN, i, i - 1 if i else None, i, 10 * n - i) for i in range(n - 1)),
        _llm(n, n - 2, n, n + 1, _Q, _A),
    ],
    "calls in a chain": lambda n: [_llm(i, i - 1 if i else None, i, 10 * n - i, _Q, _A) for i in range(n)],
    "calls in a chain, of two instrumentations": lambda n: [
        _llm(i, i - 1 if i else None, i, 10 * n - i, _Q, _A, scope="ab"[i % 2]) for i in range(n)
    ],
    "app spans in a chain, runs at the bottom": lambda n: [
        *(_app(i, i - 1 if i else None, i, 10 * n) for i in range(n // 2)),
        *(_run(Kind.AGENT, n + i, n // 2 - 1, i * _MS, i * _MS + 1, f"q {i} ?", f"a {i}") for i in range(n // 2)),
    ],
    "siblings of one text": lambda n: [
        _app(0, None, 0, 10 * n * _MS),
        *(_llm(i, 0, *_turn(i), _Q, _A) for i in _below(n)),
    ],
    "siblings of one text, under a request": lambda n: [
        _app(0, None, 0, 10 * n * _MS, SpanKind.SERVER),
        *(_llm(i, 0, *_turn(i), _Q, _A) for i in _below(n)),
    ],
    "siblings of one text, at one time": lambda n: [
        _app(0, None, 0, 10 * n),
        *(_llm(i, 0, 5, 50, _Q, _A) for i in _below(n)),
    ],
    "siblings of one text, of two instrumentations": lambda n: [
        _app(0, None, 0, 10 * n),
        *(_llm(i, 0, 5, 50, _Q, _A, scope="ab"[i % 2]) for i in _below(n)),
    ],
    "siblings of one response id": lambda n: [
        _app(0, None, 0, 10 * n),
        *(_llm(i, 0, 5, 50, _Q, _A, response_id="r") for i in _below(n)),
    ],
    "siblings of their own texts": lambda n: [
        _run(Kind.CHAIN, 0, None, 0, 10 * n * _MS),
        *(_llm(i, 0, *_turn(i), f"question number {i}", f"answer number {i}") for i in _below(n)),
    ],
    "a loop that never answers": lambda n: [
        _run(Kind.AGENT, 0, None, 0, 10 * n * _MS),
        *(_llm(i, 0, *_turn(i), _Q, "") for i in _below(n)),
    ],
    "each answer into the next question": lambda n: [
        _app(0, None, 0, 10 * n * _MS),
        *(_llm(i, 0, *_turn(i), f"answer number {i - 1} is it so", f"answer number {i}") for i in _below(n)),
    ],
    "agents of one question": lambda n: [
        _run(Kind.CHAIN, 0, None, 0, 10 * n * _MS),
        *(_run(Kind.AGENT, i, 0, *_turn(i), _Q, _A) for i in _below(n)),
    ],
    "orphans of one missing parent": lambda n: [_run(Kind.AGENT, i, 10**6, 5, 500) for i in range(n)],
    "orphans, each of its own missing parent": lambda n: [_run(Kind.AGENT, i, 10**6 + i, 5, 500) for i in range(n)],
    "orphans within one another": lambda n: [
        _run(Kind.AGENT, i, 10**6 + i, i * 5 * _MS, (10 * n - i) * 5 * _MS) for i in range(n)
    ],
    "orphaned calls, many runs open": lambda n: [
        *(_run(Kind.AGENT, i, None, 5, 500) for i in range(n // 2)),
        *(_llm(i, 10**6, 10, 20, _Q, _A) for i in range(n // 2, n)),
    ],
    "agents in agents, each beside another": lambda n: [
        step
        for i in range(n // 2)
        for step in (
            _run(Kind.AGENT, i, i - 1 if i else None, 10 * i * _MS, 100 * n * _MS - i),
            _run(Kind.AGENT, n + i, i, 10 * i * _MS + 1, 10 * i * _MS + 2 * _MS),
        )
    ],
    "agents in agents, each with a tool": lambda n: [
        step
        for i in range(n // 2)
        for step in (
            _run(Kind.AGENT, i, i - 1 if i else None, 10 * i * _MS, 100 * n * _MS - i),
            Step(_span(n + i, i, 10 * i * _MS + 1, 10 * i * _MS + 2 * _MS), Kind.TOOL),
        )
    ],
    "one ring": lambda n: [_run(Kind.AGENT, i, (i + 1) % n, i, 10 * n) for i in range(n)],
    "roots below roots": lambda n: [
        replace(_run(Kind.CHAIN, i, i - 1 if i else None, i, 10 * n - i, _Q, _A), root_hint=True) for i in range(n)
    ],
}


def _trace(steps: Sequence[Step]) -> Trace:
    return Trace(steps[0].span.trace_id, tuple(steps), Ready.DRAINED)


def _cpu_s(steps: list[Step]) -> float:
    steps.sort(key=lambda s: (s.span.start_ns, s.span.span_id))
    traces = [_trace(steps)]
    tries = []
    for _ in range(2):  # the better of two: a busy machine slows a try down, nothing speeds one up
        started = time.process_time()
        reconstruct(traces)
        tries.append(time.process_time() - started)
    return min(tries)


class TestTime:
    @pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
    def test_ten_thousand_spans(self, make: Callable[[int], list[Step]]) -> None:
        """
        A trace of ten thousand spans is read in seconds, whatever its shape, and four times the spans never take
        sixteen times the time, as a square would.
        """
        large_s = _cpu_s(make(10_000))

        assert large_s < 10
        assert large_s < 1 or large_s < 14 * _cpu_s(make(2_500))


_TEXTS = ["", " ", "What is the capital of France?", "France", "Paris.", "Write a synopsis", "A synopsis of it.", "ok"]
_PARTS = [
    *map(Text, _TEXTS),
    Reasoning("I think"),
    *(ToolCall("weather", given, "c1") for given in (None, "Rome", {"city": "Rome"}, {"a": "b", "c": [1]}, 10**5000)),
    ToolCall("final_answer", {"answer": "Paris."}),
    ToolCall("", ("x", b"y")),
    *(ToolResult(given, "c1") for given in (None, "Paris.", {"": {}}, 10**5000)),
    ToolResult("ok"),
]
_ROLES = ["user", "assistant", "system", "tool", "other"]
_KINDS = [*Kind, Kind.LLM, Kind.LLM, Kind.LLM, Kind.LLM, Kind.AGENT, Kind.AGENT, Kind.CHAIN, Kind.CHAIN, Kind.TOOL]

# A span is drawn as a row of small numbers, which hypothesis shows and shrinks well, and made in the test.
_MESSAGE = st.tuples(st.integers(0, len(_ROLES) - 1), st.lists(st.integers(0, len(_PARTS) - 1), max_size=2))
_ROW = st.fixed_dictionaries(
    {
        "number": st.integers(0, 12),
        "kind": st.integers(0, len(_KINDS) - 1),
        "start": st.sampled_from([0, 5, 10, 20, 40]),
        "length": st.sampled_from([0, 1, 5, 15, 60]),
    },
    optional={
        "under": st.one_of(st.integers(0, 12), st.integers(100, 101)),
        "came": st.lists(_MESSAGE, max_size=4),
        "went": st.lists(_MESSAGE, max_size=3),
        "input_text": st.sampled_from(_TEXTS),
        "output_text": st.sampled_from(_TEXTS),
        "input_key": st.just("country"),
        "system": st.just("Be brief."),
        "scope": st.just("b"),
        "name": st.just("chat"),
        "span_kind": st.sampled_from([SpanKind.SERVER, SpanKind.CLIENT]),
        "service": st.sampled_from([10**50, None, ("x",)]),
        "response_id": st.just("r1"),
        "is_error": st.just(True),
        "root_hint": st.booleans(),
        "given_prompt": st.just("Given?"),
        "given_answer": st.just("Given."),
        "is_skipped": st.just(True),
    },
)
_WINDOWS = st.lists(st.lists(_ROW, min_size=1, max_size=8, unique_by=lambda row: row["number"]), min_size=1, max_size=3)
_AS_THEY_ARE = (
    "input_key",
    "system",
    "response_id",
    "is_error",
    "root_hint",
    "given_prompt",
    "given_answer",
    "is_skipped",
)


def _messages(rows: list[tuple[int, list[int]]]) -> tuple[Message, ...]:
    return tuple(Message(_ROLES[role], tuple(_PARTS[part] for part in parts)) for role, parts in rows)


def _made(row: dict[str, Any], trace: int) -> Step:
    span = _span(
        row["number"],
        row.get("under"),
        row["start"] * _MS,
        (row["start"] + row["length"]) * _MS,
        trace=trace,
        name=row.get("name", "run"),
        scope=row.get("scope", "a"),
        kind=row.get("span_kind", SpanKind.INTERNAL),
        resource={"service.name": row.get("service", "app")},
    )
    return Step(
        span,
        _KINDS[row["kind"]],
        input=_messages(row.get("came", [])),
        output=_messages(row.get("went", [])),
        input_text=row.get("input_text"),
        output_text=row.get("output_text"),
        **{name: row[name] for name in _AS_THEY_ARE if name in row},
    )


def _window(rows: list[list[dict[str, Any]]]) -> list[Trace]:
    return [_trace([_made(row, trace) for row in of_trace]) for trace, of_trace in enumerate(rows, start=1)]


_SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _shown(reading: Reading) -> Any:
    return reading.pairs, {key: sorted(words) for key, words in reading.fates.items()}


class TestAnySteps:
    @_SETTINGS
    @given(rows=_WINDOWS)
    def test_pairs_are_sound(self, rows: list[list[dict[str, Any]]]) -> None:
        """
        Any mix of steps (rings, children before their parents, times of zero, texts anywhere) gives pairs that have a
        question, an answer, a confidence between 0 and 1, and spans that are there; or none, but never an exception.
        """
        traces = _window(rows)

        reading = reconstruct(traces)

        known = {(s.span.trace_id, s.span.span_id) for trace in traces for s in trace.steps}
        units = [(pair.trace_id, pair.unit_span_id, pair.turn) for pair in reading.pairs]
        assert len(set(units)) == len(units)
        for pair in reading.pairs:
            assert pair.prompt
            assert pair.answer
            assert pair.answer in pair.answers
            assert 0 <= pair.confidence <= 1
            assert pair.start_ns <= pair.end_ns
            assert pair.messages[-1].role == "user"
            assert pair.messages[-1].text.strip() == pair.prompt
            for span_id in (pair.unit_span_id, pair.prompt_span_id, pair.answer_span_id):
                assert (pair.trace_id, span_id) in known

    @_SETTINGS
    @given(rows=_WINDOWS, seed=st.integers(0, 99))
    def test_order_does_not_matter(self, rows: list[list[dict[str, Any]]], seed: int) -> None:
        """
        The same spans in another order, in traces in another order, give the same pairs and the same fates.
        """
        traces = _window(rows)
        chance = random.Random(seed)  # noqa: S311 - no secret
        mixed = [replace(trace, steps=tuple(chance.sample(trace.steps, len(trace.steps)))) for trace in traces]
        chance.shuffle(mixed)

        assert _shown(reconstruct(mixed)) == _shown(reconstruct(traces))
