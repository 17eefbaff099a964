"""Records into a destination, through the outbox, while somebody waits for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from spanlabel.compose import Running
from spanlabel.delivery.worker import State, Worker
from spanlabel.errors import ConfigError, StoreError, TryLater
from spanlabel.model import Record

AT_ONCE = 500
"""Records put into the outbox in one transaction."""

PATIENCE_S = 60.0
"""How long a destination that takes nothing is waited for."""


class Sending:
    """Puts records into the outbox and delivers them.

    Args:
        running: The parts, with one destination.
        say: Called with what a person who waits should know.
        clock: Gives seconds.
        pause: Waits for seconds.

    Attributes:
        there: Records given to `put` that the destination had already, as they are.
    """

    def __init__(
        self,
        running: Running,
        say: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._running = running
        self._say = say
        self._clock = clock
        self._pause = pause
        self._said: str | None = None
        self.there = 0
        # What the worker logs is said here, once and in the words of a command.
        logging.getLogger("spanlabel.delivery").addHandler(logging.NullHandler())

    @property
    def worker(self) -> Worker:
        """Who delivers."""
        [worker] = self._running.workers
        return worker

    @property
    def waiting(self) -> int:
        """Records in the outbox that the destination does not have yet."""
        return self._running.outbox.tally(self.worker.destination).waiting

    def put(self, records: Iterable[Record]) -> None:
        """Put all into the outbox; where it is full, what waits is delivered first.

        Raises:
            StoreError: The outbox cannot be used, or is full and the destination takes nothing.
        """
        for some in _in_chunks(iter(records)):
            try:
                self._put(some)
            except StoreError as error:
                if not isinstance(error.__cause__, TryLater) or not self.deliver():
                    raise
                self._put(some)

    def _put(self, records: Sequence[Record]) -> None:
        name = self.worker.destination
        try:
            put = self._running.outbox.put(records, [name], now_s=time.time())[name]
        except TryLater as error:  # there is no room
            raise StoreError(str(error)) from error
        self.there += put.there

    def deliver(self, progress: Callable[[int], None] | None = None) -> bool:
        """Deliver what waits, as long as the destination takes something within `PATIENCE_S`.

        Args:
            progress: Called with the number of records just delivered.

        Returns:
            Whether nothing waits any more.

        Raises:
            ConfigError: A setting of the destination is wrong.
        """
        waiting = self.waiting
        deadline_s = self._clock() + PATIENCE_S
        while waiting:
            wait_s = self.worker.step()
            if self.worker.state is State.STOPPED:
                raise ConfigError(self.worker.error or "the destination is stopped")
            left = self.waiting
            if left < waiting:
                deadline_s = self._clock() + PATIENCE_S
                if progress is not None:
                    progress(waiting - left)
            waiting = left
            if waiting and (wait_s is None or self._clock() + wait_s > deadline_s):
                return False
            if waiting and wait_s:
                self._say_why()
                self._pause(wait_s)
        return True

    def _say_why(self) -> None:
        if self.worker.state is State.ELSEWHERE:
            why = "another process delivers to it; waiting for that"
        else:
            why = f"takes no records now, trying again: {self.worker.error}"
        if why != self._said:
            self._said = why
            self._say(f"{self.worker.destination}: {why}")


def _in_chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    while some := list(islice(records, AT_ONCE)):
        yield some
