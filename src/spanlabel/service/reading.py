"""The thread that reads what was received: out of the journal, through the pipeline, into the outbox."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from spanlabel.delivery.once import OncePerMinute
from spanlabel.delivery.untraced import untraced
from spanlabel.errors import SpanlabelError
from spanlabel.metrics import Counts, Metric
from spanlabel.rules.condition import TOKEN
from spanlabel.sources.request import Encoding, Request, Signal
from spanlabel.wire.json_body import read_json
from spanlabel.wire.otlp_proto import Gate, read_logs, read_traces

from .kinds import unpacked

if TYPE_CHECKING:
    from spanlabel.compose import Running
    from spanlabel.journal import Entry, Journal
    from spanlabel.model import Log, Span
    from spanlabel.wire.decoded import Decoded

_logger = logging.getLogger("spanlabel.service")

ROUND_S: Final = 0.1
"""It looks whether a trace is ready this often."""

GIVEN_WAY: Final = 4
"""While requests wait for their answers it rests this many times as long as it has worked, unless much is unread."""

PAUSE_S: Final = 0.0005
"""After each piece of work it rests so long in any case: what waits at the door cannot be seen before."""

CROWDED: Final = 0.75
"""From this share of the journal's size on, less is kept for late spans, so that it does not become full of that."""

ROOM_S: Final = 0.5
"""After this long it tries again to store what found no room."""


class Reading:
    """Takes entries in the order they came, the only thread that touches the pipeline.

    Nothing of it is lost when it ends anywhere: what was not stored is in the journal and is read at the next start.
    While the memory for traces is nearly full it waits for them to become ready, at most `pause_s`; after that the
    assembler reads the heaviest early.

    Args:
        journal: What was received; open.
        gate: Which spans are read whole.
        counts: Where everything is counted.
        max_bytes: Memory for traces.
        journal_bytes: Largest size of the journal.
        pause_s: How long it waits for memory.
        is_busy: Tells whether requests wait for their answers.

    Attributes:
        no_room: Why records cannot be stored just now; "" if they can.
        fault: Why it has ended by itself; None if it has not.
    """

    def __init__(
        self,
        journal: Journal,
        gate: Gate,
        counts: Counts,
        *,
        max_bytes: int,
        journal_bytes: int,
        pause_s: float,
        is_busy: Callable[[], bool],
    ) -> None:
        self._journal = journal
        self._gate = gate
        self._counts = counts
        self._soft_bytes = max_bytes - max_bytes // 8
        self._journal_bytes = journal_bytes
        self._pause_s = pause_s
        self._is_busy = is_busy
        self._stop = threading.Event()
        self._once = OncePerMinute()
        self._thread = threading.Thread(target=self._run, name="spanlabel-reading", daemon=True)
        self._running: Running
        self._paused_s: float | None = None
        self._flush = threading.Event()
        self._is_behind = False
        self.no_room = ""
        self.fault: BaseException | None = None

    def start(self, running: Running) -> None:
        """Begin with what an earlier process left.

        Args:
            running: The parts behind, made with `no_room=self.wait_for_room`.
        """
        self._running = running
        running.pipeline.remember(self._journal.released_ids())
        self._thread.start()

    def wait_for_room(self, why: str) -> bool:
        """Called where a record cannot be stored: wait, and say whether to try again."""
        self.no_room = why
        if self._once.permits("no_room", time.monotonic()):
            _logger.error("records cannot be stored, so senders must wait: %s", why)
        return not self._stop.wait(ROOM_S)

    def finish(self, timeout_s: float) -> bool:
        """Read what has been received, store the records of every run that is complete, and end.

        Returns:
            Whether it was done in time. What was not is done at the next start.
        """
        deadline_s = time.monotonic() + timeout_s
        self._flush.set()
        self._thread.join(max(0.0, timeout_s))
        self._stop.set()
        self._thread.join(max(0.0, min(1.0, deadline_s - time.monotonic())))
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            with untraced():
                self._work()
        except SpanlabelError as error:
            if not self._stop.is_set():
                self.fault = error
                _logger.error("reading has ended: %s", error)  # noqa: TRY400 - meant for a person
        except BaseException as error:
            self.fault = error
            _logger.exception("reading has ended: a fault it does not know how to go on from")

    def _work(self) -> None:
        due_s = 0.0
        while not self._stop.is_set():
            now_s = time.monotonic()
            entry = None if self._must_pause(now_s) else self._journal.take(ROUND_S)
            begun_s = time.monotonic()
            if entry is not None:
                self._read(entry, begun_s)
            elif self._flush.is_set():
                self._running.flush(time.monotonic(), everything=False)
                self._release()
                return
            now_s = time.monotonic()
            if now_s >= due_s:
                due_s = now_s + ROUND_S
                self._running.tick(now_s)
                self._release()
                self.no_room = ""
                journal = self._journal.state()
                self._is_behind = journal.waiting_bytes > self._journal_bytes // 8
                if journal.disk_bytes > self._journal_bytes * CROWDED:
                    # Else what is only kept for late spans could keep senders waiting for half an hour.
                    self._running.pipeline.linger_less()
            self._give_way(time.monotonic() - begun_s)

    def _give_way(self, worked_s: float) -> None:
        """Let senders be answered, who wait for the one interpreter that all threads share."""
        until_s = time.monotonic() + GIVEN_WAY * worked_s
        time.sleep(PAUSE_S)
        while self._is_busy() and not self._is_behind and time.monotonic() < until_s:
            time.sleep(PAUSE_S)

    def _must_pause(self, now_s: float) -> bool:
        """Wait a round while memory is short, but not for ever: what never becomes ready is read early then."""
        if self._running.pipeline.held_bytes < self._soft_bytes or self._flush.is_set():
            self._paused_s = None
            return False
        if self._paused_s is None:
            self._paused_s = now_s
        if now_s - self._paused_s > self._pause_s:
            return False
        self._stop.wait(ROUND_S)
        return True

    def _read(self, entry: Entry, now_s: float) -> None:
        trace_ids: set[str] = set()
        try:
            request = unpacked(entry.kind, entry.body)
            decoded = self._decoded(request)
            _note_token(decoded, request.token)
            trace_ids.update(span.trace_id for span in decoded.spans)
            trace_ids.update(log.trace_id for log in decoded.logs)
            self._running.pipeline.accept(decoded.spans, decoded.logs, now_s=now_s)
        except SpanlabelError:
            raise
        except Exception as error:  # noqa: BLE001 - one odd request must not cost the others
            self._note_fault(error)
        self._journal.needs(entry, self._running.pipeline.needed(trace_ids))

    def _decoded(self, request: Request) -> Decoded:
        if request.encoding is Encoding.JSON:
            return read_json(request.body)
        if request.signal is Signal.LOGS:
            return read_logs(request.body)
        return read_traces(request.body, self._gate)

    def _release(self) -> None:
        released = self._running.pipeline.take_released()
        if released.trace_ids:
            self._journal.release(released.trace_ids)

    def _note_fault(self, error: Exception) -> None:
        self._counts.add(Metric.FAULTS, where="receiving")
        if self._once.permits("fault", time.monotonic()):
            # The error's own words may repeat what was read.
            frames = "".join(traceback.format_tb(error.__traceback__))
            _logger.warning("a request gives no record: %s\n%s", type(error).__name__, frames)


def _note_token(decoded: Decoded, token: str) -> None:
    """Note the token's name where conditions find it; what a sender wrote there himself goes."""
    given: tuple[Span | Log, ...] = (*decoded.spans, *decoded.logs)
    resources: dict[int, Any] = {id(one.resource): one.resource for one in given}
    for resource in resources.values():  # plain dictionaries that the decoder made just now
        if token:
            resource[TOKEN] = token
        else:
            resource.pop(TOKEN, None)
