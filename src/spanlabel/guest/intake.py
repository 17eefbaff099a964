"""What the seats handed over, put through the pipeline: whatever it is, the app goes on and so do we."""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any, Final

from spanlabel import compose
from spanlabel.compose import Running
from spanlabel.delivery.no_fork import no_fork
from spanlabel.delivery.once import OncePerMinute
from spanlabel.delivery.untraced import untraced
from spanlabel.errors import SpanlabelError
from spanlabel.metrics import Counts, Metric
from spanlabel.telemetry import observe
from spanlabel.wire.sdk import log_from_sdk, span_from_sdk

from .engine import EXPORTED

if TYPE_CHECKING:
    from spanlabel.assembly import Limits
    from spanlabel.config.settings import Settings
    from spanlabel.model import Log, Span

_logger = logging.getLogger("spanlabel")

KNOWN: Final = 4_000
"""Kinds of spans, by name, scope and attribute keys, of which it is remembered whether they are GenAI."""

REMEMBERED: Final = 20_000
"""Spans from the processor's seat that are remembered until the exporter's seat brings them again."""


@contextmanager
def open_intake(
    settings: Settings, limits: Limits, counts: Counts, *, has_exporter: Callable[[], bool], close_s: float
) -> Iterator[Intake]:
    """Put all parts together for this block, in which none of our own calls is traced.

    Args:
        settings: What to build.
        limits: How long traces are waited for.
        counts: Where everything is counted; shown as OpenTelemetry metrics for this block.
        has_exporter: As for `Intake`.
        close_s: What letting go of files and connections may take.

    Raises:
        ConfigError: A part is missing or a setting does not fit.
    """
    with untraced():
        with no_fork():  # strangers' parts are imported here
            stop_observing = observe(counts)
        try:
            with no_fork():
                running = compose.start(settings, limits, counts)
            try:
                yield Intake(running, counts, has_exporter)
            finally:
                running.close(close_s)
        finally:
            stop_observing()


class _Glance:
    """As much of a span as is needed to recognize it."""

    __slots__ = ("attributes", "events", "name", "scope")

    def __init__(self, scope: Any, attributes: Any, name: str, events: Any) -> None:
        self.scope = scope
        self.attributes = attributes
        self.name = name
        self.events = events


class Intake:
    """Turns the SDK's objects into spans and log records. Only the engine's thread calls it.

    Args:
        running: The parts behind.
        counts: Where everything is counted.
        has_exporter: Tells whether some seat gets spans that a processor's seat may have had.

    Attributes:
        running: As given.
    """

    def __init__(self, running: Running, counts: Counts, has_exporter: Callable[[], bool]) -> None:
        self.running = running
        self._counts = counts
        self._has_exporter = has_exporter
        self._once = OncePerMinute()
        self._seen: dict[tuple[int, int], None] = {}
        self._known: dict[tuple[str, ...], bool] = {}
        self._recognizes: Callable[[Any], bool] = running.pipeline.recognizes

    def is_content(self, span: Any) -> bool:
        """Whether any dialect knows a span of the SDK. Called in the app's threads."""
        # What the SDK's properties hand out is a copy of these, which takes longer than all the rest.
        try:
            attributes, events = span._attributes._dict, span._events._dq  # noqa: SLF001 - see above
        except AttributeError:
            attributes, events = span.attributes, span.events
        scope, name = span.instrumentation_scope, span.name
        if events:
            return self._recognizes(_Glance(scope, attributes.copy(), name, span.events))
        key = (name, scope.name, *attributes)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            known = self._known[key] = self._recognizes(_Glance(scope, attributes.copy(), name, ()))
        return known

    def beside(self, opened: Sequence[int], passed: Sequence[int], now_s: float) -> None:
        """Take the trace ids of spans that were opened, and of those that ended and say nothing."""
        pipeline = self.running.pipeline
        open_more = Counter(opened)
        open_more.subtract(passed)
        for trace_id, more in open_more.items():
            trace = f"{trace_id:032x}"
            for _ in range(max(1, more)):
                pipeline.opened(trace, now_s=now_s)
            for _ in range(1 + max(0, -more) if more < 1 else 0):
                pipeline.closed(trace, now_s=now_s)
        if passed:
            self._counts.add(Metric.SPANS_RECEIVED, len(passed))
            self._counts.add(Metric.SPANS_DECIDED, len(passed), reason="not_genai")

    def take(self, things: Sequence[Any], now_s: float) -> None:
        """Take what the seats handed over: spans as they are, the others as (what, thing)."""
        spans: list[Span] = []
        logs: list[Log] = []
        closed: list[str] = []
        for thing in things:
            try:
                if type(thing) is not tuple:
                    self._take_ended(thing, spans, closed)
                elif thing[0] == EXPORTED:
                    self._take_exported(thing[1], spans)
                else:
                    self._take_log(thing[1], logs)
            except Exception as error:  # noqa: BLE001 - one odd span must not cost the others
                self._note_fault("converting", error)
        pipeline = self.running.pipeline
        if spans or logs:
            self._guard("reading", lambda: pipeline.accept(spans, logs, now_s=now_s))
        for trace_id in closed:
            pipeline.closed(trace_id, now_s=now_s)

    def tick(self, now_s: float) -> float:
        """Read what is ready.

        Returns:
            When there may be more; inf while nothing waits.
        """
        self._guard("reading", lambda: self.running.tick(now_s))
        due_s = self.running.pipeline.next_due_s()
        return inf if due_s is None else due_s

    def flush(self, now_s: float) -> None:
        """Read what is complete into the outbox."""
        self._guard("reading", lambda: self.running.flush(now_s, everything=False))

    def end(self, now_s: float, timeout_s: float) -> None:
        """Read everything into the outbox, and deliver as much as there is time for."""
        self._guard("reading", lambda: self.running.flush(now_s, everything=True))
        self._guard("delivering", lambda: self.running.deliver(timeout_s))

    def dropped(self, spans: int, logs: int) -> None:
        """Count what found no room in the queue."""
        self._counts.add(Metric.SPANS_RECEIVED, spans)
        self._counts.add(Metric.SPANS_DECIDED, spans, reason="queue_full")
        self._counts.add(Metric.LOGS_LOST, logs, reason="queue_full")
        self._say(
            "queue_full", f"{spans} spans and {logs} log records were dropped: they came faster than they can be read"
        )

    def _take_ended(self, given: Any, spans: list[Span], closed: list[str]) -> None:
        context = given.context
        closed.append(f"{context.trace_id:032x}")
        if self._has_exporter():
            self._seen[context.trace_id, context.span_id] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        span = span_from_sdk(given)
        if span is not None:
            spans.append(span)

    def _take_exported(self, given: Any, spans: list[Span]) -> None:
        context = given.context
        key = (context.trace_id, context.span_id)
        if key in self._seen:
            del self._seen[key]  # the processor's seat had it: this one stands aside
            return
        span = span_from_sdk(given)
        if span is not None:
            spans.append(span)

    def _take_log(self, given: Any, logs: list[Log]) -> None:
        log = log_from_sdk(given)
        if log is not None:
            logs.append(log)

    def _guard(self, where: str, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with us, the app goes on
            self._note_fault(where, error)

    def _note_fault(self, where: str, error: Exception) -> None:
        self._counts.add(Metric.FAULTS, where=where)
        self._say(where, f"a fault while {where}, the app goes on: {_told(error)}")

    def _say(self, kind: str, message: str) -> None:
        if self._once.permits(kind, time.monotonic()):
            _logger.warning("spanlabel: %s", message)


def _told(error: Exception) -> str:
    """An error without what was read: another's words may repeat it, so they give way to the place."""
    if isinstance(error, SpanlabelError | OSError):
        return f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].filename}, line {frames[-1].lineno}" if frames else repr(type(error))
