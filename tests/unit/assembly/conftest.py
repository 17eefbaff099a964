"""Builders of spans and log records, as data: these tests need ids, sizes and little else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spanlabel.assembly import Limits
from spanlabel.model import Log, Scope, Span, SpanKind, Status

MakeSpan = Callable[..., Span]
MakeLog = Callable[..., Log]


def _make_span(
    span_id: str,
    parent_id: str | None = None,
    *,
    trace_id: str = "t1",
    remote: bool | None = None,
    end_ns: int = 0,
    size_bytes: int = 100,
    skeleton: bool = False,
) -> Span:
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        parent_is_remote=remote,
        name="",
        kind=SpanKind.INTERNAL,
        start_ns=0,
        end_ns=end_ns,
        attributes={} if skeleton else {"gen_ai.prompt": span_id},
        events=(),
        links=(),
        status=Status.UNSET,
        status_message="",
        scope=Scope(),
        resource={},
        dropped_attributes=0,
        size_bytes=size_bytes,
        is_skeleton=skeleton,
    )


def _make_log(
    span_id: str, body: object = "hello", *, trace_id: str = "t1", time_ns: int = 0, size_bytes: int = 50
) -> Log:
    return Log(trace_id, span_id, "gen_ai.choice", time_ns, body, {}, Scope(), {}, size_bytes)  # type: ignore[arg-type] # any JSON


@pytest.fixture(scope="session")
def make_span() -> MakeSpan:
    return _make_span


@pytest.fixture(scope="session")
def make_log() -> MakeLog:
    return _make_log


@pytest.fixture(scope="session")
def limits() -> Limits:
    """Round waits, and budgets that nothing reaches by chance."""
    return Limits(
        root_grace_s=2,
        local_root_grace_s=5,
        idle_s=20,
        max_age_s=100,
        max_traces=1000,
        max_bytes=1_000_000,
        max_trace_bytes=100_000,
        max_trace_spans=1000,
        decided_traces=1000,
        linger_bytes=100_000,
        linger_s=300,
    )
