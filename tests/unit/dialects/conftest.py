"""Builders of spans, their events and their log records, as an exporter hands them over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from spanlabel.dialects import read
from spanlabel.model import Log, Scope, Span, SpanEvent, SpanKind, Status, Step

TRACE_ID = "ab" * 16
SPAN_ID = "cd" * 8


def _make_span(
    attributes: Mapping[str, Any] | None = None,
    *,
    name: str = "span",
    scope: str = "app",
    kind: SpanKind = SpanKind.INTERNAL,
    events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    status: Status = Status.UNSET,
    is_skeleton: bool = False,
) -> Span:
    return Span(
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        parent_id=None,
        parent_is_remote=None,
        name=name,
        kind=kind,
        start_ns=1_000,
        end_ns=2_000,
        attributes=dict(attributes or {}),
        events=tuple(SpanEvent(name, 1_000 + n, fields) for n, (name, fields) in enumerate(events)),
        links=(),
        status=status,
        status_message="",
        scope=Scope(scope),
        resource={"service.name": "test"},
        dropped_attributes=0,
        size_bytes=100,
        is_skeleton=is_skeleton,
    )


def _make_log(event_name: str, body: Any, attributes: Mapping[str, Any] | None = None, *, scope: str = "app") -> Log:
    return Log(TRACE_ID, SPAN_ID, event_name, 1_500, body, dict(attributes or {}), Scope(scope), {}, 50)


def _read_span(
    attributes: Mapping[str, Any] | None = None,
    *,
    logs: Sequence[tuple[str, Any]] = (),
    **given: Any,
) -> Step:
    return read(_make_span(attributes, **given), tuple(_make_log(name, body) for name, body in logs))


@pytest.fixture(scope="session")
def make_span() -> Callable[..., Span]:
    """A span of these attributes."""
    return _make_span


@pytest.fixture(scope="session")
def make_log() -> Callable[..., Log]:
    """A log record that belongs to the span of `make_span`."""
    return _make_log


@pytest.fixture(scope="session")
def read_span() -> Callable[..., Step]:
    """What the built-in dialects read from a span of these attributes, events and `(name, body)` log records."""
    return _read_span
