"""The demo's own count of what the application's spans were, independent of who exports them."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

_CLIENT_SCOPE = "opentelemetry.instrumentation.openai"


@dataclass(frozen=True, slots=True)
class Ended:
    """Spans that ended.

    Attributes:
        spans: Trace id and span id, in lower-case hex, of each.
        calls: How many of them are calls of the provider's client: model calls and embeddings, failed ones too.
    """

    spans: frozenset[tuple[str, str]] = frozenset()
    calls: int = 0

    @property
    def traces(self) -> frozenset[str]:
        """The traces that they belong to."""
        return frozenset(trace_id for trace_id, _ in self.spans)


class Tally(SpanProcessor):
    """Remembers each span that ends: a span processor beside the exporters."""

    def __init__(self) -> None:
        self._spans: set[tuple[str, str]] = set()
        self._calls = 0
        self._lock = Lock()

    def on_end(self, span: ReadableSpan) -> None:
        """Remember it."""
        context, scope = span.get_span_context(), span.instrumentation_scope
        with self._lock:
            if context is not None:
                self._spans.add((f"{context.trace_id:032x}", f"{context.span_id:016x}"))
            if scope is not None and scope.name.startswith(_CLIENT_SCOPE):
                self._calls += 1

    def take(self) -> Ended:
        """What ended since the last time."""
        with self._lock:
            ended = Ended(frozenset(self._spans), self._calls)
            self._spans.clear()
            self._calls = 0
        return ended

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits here. Without a True, SDKs of 2025 flush none of the processors that come after this one."""
        return True
