"""The seats where only an exporter fits: `OTEL_TRACES_EXPORTER=otlp,spanlabel`, `OTEL_CONFIG_FILE`, a batch processor.

An exporter sees spans up to a batch's delay late, does not know what is open, and is not flushed by the batch
processor's `force_flush` (measured, engineering.md 0.1): prefer `AnnotationSpanProcessor` where you can.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import export as _logs_export
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from spanlabel.guest import EXPORTED, LOG, Seat

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from spanlabel.assembly import Limits

# The names before opentelemetry-sdk 1.39, which this package still works with.
_LogRecordExporter: Any = getattr(_logs_export, "LogRecordExporter", None) or _logs_export.LogExporter
_LogExportResult: Any = getattr(_logs_export, "LogRecordExportResult", None) or _logs_export.LogExportResult


class AnnotationSpanExporter(Seat, SpanExporter):
    """Turns exported GenAI spans into records.

    Where an `AnnotationSpanProcessor` with the same settings sees the spans too, this stands aside.

    Args:
        settings: As for `spanlabel.AnnotationSpanProcessor`.
    """

    def __init__(self, **settings: object) -> None:
        super().__init__(_limits, settings, is_exporter=True)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take a batch; the result says only that it was taken."""
        if self._engine is not None:
            self._engine.put_all([(EXPORTED, span) for span in spans])
        return SpanExportResult.SUCCESS


class AnnotationLogExporter(Seat, _LogRecordExporter):  # type: ignore[misc] # its name depends on the SDK's version
    """Takes message content out of exported log records; for `OTEL_LOGS_EXPORTER=spanlabel`.

    Args:
        settings: As for `spanlabel.AnnotationSpanProcessor`; with the same ones both share one pipeline.
    """

    def __init__(self, **settings: object) -> None:
        super().__init__(_limits, settings, is_exporter=True)

    def export(self, batch: Sequence[Any]) -> Any:
        """Take a batch; the result says only that it was taken."""
        if self._engine is not None:
            self._engine.put_all([(LOG, record) for record in batch])
        return _LogExportResult.SUCCESS


def _limits() -> Limits:
    """The exporter's waits: one export cycle after the root, as long as the batch processor makes it."""
    from spanlabel.assembly import Limits

    try:
        delay_s = float(os.environ.get("OTEL_BSP_SCHEDULE_DELAY") or 5000) / 1000
    except ValueError:
        delay_s = 5.0
    return Limits.for_exporter(min(60.0, max(0.0, delay_s)))
