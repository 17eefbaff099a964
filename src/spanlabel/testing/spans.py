"""Builders of spans and log records: say what the test is about, the rest is filled in."""

from __future__ import annotations

import json
from collections.abc import Sequence

from spanlabel.model import Attributes, Log, Scope, Span, SpanEvent, SpanKind, SpanLink, Status, Value
from spanlabel.wire.size import SPAN_BYTES, size_of_attributes, size_of_events, size_of_value

EPOCH_NS = 1_750_000_000 * 10**9
"""Unix time in nanoseconds of the second 0 of all builders: 2025-06-15, 15:06:40 UTC."""


def trace_id(number: int) -> str:
    """The trace id of a number: 32 hex digits."""
    return f"{number:032x}"


def span_id(number: int) -> str:
    """The span id of a number: 16 hex digits."""
    return f"{number:016x}"


def make_span(
    *,
    trace: int = 1,
    span: int = 1,
    parent: int | None = None,
    parent_is_remote: bool | None = None,
    name: str = "span",
    kind: SpanKind = SpanKind.INTERNAL,
    start_s: float = 0.0,
    end_s: float = 1.0,
    attributes: Attributes | None = None,
    events: tuple[SpanEvent, ...] = (),
    links: tuple[SpanLink, ...] = (),
    status: Status = Status.UNSET,
    status_message: str = "",
    scope: str = "spanlabel.testing",
    service: str = "app",
) -> Span:
    """Make a span.

    Args:
        trace: Number of the trace, for its id.
        span: Number of the span, for its id.
        parent: Number of the parent; None for a root.
        parent_is_remote: Whether the parent lives in another process; None if the sender did not say.
        name: Span name.
        kind: Client, server, ...
        start_s: Start, seconds after `EPOCH_NS`.
        end_s: End, the same.
        attributes: As an instrumentation would set them.
        events: In order.
        links: In order.
        status: Outcome.
        status_message: Text beside an error status.
        scope: Name of the instrumentation.
        service: `service.name` of the process.
    """
    given = dict(attributes or {})
    return Span(
        trace_id=trace_id(trace),
        span_id=span_id(span),
        parent_id=None if parent is None else span_id(parent),
        parent_is_remote=parent_is_remote,
        name=name,
        kind=kind,
        start_ns=_ns(start_s),
        end_ns=_ns(end_s),
        attributes=given,
        events=events,
        links=links,
        status=status,
        status_message=status_message,
        scope=Scope(scope),
        resource={"service.name": service},
        dropped_attributes=0,
        size_bytes=SPAN_BYTES + size_of_attributes(given) + size_of_events(events, links),
    )


def llm_span(
    prompt: str,
    answer: str | Sequence[str] = (),
    *,
    trace: int = 1,
    span: int = 1,
    parent: int | None = None,
    start_s: float = 0.0,
    end_s: float = 1.0,
    system: str | None = None,
    history: Sequence[tuple[str, str]] = (),
    model: str = "gpt-4o-mini",
    provider: str = "openai",
    conversation: str | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    service: str = "app",
    more: Attributes | None = None,
) -> Span:
    """Make the span of one model call, with OpenTelemetry's GenAI attributes (semantic conventions 1.37).

    Args:
        prompt: The last user message.
        answer: What came back; several for several choices, none for a call without an answer.
        trace: Number of the trace, for its id.
        span: Number of the span, for its id.
        parent: Number of the parent; None for a root.
        start_s: Start, seconds after `EPOCH_NS`.
        end_s: End, the same.
        system: System instructions.
        history: Role and text of the messages before *prompt*.
        model: The model asked for.
        provider: Its provider.
        conversation: Id of the conversation.
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
        service: `service.name` of the process.
        more: Further attributes; they win.
    """
    answers = (answer,) if isinstance(answer, str) else tuple(answer)
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.input.messages": json.dumps([_message(role, text) for role, text in (*history, ("user", prompt))]),
    }
    if answers:
        choices = [_message("assistant", text) | {"finish_reason": "stop"} for text in answers]
        attributes["gen_ai.output.messages"] = json.dumps(choices)
        attributes["gen_ai.response.finish_reasons"] = ("stop",) * len(answers)
    if system is not None:
        attributes["gen_ai.system_instructions"] = json.dumps([{"type": "text", "content": system}])
    optional = {
        "gen_ai.conversation.id": conversation,
        "gen_ai.usage.input_tokens": input_tokens,
        "gen_ai.usage.output_tokens": output_tokens,
    }
    attributes |= {name: value for name, value in optional.items() if value is not None}
    return make_span(
        trace=trace,
        span=span,
        parent=parent,
        name=f"chat {model}",
        kind=SpanKind.CLIENT,
        start_s=start_s,
        end_s=end_s,
        attributes=attributes | dict(more or {}),
        service=service,
    )


def make_log(
    *,
    trace: int = 1,
    span: int = 1,
    event_name: str = "",
    body: Value = None,
    attributes: Attributes | None = None,
    time_s: float = 0.0,
    scope: str = "spanlabel.testing",
    service: str = "app",
) -> Log:
    """Make a log record that belongs to a span.

    Args:
        trace: Number of the trace, for its id.
        span: Number of the span, for its id.
        event_name: Its event name.
        body: Its body.
        attributes: As an instrumentation would set them.
        time_s: Seconds after `EPOCH_NS`.
        scope: Name of the instrumentation.
        service: `service.name` of the process.
    """
    given = dict(attributes or {})
    return Log(
        trace_id=trace_id(trace),
        span_id=span_id(span),
        event_name=event_name,
        time_ns=_ns(time_s),
        body=body,
        attributes=given,
        scope=Scope(scope),
        resource={"service.name": service},
        size_bytes=SPAN_BYTES + size_of_attributes(given) + size_of_value(body),
    )


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _ns(seconds: float) -> int:
    return EPOCH_NS + round(seconds * 1_000_000_000)
