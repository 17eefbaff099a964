"""Empty the outbox of one destination into its platform.

What a writer says, and what follows::

    an outcome for each   delivered; kept where a person has worked on the platform's own version; or unknown where
                          nobody can say whether it came through and the platform cannot be asked
    TryLater              all wait, with growing pauses; the next try is the probe
    Rejected              the culprit becomes a dead letter; if it is not named, the batch is halved until it is found
    ConfigError           the destination stops; it is said once, and the records wait
    another exception     a fault, treated as TryLater. After 5 in a row the batch is halved: a record that fails
                          alone where another one passes becomes a dead letter. Where none passes, all wait
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from enum import Enum
from weakref import WeakSet

from spanlabel.errors import ConfigError, StoreError, TryLater
from spanlabel.metrics import Counts, Metric
from spanlabel.ports import Outcome, RecordWriter

from .answer import Later, Misconfigured, Refused, Surprise, Taken, ask
from .halving import Halving
from .lock import DeliveryLock
from .no_fork import no_fork
from .once import OncePerMinute
from .outbox import Leased, Outbox
from .retry import next_delay_s
from .rows import LONGEST_WAIT_S
from .untraced import untraced

BATCH_SIZE = 100
"""Records of one write, where the writer has no attribute `batch_size`."""

WRITE_TIMEOUT_S = 60.0
"""What a writer may take for one batch."""

POLL_S = 1.0
"""How often `run` looks for records that another process put."""

LOCK_POLL_S = 5.0
"""How often a worker asks for the lock that another process holds."""

FLUSH_POLL_S = 0.1
"""How often `flush` looks whether the process that holds the lock is done."""

_SURPRISES_IN_A_ROW = 5
_MOST_UNPROVEN = 5
_PRUNE_EVERY = 1_000

_log = logging.getLogger(__name__)


class State(Enum):
    """What a worker is doing."""

    READY = "ready"
    """It delivers what comes."""
    BACKING_OFF = "backing_off"
    """The platform did not take the last batch; it waits before it tries again."""
    ELSEWHERE = "elsewhere"
    """Another process delivers this destination."""
    STOPPED = "stopped"
    """A setting is wrong; it does nothing more."""
    CLOSED = "closed"
    """`close` was called."""


class Worker:
    """Delivers one destination. Any thread may call it; one at a time works, the others wait.

    Nothing is opened before there is something to deliver. A forked child begins anew, without its parent's writer.

    Args:
        outbox: Where the records wait.
        destination: Which of them.
        make_writer: Makes the platform's writer when it is first needed; may raise `ConfigError`.
        counts: Where faults are counted; what becomes of records is counted by the outbox.
        clock: Gives Unix time in seconds.
        pause: Waits for seconds, in `flush`.
        jitter: Gives a number from 0 to below 1.

    Attributes:
        state: What it is doing.
        error: What went wrong last; None after a success.
    """

    def __init__(
        self,
        outbox: Outbox,
        destination: str,
        make_writer: Callable[[], RecordWriter],
        *,
        counts: Counts | None = None,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], object] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.destination = destination
        self.state = State.READY
        self.error: str | None = None
        self._outbox = outbox
        self._make_writer = make_writer
        self._counts = Counts() if counts is None else counts
        self._clock = clock
        self._pause = pause
        self._jitter = jitter
        self._lock = DeliveryLock(outbox.path, destination)
        self._once = OncePerMinute()
        self._begin_anew()
        _workers.add(self)

    def _begin_anew(self) -> None:
        self._turn = threading.Lock()
        self._wake = threading.Event()
        self._writer: RecordWriter | None = None
        self._batch: Halving[Leased]
        self._unproven: list[tuple[Leased, str]]
        self._tried: set[str]
        self._forget_batch()
        self._one_passed = False
        self._failures = 0
        self._surprises = 0
        self._resume_at_s = 0.0
        self._since_prune = 0
        self._must_release = False

    def step(self, *, timeout_s: float = WRITE_TIMEOUT_S) -> float | None:
        """Do the next piece of work, if there is one: at most one write.

        Args:
            timeout_s: What the writer may take.

        Returns:
            Seconds until another step is of use: 0 at once, None not before something is put.

        Raises:
            StoreError: The outbox cannot be used. What was being sent is sent again by a later step.
        """
        with self._turn:
            return self._step(timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Deliver what waits, in the caller's thread, also through pauses that end in time.

        Returns:
            True if nothing waits any more, whichever process delivered it. False as soon as it is clear that
            this cannot be reached in time.

        Raises:
            StoreError: The outbox cannot be used.
        """
        deadline_s = self._clock() + timeout_s
        while self._outbox.tally(self.destination).waiting:
            left_s = deadline_s - self._clock()
            if left_s <= 0 or not self._turn.acquire(timeout=left_s):
                return False
            try:
                wait_s = self._step(min(WRITE_TIMEOUT_S, left_s))
            finally:
                self._turn.release()
            if self.state is State.ELSEWHERE:
                # The other process may be done any moment.
                wait_s = min(FLUSH_POLL_S, max(0.0, deadline_s - self._clock()))
            if wait_s is None or wait_s > deadline_s - self._clock():
                return self._outbox.tally(self.destination).waiting == 0
            if wait_s:
                self._pause(wait_s)
        return True

    def run(self, stop: threading.Event) -> None:
        """Step until *stop* is set; for a thread of its own. To end it at once, set *stop* and call `wake`.

        It raises nothing: what goes wrong is counted, logged once a minute, and tried again.
        """
        while not stop.is_set():
            try:
                wait_s = self.step()
            except Exception as error:  # noqa: BLE001  a full disk or a fault of ours must not end delivery for good
                self._note_fault("step", Surprise(error).text)
                wait_s = LOCK_POLL_S
            if wait_s != 0:
                self._wake.wait(POLL_S if wait_s is None else min(wait_s, POLL_S))
                self._wake.clear()

    def wake(self) -> None:
        """Tell `run` that something was put."""
        self._wake.set()

    def close(self, timeout_s: float = 5.0) -> None:
        """Let go of the platform and of the lock. What was not delivered waits for another process.

        Args:
            timeout_s: How long to wait for a write that is under way in another thread. If it takes longer, it is
                left to itself, and its records to whoever holds the lock next.
        """
        if not self._turn.acquire(timeout=max(0.0, timeout_s)):
            self.state = State.CLOSED
            return
        try:
            self.state = State.CLOSED
            self._let_go()
        finally:
            self._turn.release()

    def _step(self, timeout_s: float) -> float | None:
        if self.state in {State.STOPPED, State.CLOSED}:
            return None
        left_s = self._resume_at_s - self._clock()
        if 0 < left_s <= LONGEST_WAIT_S:  # else the clock was set back
            return left_s
        if not self._lock.is_held:
            if not self._lock.acquire():
                self.state = State.ELSEWHERE
                return LOCK_POLL_S
            self._must_release = True  # what the last holder left
        self.state = State.READY
        try:
            return self._work(timeout_s)
        except Exception:
            self._forget_batch()
            self._must_release = True
            raise

    def _work(self, timeout_s: float) -> float | None:
        if self._must_release:
            self._outbox.release(self.destination)
            self._must_release = False
        if self._batch.is_done:
            wait_s = self._take_batch()
            if wait_s != 0:
                return wait_s
        if self._writer is not None and not self._batch.is_done:
            self._send(self._writer, timeout_s)
        return 0.0

    def _take_batch(self) -> float | None:
        wait_s = self._outbox.due_in_s(self.destination, now_s=self._clock())
        if wait_s == 0 and (self._writer is not None or self._open()):
            size = getattr(self._writer, "batch_size", BATCH_SIZE)
            self._batch = Halving(self._outbox.lease(self.destination, size, now_s=self._clock()))
            self._tried = set()
            self._one_passed = False
        return wait_s

    def _open(self) -> bool:
        writer = None
        try:
            with untraced(), no_fork():  # it may import the platform's SDK
                writer = self._make_writer()
                writer.open()
        except ConfigError as error:
            self._stop(error)
        except TryLater as error:
            self._back_off(str(error), error.retry_after_s)
        except Exception as error:  # noqa: BLE001  a writer may be a stranger's
            self._note_fault("open", Surprise(error).text)
            self._back_off(Surprise(error).text, None)
        else:
            self._writer = writer
            return True
        if writer is not None:
            self._close_writer(writer)
        return False

    def _send(self, writer: RecordWriter, timeout_s: float) -> None:
        leased = self._batch.next()
        ids = [one.record.id for one in leased]
        maybe_there = {one.record.id for one in leased if one.attempts > 1} | self._tried.intersection(ids)
        answer = ask(writer, [one.record for one in leased], timeout_s=timeout_s, maybe_there=maybe_there)
        if not (isinstance(answer, Later | Refused | Misconfigured) and answer.error.nothing_written):
            self._tried.update(ids)
        match answer:
            case Taken(outcomes):
                self._note_taken(leased, list(outcomes))
            case Later(error):
                self._back_off(str(error), error.retry_after_s)
            case Refused(error):
                self._failures = self._surprises = 0
                self.error = str(error)
                named = self._batch.named(error.culprits)
                for one in named:
                    self._bury(one, str(error))
                if not named and (culprit := self._batch.refused()):
                    self._bury(culprit, str(error))
            case Misconfigured(error):
                self._stop(error)
            case Surprise() as surprise:
                self._note_fault("write", surprise.text)
                self._take_surprise(surprise.text)

    def _note_taken(self, leased: list[Leased], outcomes: list[Outcome]) -> None:
        for outcome, note in (
            (Outcome.DELIVERED, self._outbox.delivered),
            (Outcome.KEPT, self._outbox.kept),
            (Outcome.UNKNOWN, self._outbox.unknown),
        ):
            these = [one for one, found in zip(leased, outcomes, strict=True) if found is outcome]
            if these:
                note(self.destination, these, now_s=self._clock())
        if (n := outcomes.count(Outcome.UNKNOWN)) and self._may_log("unknown"):
            _log.warning(
                "destination %s: %d of its records may have arrived or not; they are not sent again",
                self.destination,
                n,
            )
        self._batch.passed()
        if self._failures:
            _log.info("destination %s takes records again", self.destination)
        self._failures = self._surprises = 0
        self.error = None
        self._one_passed = True
        self._bury_proven()
        self._since_prune += len(leased)
        if self._since_prune >= _PRUNE_EVERY:
            self._since_prune = 0
            self._outbox.prune(self.destination)

    def _take_surprise(self, text: str) -> None:
        self._surprises += 1
        if self._surprises <= _SURPRISES_IN_A_ROW and not self._batch.is_searching:
            self._back_off(text, None)
            return
        self.error = text
        if culprit := self._batch.refused():
            self._unproven.append((culprit, text))
        if self._one_passed:
            self._bury_proven()
        elif self._batch.is_done or len(self._unproven) >= _MOST_UNPROVEN:
            self._back_off(text, None)  # it is the platform, or the writer, not the records

    def _bury_proven(self) -> None:
        unproven, self._unproven = self._unproven, []
        for culprit, text in unproven:
            self._bury(culprit, text)

    def _bury(self, culprit: Leased, text: str) -> None:
        was_sent = culprit.record.id in self._tried
        n = self._outbox.dead(self.destination, [culprit], text, now_s=self._clock(), was_sent=was_sent)
        if n and self._may_log("dead"):
            _log.error(
                "destination %s refused record %s; it is kept as a dead letter", self.destination, culprit.record.id
            )

    def _back_off(self, text: str, retry_after_s: float | None) -> None:
        self._failures += 1
        delay_s = next_delay_s(self._failures, retry_after_s=retry_after_s, jitter=self._jitter)
        if self._failures == 1:
            _log.warning("destination %s does not take records now, they wait: %s", self.destination, text)
        self.state, self.error = State.BACKING_OFF, text
        self._resume_at_s = self._clock() + delay_s
        self._give_back(text, self._resume_at_s)

    def _stop(self, error: ConfigError) -> None:
        _log.error("destination %s is stopped, its records wait: %s", self.destination, error)
        self.state, self.error = State.STOPPED, str(error)
        self._let_go()

    def _let_go(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self._close_writer(writer)
        if self._lock.is_held:
            try:
                self._give_back(self.error or "", 0.0)
            except StoreError as error:  # whoever gets the lock next releases them
                self._note_fault("outbox", str(error))
            self._lock.release()

    def _give_back(self, text: str, next_attempt_s: float) -> None:
        leased = self._batch.items + [culprit for culprit, _ in self._unproven]
        tried = self._tried
        self._forget_batch()
        for was_sent in (True, False):
            these = [one for one in leased if (one.record.id in tried) is was_sent]
            if these:
                self._outbox.try_later(
                    self.destination,
                    these,
                    text,
                    next_attempt_s=next_attempt_s,
                    now_s=self._clock(),
                    was_sent=was_sent,
                )

    def _forget_batch(self) -> None:
        self._batch, self._unproven = Halving(()), []
        self._tried = set()

    def _close_writer(self, writer: RecordWriter) -> None:
        try:
            with untraced():
                writer.close()
        except Exception as error:  # noqa: BLE001  a writer may be a stranger's
            self._note_fault("close", Surprise(error).text)

    def _note_fault(self, where: str, text: str) -> None:
        self._counts.add(Metric.FAULTS, where=f"delivery.{where}")
        if self._may_log(f"{where} {text.partition(':')[0]}"):
            _log.warning("destination %s: %s: %s", self.destination, where, text)

    def _may_log(self, kind: str) -> bool:
        return self._once.permits(kind, self._clock())


_workers: WeakSet[Worker] = WeakSet()


_left_by_parent: list[RecordWriter] = []  # kept, because collecting one would close the parent's connections


def _begin_anew_in_child() -> None:
    for worker in list(_workers):
        if worker._writer is not None:  # noqa: SLF001  the same module's own class
            _left_by_parent.append(worker._writer)  # noqa: SLF001  the same
        worker._begin_anew()  # noqa: SLF001  the same


os.register_at_fork(after_in_child=_begin_anew_in_child)
