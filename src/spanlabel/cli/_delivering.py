"""All destinations emptied at once, each on a thread of its own, while this one watches."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from spanlabel.delivery import Outbox, State, Tally, Worker
from spanlabel.delivery.worker import WRITE_TIMEOUT_S

LOOK_S = 0.1
"""How often the watching thread looks."""


@dataclass
class Stop:
    """Whether somebody wants it to end. Not an Event: a signal's handler must not wait for a lock.

    Attributes:
        signal: The number of the signal that came; None if none did.
    """

    signal: int | None = None


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM ask for an end within this block; the second one ends it at once.

    Raises:
        KeyboardInterrupt: By the second signal.
    """
    stop = Stop()

    def note(number: int, _: FrameType | None) -> None:
        if stop.signal is not None:
            raise KeyboardInterrupt
        stop.signal = number

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def worker_says(say: Callable[[str], None]) -> Iterator[None]:
    """Say what the workers log: outages, refusals, faults, and that a platform takes records again."""

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.getMessage())

    log, handler = logging.getLogger("spanlabel.delivery"), Said()
    level, passes_on = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False  # it would be said twice
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = passes_on


@dataclass
class Watched:
    """One destination that is being emptied.

    Attributes:
        worker: Who empties it.
        thread: Where.
        before: How things stood at the start.
        now: How they stand.
        moved_s: When a record last found its end, on the clock of `time.monotonic`.
        is_elsewhere: It was said that another process delivers it.
    """

    worker: Worker
    thread: threading.Thread
    before: Tally
    now: Tally
    moved_s: float
    is_elsewhere: bool = False

    @property
    def settled(self) -> int:
        """Records that found their end since the start, whichever process sent them."""
        return _settled(self.now) - _settled(self.before)

    @property
    def delivered(self) -> int:
        """Those of them that the platform has."""
        return self.now.delivered - self.before.delivered

    @property
    def refused(self) -> int:
        """Those of them that the platform refused."""
        return self.now.dead - self.before.dead

    @property
    def why(self) -> str:
        """Why some still wait; "" if nobody knows."""
        if self.worker.state is State.ELSEWHERE:
            return "another process delivers it"
        return self.worker.error or ""


class Delivering:
    """Empties destinations.

    Args:
        outbox: Where the records wait.
        workers: One for each destination.
        say: Called with what a person who watches should know.
        patience_s: Seconds that a destination is waited for while it takes nothing; None goes on for ever, also when
            nothing waits.

    Attributes:
        watched: The destinations.
    """

    def __init__(
        self, outbox: Outbox, workers: Sequence[Worker], say: Callable[[str], None], *, patience_s: float | None
    ) -> None:
        self._outbox = outbox
        self._say = say
        self._patience_s = patience_s
        self._end = threading.Event()
        self.watched = [self._watched(worker) for worker in workers]

    @property
    def waiting(self) -> int:
        """Records that wait for any of the destinations."""
        return sum(one.now.waiting for one in self.watched)

    @property
    def settled(self) -> int:
        """Records that found their end since the start."""
        return sum(one.settled for one in self.watched)

    @property
    def is_stopped(self) -> bool:
        """A setting of one of the destinations is wrong."""
        return any(one.worker.state is State.STOPPED for one in self.watched)

    def run(self, stop: Stop, progress: Callable[[int, int], None]) -> None:
        """Deliver until nothing waits, or what waits cannot be delivered, or somebody wants it to end.

        Args:
            stop: Asked each `LOOK_S`.
            progress: Called with how many are done and how many wait.

        Raises:
            StoreError: The outbox cannot be read.
            KeyboardInterrupt: Somebody did not want to wait for what was on its way.
        """
        for one in self.watched:
            one.thread.start()
        try:
            while stop.signal is None:
                over = [self._is_over(one) for one in self.watched]
                progress(self.settled, self.waiting)
                if all(over):
                    break
                time.sleep(LOOK_S)
        finally:
            self._end.set()
        self._finish(is_asked=stop.signal is not None)
        for one in self.watched:
            one.now = self._outbox.tally(one.worker.destination)
        progress(self.settled, self.waiting)

    def _watched(self, worker: Worker) -> Watched:
        tally = self._outbox.tally(worker.destination)
        # A daemon, because nobody is to wait for a platform that hangs.
        thread = threading.Thread(target=worker.run, args=(self._end,), name=f"spanlabel-{worker.destination}")
        thread.daemon = True
        return Watched(worker, thread, tally, tally, time.monotonic())

    def _is_over(self, one: Watched) -> bool:
        """Whether nothing more is to be had from a destination."""
        last, one.now = one.now, self._outbox.tally(one.worker.destination)
        state, now_s = one.worker.state, time.monotonic()
        if _settled(one.now) != _settled(last):
            one.moved_s = now_s
        if state is State.ELSEWHERE and not one.is_elsewhere and one.now.waiting:
            self._say(f"destination {one.worker.destination}: another process delivers it; waiting for that")
        one.is_elsewhere = state is State.ELSEWHERE
        if state is State.STOPPED:
            return True
        if self._patience_s is None:
            return False
        # Who is not in a pause sends just now, and a write has its own bound.
        bound_s = self._patience_s + (WRITE_TIMEOUT_S if state is State.READY else 0.0)
        return one.now.waiting == 0 or now_s - one.moved_s > bound_s

    def _finish(self, *, is_asked: bool) -> None:
        """Wait for the threads, and so for what is on its way."""
        for one in self.watched:
            one.worker.wake()
        end_s = time.monotonic() + WRITE_TIMEOUT_S
        is_said = not is_asked
        for one in self.watched:
            while one.thread.is_alive() and time.monotonic() < end_s:
                one.thread.join(timeout=0.5)
                if one.thread.is_alive() and not is_said:
                    is_said = True
                    self._say("Stopping: waiting for what is on its way; Ctrl-C again does not wait.")


def _settled(tally: Tally) -> int:
    return tally.delivered + tally.dead + tally.unknown + tally.superseded + tally.dropped
