"""What runs inside somebody's application: one queue, one pipeline and one outbox for all seats.

The guest's rules (design, 4.8) are held here. A seat's call only appends to a bounded queue; everything else happens on
threads of our own, which are started with the first span, belong to one process, carry OpenTelemetry's suppression key
and end with `shutdown`. After a fork the child begins anew: nothing of the parent's is carried over.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from spanlabel.dialects import is_content
from spanlabel.errors import ConfigError, SpanlabelError
from spanlabel.metrics import Counts, Metric
from spanlabel.wire.sdk import log_from_sdk, span_from_sdk

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from spanlabel.assembly import Limits
    from spanlabel.compose import Running
    from spanlabel.config.settings import Settings
    from spanlabel.model import Log, Span

_logger = logging.getLogger("spanlabel")

SPAN: Final = 0
"""An ended span, from the processor's seat."""
EXPORTED: Final = 1
"""An ended span, from the exporter's seat."""
LOG: Final = 2
"""A log record."""
OPENED: Final = 3
"""The number of a trace in which a span was started."""
_MARK: Final = 4

_BATCH_S: Final = 0.05
"""The thread looks at the queue this often while spans come, so that a span costs no switch of threads."""

_FAULT_QUIET_S: Final = 60.0

_REMEMBERED: Final = 20_000
"""Spans from the processor's seat that are remembered until the exporter's seat brings them again."""

_engines: dict[Any, Engine] = {}
_engines_lock = threading.Lock()


class Engine:
    """The shared part of all seats of one process and one configuration.

    Args:
        settings: What to build when the first span comes.
        limits: How long traces are waited for.

    Attributes:
        counts: Our own counts, those of the process.
    """

    def __init__(self, settings: Settings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self.counts = Counts()
        self._bound = settings.queue_spans
        self._urgent = max(1, self._bound // 2)
        self._seats = 0
        self._has_exporter = False
        self._begin()
        if hasattr(os, "register_at_fork"):
            # A bound method would keep the engine alive for the life of the process.
            reference = weakref.WeakMethod(self._begin)
            os.register_at_fork(after_in_child=lambda: _call(reference))

    def _begin(self) -> None:
        """The state of a process that has seen nothing."""
        self._queue: deque[tuple[int, Any]] = deque()
        self._wake = threading.Event()
        self._asleep = False
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._broken = False
        self._dropped = 0
        self._seen: dict[tuple[int, int], None] = {}
        self._faults: dict[str, float] = {}

    def attach(self, *, is_exporter: bool) -> None:
        """One seat more."""
        self._seats += 1
        self._has_exporter = self._has_exporter or is_exporter

    def put(self, what: int, thing: Any) -> None:
        """Hand something over to the thread: the only thing that costs the app's own thread anything.

        When the queue is full the newest is dropped and counted.
        """
        queue = self._queue
        length = len(queue)
        if length >= self._bound or self._stopping or self._broken:
            if not self._broken and what != OPENED:
                self._dropped += 1
            return
        queue.append((what, thing))
        if self._asleep or length >= self._urgent:
            self._wake.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._stopping or self._broken:
                return
            # A daemon, because a thread that outlives the app's main thread would hold up its exit; shutdown joins it.
            self._thread = threading.Thread(target=self._run, name="spanlabel", daemon=True)
            self._thread.start()

    def flush(self, timeout_s: float, *, everything: bool = False) -> bool:
        """Bring everything that was handed over into the outbox, and from there to the destinations.

        Args:
            timeout_s: How long the caller waits at most.
            everything: Also traces whose root has not come; without it they are awaited on.

        Returns:
            Whether it was done in time.
        """
        if self._broken or self._stopping or (self._thread is None and not self._queue):
            return True
        deadline_s = time.monotonic() + timeout_s
        done = threading.Event()
        # The bound does not count for it: a flush of a full queue is the one that matters.
        self._queue.append((_MARK, (done, everything)))
        self._start()
        self._wake.set()
        if not done.wait(max(0.0, timeout_s)):
            return False
        running = self._running
        return running is None or running.deliver(deadline_s - time.monotonic())

    def detach(self) -> bool:
        """One seat less; the last one stops the threads after everything is in the outbox.

        Returns:
            Whether everything was stored within the setting `flush_timeout_s`.
        """
        timeout_s = self._settings.flush_timeout_s
        self._seats = max(0, self._seats - 1)
        done = self.flush(timeout_s, everything=True)
        if self._seats:
            return done
        with _engines_lock:
            for key, engine in list(_engines.items()):
                if engine is self:
                    del _engines[key]
        with self._lock:
            self._stopping = True
            thread = self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=max(0.1, timeout_s))
        return done

    def _run(self) -> None:
        """The thread: take from the queue, put through the pipeline, sleep."""
        token = _suppressed()
        try:
            self._work()
        except BaseException:
            self._broken = True
            _logger.exception("spanlabel has stopped: a fault it does not know how to go on from")
        finally:
            _unsuppressed(token)

    def _work(self) -> None:
        from spanlabel.compose import start

        try:
            self._running = running = start(self._settings, self._limits, self.counts)
        except SpanlabelError as error:
            self._disable(error)
            return
        except Exception as error:  # noqa: BLE001 - whatever is wrong with us, the app goes on
            self._disable(error)
            return
        try:
            while True:
                busy = self._take(running)
                wait_s = running.tick(time.monotonic())
                if self._stopping and not self._queue:
                    return
                self._sleep(_BATCH_S if busy else wait_s)
        finally:
            running.close(self._settings.flush_timeout_s)

    def _sleep(self, wait_s: float | None) -> None:
        if wait_s is not None and wait_s <= _BATCH_S and not self._stopping:
            self._wake.wait(wait_s)
            self._wake.clear()
            return
        self._asleep = True
        if not self._queue and not self._stopping:
            self._wake.wait(wait_s)
        self._asleep = False
        self._wake.clear()

    def _take(self, running: Running) -> bool:
        """Everything that is in the queue now. True if there was something."""
        queue = self._queue
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self.counts.add(Metric.SPANS_RECEIVED, dropped)
            self.counts.add(Metric.SPANS_DECIDED, dropped, reason="queue_full")
            self._tell("queue_full", "%d spans were dropped: they came faster than they could be read", dropped)
        if not queue:
            return False
        now_s = time.monotonic()
        spans: list[Span] = []
        logs: list[Log] = []
        closed: list[str] = []
        for _ in range(len(queue)):
            what, thing = queue.popleft()
            try:
                if what == OPENED:
                    # Told before the spans of this round are, so that a trace never seems complete too early.
                    running.pipeline.opened(f"{thing:032x}", now_s=now_s)
                elif what == LOG:
                    log = log_from_sdk(thing)
                    if log is not None and is_content(log):
                        logs.append(log)
                elif what == _MARK:
                    self._accept(running, spans, logs, closed, now_s)
                    spans, logs, closed = [], [], []
                    done, everything = thing
                    running.flush(now_s, everything=everything)
                    done.set()
                elif what == SPAN or not self._stands_aside(thing):
                    span = span_from_sdk(thing)
                    if span is not None:
                        spans.append(span)
                        if what == SPAN:
                            closed.append(span.trace_id)
                            self._remember(thing)
            except Exception as error:  # noqa: BLE001 - one odd span must not cost the others
                self._fault("reading", error)
                if what == _MARK:
                    thing[0].set()
        self._accept(running, spans, logs, closed, now_s)
        return True

    def _accept(self, running: Running, spans: list[Span], logs: list[Log], closed: list[str], now_s: float) -> None:
        if spans or logs:
            running.pipeline.accept(spans, logs, now_s=now_s)
        for trace_id in closed:
            running.pipeline.closed(trace_id, now_s=now_s)

    def _stands_aside(self, span: ReadableSpan) -> bool:
        """Whether the processor's seat had this span too."""
        context = span.get_span_context()
        return context is not None and self._seen.pop((context.trace_id, context.span_id), 0) is None

    def _remember(self, span: ReadableSpan) -> None:
        if not self._has_exporter:
            return
        context = span.get_span_context()
        if context is not None:
            self._seen[context.trace_id, context.span_id] = None
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]

    def _fault(self, where: str, error: Exception) -> None:
        self.counts.add(Metric.FAULTS, where=where)
        self._tell(where, "fault while %s, the app goes on: %s: %s", where, type(error).__name__, error)

    def _disable(self, error: Exception) -> None:
        self._broken = True
        _logger.error("spanlabel is off in this process: %s", error)
        while self._queue:
            what, thing = self._queue.popleft()
            if what == _MARK:
                thing[0].set()

    def _tell(self, kind: str, message: str, *values: object) -> None:
        """Say something at most once a minute."""
        now_s = time.monotonic()
        if now_s - self._faults.get(kind, -_FAULT_QUIET_S) >= _FAULT_QUIET_S:
            self._faults[kind] = now_s
            _logger.warning("spanlabel: %s", message % values)


def engine_for(limits: Callable[[], Limits], given: dict[str, object], *, is_exporter: bool = False) -> Engine | None:
    """The engine of this process for these settings; never raises.

    Args:
        limits: Makes the seat's waits; those of the first seat count.
        given: Keyword arguments of the seat.
        is_exporter: The seat gets spans that a processor's seat may have had.

    Returns:
        None if spanlabel is switched off, or if a setting is wrong, which is said in one log line.
    """
    from spanlabel.config.switches import is_disabled

    if is_disabled() and given.get("disabled") is not False:
        return None
    try:
        from spanlabel.config.loading import load

        settings = load(**given).settings  # type: ignore[arg-type] # load checks the names and the types
        if settings.disabled:
            return None
        with _engines_lock:
            key = repr(settings)
            engine = _engines.get(key)
            if engine is None:
                engine = _engines[key] = Engine(settings, limits())
            engine.attach(is_exporter=is_exporter)
            return engine
    except ConfigError as error:
        _logger.error("spanlabel is off in this process: %s", error)  # noqa: TRY400 - a setting needs no traceback
    except Exception:
        _logger.exception("spanlabel is off in this process: it could not be set up")
    return None


def _call(reference: weakref.WeakMethod[Callable[[], None]]) -> None:
    method = reference()
    if method is not None:
        method()


def _suppressed() -> object:
    from opentelemetry import context

    return context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))  # noqa: SLF001 - the only name it has


def _unsuppressed(token: Any) -> None:
    from opentelemetry import context

    context.detach(token)
