import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spanlabel import AnnotationLogExporter, AnnotationLogProcessor, AnnotationSpanExporter, AnnotationSpanProcessor
from spanlabel.assembly import Limits
from spanlabel.exporter import _limits
from spanlabel.guest import Engine
from spanlabel.metrics import Metric, check_conservation

Ask = Callable[..., None]
Stored = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def finished(ask: Ask) -> Callable[[str], list[ReadableSpan]]:
    """Ended spans as a batch processor hands them over: those of one model call."""

    def make(question: str) -> list[ReadableSpan]:
        memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(memory))
        ask(provider, question)
        return list(memory.get_finished_spans())

    return make


def _engine(seat: AnnotationSpanExporter | AnnotationSpanProcessor | AnnotationLogExporter) -> Engine:
    assert seat._engine is not None
    return seat._engine


def test_behind_a_batch_processor(provider: TracerProvider, ask: Ask, stored: Stored) -> None:
    """The way that fits everywhere: a batch processor with our exporter, and the records are there after shutdown."""
    provider.add_span_processor(BatchSpanProcessor(AnnotationSpanExporter()))
    ask(provider, "q", "a")
    provider.shutdown()
    assert stored() == [("q", "a")]


def test_behind_a_simple_processor(provider: TracerProvider, ask: Ask, stored: Stored) -> None:
    """With the synchronous processor it works the same."""
    exporter = AnnotationSpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    ask(provider, "q", "a")
    assert exporter.force_flush()
    assert stored() == [("q", "a")]
    assert check_conservation(_engine(exporter).counts) == []


def test_it_stands_aside_for_the_processor(provider: TracerProvider, ask: Ask, stored: Stored) -> None:
    """With exporter and processor on one provider each span is read once, by the processor."""
    processor = AnnotationSpanProcessor()
    exporter = AnnotationSpanExporter()
    provider.add_span_processor(processor)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    for n in range(5):
        ask(provider, f"q{n}")
    assert provider.force_flush()
    assert exporter.force_flush()
    counts = _engine(exporter).counts
    assert _engine(processor) is _engine(exporter)
    assert counts.total(Metric.SPANS_RECEIVED) == counts.total(Metric.RECORDS_MADE) == 5
    assert [question for question, _ in stored()] == [f"q{n}" for n in range(5)]
    assert check_conservation(counts) == []


def test_it_takes_what_the_processor_does_not_see(
    make_provider: Callable[[], TracerProvider], ask: Ask, stored: Stored
) -> None:
    """A processor on one provider and an exporter on another: both are read, each once."""
    seen, exported = make_provider(), make_provider()
    seen.add_span_processor(AnnotationSpanProcessor())
    exporter = AnnotationSpanExporter()
    exported.add_span_processor(SimpleSpanProcessor(exporter))
    ask(seen, "processor")
    ask(exported, "exporter")
    assert exporter.force_flush()
    assert sorted(question for question, _ in stored()) == ["exporter", "processor"]


def test_a_span_that_is_exported_again_is_read_once(finished: Callable[[str], list[ReadableSpan]], home: Path) -> None:
    """A batch that is handed over twice, as after a failure of another exporter, makes no second record."""
    exporter = AnnotationSpanExporter()
    spans = finished("q")
    exporter.export(spans)
    exporter.export(spans)
    assert exporter.force_flush()
    counts = _engine(exporter).counts
    exporter.shutdown()
    assert counts.total(Metric.SPANS_DECIDED, reason="duplicate") == 1
    assert counts.total(Metric.RECORDS_MADE) == 1
    assert check_conservation(counts) == []


def test_export_never_fails(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it is given, and also when it is off, the answer is success: nothing would be gained by a retry."""
    exporter = AnnotationSpanExporter()
    assert exporter.export([]) is SpanExportResult.SUCCESS
    assert exporter.export([None, object()]) is SpanExportResult.SUCCESS  # type: ignore[list-item] # that is the point
    assert exporter.force_flush()
    exporter.shutdown()
    exporter.shutdown()
    assert exporter.export([None]) is SpanExportResult.SUCCESS  # type: ignore[list-item]
    with caplog.at_level(logging.ERROR, "spanlabel"):
        off = AnnotationSpanExporter(queue_spans=0)
    assert off.export([None]) is SpanExportResult.SUCCESS  # type: ignore[list-item]
    assert off.force_flush()


def test_a_batch_larger_than_the_queue_is_waited_for(
    finished: Callable[[str], list[ReadableSpan]], stored: Stored
) -> None:
    """A batch processor's thread may wait, so a batch that is larger than our queue is taken whole."""
    exporter = AnnotationSpanExporter(queue_spans=40)
    spans = [span for n in range(100) for span in finished(f"q{n}")]
    exporter.export(spans)
    assert exporter.force_flush()
    assert _engine(exporter).counts.total(Metric.SPANS_DECIDED, reason="queue_full") == 0
    assert len(stored()) == 100
    exporter.shutdown()


@pytest.mark.parametrize(("variable", "grace_s"), [(None, 5), ("8000", 8), ("100", 2), ("soon", 5), ("9e9", 60)])
def test_it_waits_one_export_cycle(
    variable: str | None, grace_s: float, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its root a trace is waited for as long as the batch processor takes between two exports."""
    if variable is not None:
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", variable)
    assert _limits() == Limits.for_exporter(grace_s)


def _emit(loggers: LoggerProvider) -> None:
    """The events of one call, as opentelemetry-instrumentation-openai-v2 emits them within its span."""
    logger = loggers.get_logger("openai")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Seine."}}
    for name, body in (("gen_ai.user.message", {"content": "Name a river."}), ("gen_ai.choice", choice)):
        logger.emit(LogRecord(timestamp=time.time_ns(), event_name=name, body=body, attributes={}))


_CALL = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m"}


def test_log_records_and_spans_from_two_exporters_join(provider: TracerProvider, stored: Stored) -> None:
    """OTEL_TRACES_EXPORTER=spanlabel and OTEL_LOGS_EXPORTER=spanlabel: two exporters, one record."""
    provider.add_span_processor(BatchSpanProcessor(AnnotationSpanExporter()))
    loggers = LoggerProvider(shutdown_on_exit=False)
    exporter = AnnotationLogExporter()
    loggers.add_log_record_processor(BatchLogRecordProcessor(exporter))
    with provider.get_tracer("openai").start_as_current_span("chat m", attributes=_CALL):
        _emit(loggers)
    counts = _engine(exporter).counts
    loggers.shutdown()
    provider.shutdown()
    assert stored() == [("Name a river.", "Seine.")]
    assert counts.total(Metric.LOGS_RECEIVED) == 2
    assert check_conservation(counts) == []


def test_log_records_may_come_last(provider: TracerProvider, stored: Stored) -> None:
    """Spans from the processor are read at once; log records that an exporter brings later update the reading."""
    provider.add_span_processor(AnnotationSpanProcessor())
    loggers = LoggerProvider(shutdown_on_exit=False)
    exporter = AnnotationLogExporter()
    loggers.add_log_record_processor(BatchLogRecordProcessor(exporter))
    with provider.get_tracer("openai").start_as_current_span("chat m", attributes=_CALL):
        _emit(loggers)
    assert provider.force_flush()  # the log records are still with the batch processor
    loggers.shutdown()
    provider.shutdown()
    assert stored() == [("Name a river.", "Seine.")]


def test_log_records_that_come_twice_count_once(provider: TracerProvider, stored: Stored) -> None:
    """A log processor and a log exporter of ours side by side change nothing."""
    provider.add_span_processor(AnnotationSpanProcessor())
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(AnnotationLogProcessor())
    exporter = AnnotationLogExporter()
    loggers.add_log_record_processor(BatchLogRecordProcessor(exporter))
    with provider.get_tracer("openai").start_as_current_span("chat m", attributes=_CALL):
        _emit(loggers)
    assert provider.force_flush()
    counts = _engine(exporter).counts
    loggers.shutdown()
    provider.shutdown()
    assert counts.total(Metric.LOGS_LOST, reason="duplicate") == 2
    assert counts.total(Metric.RECORDS_MADE) == 1
    assert stored() == [("Name a river.", "Seine.")]


def test_the_log_exporter_never_fails(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The app's own log lines, odd objects, and calls after shutdown: always success, never an exception."""
    exporter = AnnotationLogExporter()
    for odd in ([], [None], [object()]):
        assert exporter.export(odd).name == "SUCCESS"
    assert exporter.force_flush()
    exporter.shutdown()
    exporter.shutdown()
    assert exporter.export([None]).name == "SUCCESS"
    assert exporter.force_flush()
