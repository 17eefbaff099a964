"""A queue, and the thread that empties it: what all seats of one process and one configuration share."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final

from spanlabel.errors import SpanlabelError
from spanlabel.metrics import Counts

if TYPE_CHECKING:
    from spanlabel.assembly import Limits
    from spanlabel.compose import Running
    from spanlabel.config.settings import Settings

    from .intake import Intake

_logger = logging.getLogger("spanlabel")

ROUND_S: Final = 0.1
"""The thread looks at the queue this often while spans come, so that a span costs no switch of threads."""

LIVELY_S: Final = 3.0
"""As long after the last span it goes on doing so; then it sleeps until it is woken."""

CLOSE_S: Final = 1.0
"""What `detach` may take beyond the setting `flush_timeout_s`, to let go of files and connections."""

EXPORT_WAIT_S: Final = 0.25
"""How long an exporter waits for room in the queue, with each batch."""

TRACE_ID: Final = 0
SPAN_ID: Final = 1
IS_REMOTE: Final = 2
"""Places in the API's `SpanContext`, which is a tuple. Its properties take as long again as all else in `started`."""

_BESIDE_FACTOR: Final = 8
_MOST_NEEDED: Final = 100_000  # spans that are open at the same time, those that never end included

EXPORTED: Final = "exported"
"""Marks an ended span from the exporter's seat: `(EXPORTED, span)` is handed over."""

LOG: Final = "log"
"""Marks a log record: `(LOG, record)` is handed over."""


class _Bell:
    """Wakes the thread. Unlike an Event it can be rung anywhere: also by a finalizer that interrupts a ringing.

    A span may end in a finalizer, as that of a stream which was not read to its end.
    """

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        """Let `wait` return, now or when it is called."""
        with suppress(RuntimeError):  # it rings already
            self._silent.release()

    def wait(self, timeout_s: float | None) -> None:
        """Wait for a ring since the last wait."""
        self._silent.acquire(timeout=-1 if timeout_s is None else timeout_s)

    @property
    def is_ringing(self) -> bool:
        """It was rung and nobody has heard it."""
        return not self._silent.locked()


class _Mark:
    """A place in the queue: what was handed over before it is to be stored."""

    def __init__(self) -> None:
        self.done = threading.Event()


class Engine:
    """The shared part of all seats.

    Args:
        settings: What to build when the first span comes.
        limits: How long traces are waited for.
        leave: Gives one seat up; tells whether it was the last one.

    Attributes:
        settings: As given.
        counts: Our own counts, those of this process.
        seats: How many use it.
        has_exporter: Some seat gets spans that a processor's seat may have had.
    """

    def __init__(self, settings: Settings, limits: Limits, *, leave: Callable[[Engine], bool]) -> None:
        # Imported here and not by the thread, which a fork may interrupt (see `spanlabel.delivery.no_fork`).
        from .intake import open_intake

        self._open_intake = partial(open_intake, settings, limits)
        self._leave = leave
        self.settings = settings
        self.seats = 0
        self.has_exporter = False
        self._is_content: Callable[[Any], bool] | None
        self.begin_anew()

    def expect_exporter(self) -> None:
        """An exporter brings all spans, also those that say nothing, and log records after their span has ended."""
        self.has_exporter = True
        self._is_content = None

    def begin_anew(self) -> None:
        """Be as in a process that has seen nothing."""
        self.counts = Counts()
        self._room = self.settings.queue_spans
        self._urgent = max(1, self._room // 2)
        self._is_urgent = False
        self._queue: deque[Any] = deque()
        self._opened: deque[int] = deque(maxlen=_BESIDE_FACTOR * self._room)
        self._passed: deque[int] = deque(maxlen=_BESIDE_FACTOR * self._room)
        self._needed: set[int] = set()
        self._is_content = None
        self._bell = _Bell()
        self._is_asleep = False
        self._stop_at_s: float | None = None
        self._thread: threading.Thread | None = None
        # Reentrant, because a finalizer may end a span while this very thread holds it.
        self._lock = threading.RLock()
        self._running: Running | None = None
        self._has_complained = False
        self._dropped_spans = 0
        self._dropped_logs = 0

    def started(self, span: Any) -> None:
        """Note that a span was started. It waits for the next ended span to be looked at."""
        parent = span.parent
        if parent is not None and not parent[IS_REMOTE]:
            self._needed.add(parent[SPAN_ID])
        self._opened.append(span.context[TRACE_ID])

    def ended(self, span: Any) -> None:
        """Take an ended span from the processor's seat.

        Of a span that is not GenAI and below which nothing ran, only the trace is noted: it says nothing about any
        run, and to hold it would cost the app more than all the rest, because what is held its garbage collector
        looks at again and again.
        """
        context, needed = span.context, self._needed
        span_id = context[SPAN_ID]
        if span_id in needed:
            needed.discard(span_id)
        else:
            parent, is_content = span.parent, self._is_content
            if parent is not None and not parent[IS_REMOTE] and is_content is not None and not is_content(span):
                self._passed.append(context[TRACE_ID])
                return
        self.put(span)

    def put_log(self, record: Any, span_id: int) -> None:
        """Take a log record from the processor's seat; its span has not ended, and is needed."""
        self._needed.add(span_id)
        self.put((LOG, record))

    def put(self, thing: Any) -> None:
        """Hand something over to the thread: the only thing that costs the app's own thread anything.

        When the queue is full the newest is dropped and counted.

        Args:
            thing: An ended span from the processor's seat; `(EXPORTED, span)`; `(LOG, record)`.
        """
        queue = self._queue
        length = len(queue)
        if length >= self._room:
            self._drop(thing)
            return
        queue.append(thing)
        if length >= self._urgent and not self._is_urgent:
            self._hurry()
        elif self._is_asleep:
            self._bell.ring()
        if self._thread is None:
            self._start()

    def put_all(self, things: Sequence[Any]) -> None:
        """Hand over a batch from an exporter, whose thread may wait: up to `EXPORT_WAIT_S` for room in the queue."""
        until_s: float | None = None
        for thing in things:
            while len(self._queue) >= self._room > 0:
                until_s = until_s or time.monotonic() + EXPORT_WAIT_S
                if time.monotonic() >= until_s:
                    break
                self._hurry()
                time.sleep(0.001)
            self.put(thing)

    def flush(self, timeout_s: float) -> bool:
        """Bring every run that is complete into the outbox, and from there to the destinations.

        What runs on stays, so that a flush in the middle of a run makes no record of half an answer.

        Args:
            timeout_s: How long the caller waits at most.

        Returns:
            Whether it was done in time.
        """
        deadline_s = time.monotonic() + timeout_s
        if self._thread is None or not self._room:
            return not self._queue
        mark = _Mark()
        # The bound does not count for it: a flush of a full queue is the one that matters.
        self._queue.append(mark)
        self._hurry()
        if not self._thread.is_alive() or not mark.done.wait(max(0.0, timeout_s)):
            return False
        running = self._running
        return running is None or running.deliver(deadline_s - time.monotonic())

    def detach(self) -> bool:
        """Give a seat up; the last one ends the threads after everything is in the outbox.

        It takes the setting `flush_timeout_s` at most, the last one `CLOSE_S` more.

        Returns:
            Whether everything was stored in time.
        """
        timeout_s = self.settings.flush_timeout_s
        if not self._leave(self):
            return self.flush(timeout_s)
        with self._lock:
            self._room = 0
            self._stop_at_s = time.monotonic() + timeout_s
            thread = self._thread
        self._hurry()
        if thread is None:
            if self._queue:
                self._run()  # no thread was to be had
            return True
        thread.join(timeout=timeout_s + CLOSE_S)
        return not thread.is_alive()

    def _hurry(self) -> None:
        """Let the thread look at the queue now."""
        self._is_urgent = True
        self._bell.ring()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or not self._room:
                return
            # A daemon, because a thread that outlives the app's main thread would hold up its exit; shutdown joins it.
            thread = threading.Thread(target=self._run, name="spanlabel", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # Either the interpreter is ending, and shutdown will do the work, or the next span tries again.
                if "shutdown" not in str(error) and not self._has_complained:
                    self._has_complained = True
                    _logger.warning("spanlabel has no thread, spans wait in the queue: %s", error)
                return
            self._thread = thread

    def _drop(self, thing: Any) -> None:
        if not self._room:
            return
        with self._lock:
            if isinstance(thing, tuple) and thing[0] == LOG:
                self._dropped_logs += 1
            else:
                self._dropped_spans += 1

    def _run(self) -> None:
        """The thread: take from the queue, put through the pipeline, sleep."""
        try:
            self._work()
        except SpanlabelError as error:
            _logger.error("spanlabel is off in this process: %s", error)  # noqa: TRY400 - meant for a person
        except BaseException:
            _logger.exception("spanlabel is off in this process: a fault it does not know how to go on from")
        finally:
            self._room = 0
            self._running = None
            for thing in list(self._queue):
                if isinstance(thing, _Mark):
                    thing.done.set()
            self._queue.clear()

    def _work(self) -> None:
        with self._open_intake(self.counts, has_exporter=lambda: self.has_exporter, close_s=CLOSE_S) as intake:
            self._running = intake.running
            if not self.has_exporter:
                self._is_content = intake.is_content
            due_s = lively_until_s = 0.0
            while (stop_at_s := self._stop_at_s) is None or self._queue:
                now_s = time.monotonic()
                if self._queue:
                    lively_until_s = now_s + LIVELY_S
                if self._queue or self._dropped_spans or self._dropped_logs or now_s >= due_s:
                    due_s = self._round(intake, now_s)
                if self._stop_at_s is None:
                    self._sleep(due_s, lively_until_s)
            intake.end(time.monotonic(), stop_at_s - time.monotonic())

    def _round(self, intake: Intake, now_s: float) -> float:
        """Put what is in the queue now through the pipeline.

        Returns:
            When there is more to do, without further spans.
        """
        self._is_urgent = False
        queue = self._queue
        # Counted before the openings are told: so each of these spans has been told to be open, and a trace never
        # seems complete too early.
        n = len(queue)
        with self._lock:
            spans, logs, self._dropped_spans, self._dropped_logs = self._dropped_spans, self._dropped_logs, 0, 0
        if spans or logs:
            intake.dropped(spans, logs)
        if n:
            intake.beside(_taken(self._opened), _taken(self._passed), now_s)
            if len(self._needed) > _MOST_NEEDED:
                self._needed.clear()
        things: list[Any] = []
        for _ in range(n):
            thing = queue.popleft()
            if type(thing) is _Mark:
                intake.take(things, now_s)
                intake.flush(now_s)
                things = []
                thing.done.set()
            else:
                things.append(thing)
        intake.take(things, now_s)
        return intake.tick(time.monotonic())

    def _sleep(self, until_s: float, lively_until_s: float) -> None:
        now_s = time.monotonic()
        if now_s >= lively_until_s:
            self._is_asleep = True
            if not self._queue:
                self._bell.wait(None if until_s == inf else max(0.0, until_s - now_s))
            self._is_asleep = False
            if self._is_urgent or not self._queue:
                return
            # A first span woke us; others will follow, and the app is at work just now.
            until_s = inf
        self._bell.wait(max(0.0, min(ROUND_S, until_s - now_s)))


def _taken(beside: deque[int]) -> list[int]:
    return [beside.popleft() for _ in range(len(beside))]
