"""The recommended seats: processors that know what is open, really flush, and cost the app an append.

In a tracer provider: `provider.add_span_processor(AnnotationSpanProcessor())`. With no code at all, under
`opentelemetry-instrument`: `SPANLABEL_AUTO_PROCESSOR=1` (see `install`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from spanlabel.guest import Seat

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from spanlabel.assembly import Limits

_logger = logging.getLogger("spanlabel")


class AnnotationSpanProcessor(Seat, SpanProcessor):
    """Turns the GenAI spans of one tracer provider into records.

    It never raises into the app: with a wrong setting it is off and says so in one log line. Its calls cost the
    app's thread an append to a queue; what follows happens on a thread of spanlabel's own.

    Args:
        settings: Any setting of `spanlabel.yaml` by name (`platform="local"`, `home=...`); all are optional,
            and what is not given comes from the environment and the file.
    """

    def __init__(self, **settings: object) -> None:
        super().__init__(_limits, settings)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note that a span of this trace is open."""
        engine = self._engine
        if engine is not None:
            try:
                engine.started(span)
            except Exception:  # noqa: BLE001 - somebody's own class of spans; its trace is read after a wait
                return

    def on_end(self, span: ReadableSpan) -> None:
        """Take an ended span."""
        engine = self._engine
        if engine is not None:
            try:
                engine.ended(span)
            except Exception:  # noqa: BLE001 - the same; what is wrong with it is found out on our own thread
                engine.put(span)


class AnnotationLogProcessor(Seat, LogRecordProcessor):
    """Takes the message content that some instrumentations put only into log records.

    Args:
        settings: As for `AnnotationSpanProcessor`; with the same ones both share one pipeline.
    """

    def __init__(self, **settings: object) -> None:
        super().__init__(_limits, settings)

    def on_emit(self, log_record: Any) -> None:
        """Take a log record, if it is one of a span."""
        engine = self._engine
        if engine is not None:
            span_id = getattr(getattr(log_record, "log_record", None), "span_id", None)
            if span_id:
                engine.put_log(log_record, span_id)

    emit = on_emit  # its name before opentelemetry-sdk 1.35


def _limits() -> Limits:
    from spanlabel.assembly import Limits

    return Limits.for_processor()


def install() -> None:
    """Put our processors into the providers of this process: the hook that `opentelemetry-instrument` calls.

    It runs in every instrumented program of an environment in which spanlabel is installed, so it does nothing
    unless `SPANLABEL_AUTO_PROCESSOR` says so.
    """
    from spanlabel.config.switches import is_disabled, is_switched_on

    if not is_switched_on("SPANLABEL_AUTO_PROCESSOR") or is_disabled():
        return
    try:
        from opentelemetry import _logs, trace

        tracers = trace.get_tracer_provider()
        if not hasattr(tracers, "add_span_processor"):
            _logger.error("spanlabel is off in this process: no tracer provider of the SDK is set")
            return
        tracers.add_span_processor(AnnotationSpanProcessor())
        loggers = _logs.get_logger_provider()
        if hasattr(loggers, "add_log_record_processor"):
            loggers.add_log_record_processor(AnnotationLogProcessor())
    except Exception:
        _logger.exception("spanlabel is off in this process: it could not be set up")
