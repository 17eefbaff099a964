"""The thread that delivers one destination while the application goes on."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress

from .untraced import untraced
from .worker import Worker


class _Asked:
    """Somebody waits for the outbox to be empty."""

    def __init__(self, timeout_s: float) -> None:
        self.deadline_s = time.monotonic() + timeout_s
        self.answered = threading.Event()
        self.answer = False


class Courier:
    """Runs a worker on a thread of its own, so that nobody else ever waits for a platform longer than he wants.

    The thread is a daemon. It opens nothing, not even the outbox, before the first `deliver`. Where no thread is to
    be had, as while the interpreter ends, the worker runs in the thread of whoever asks.

    Args:
        worker: What it runs.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._begun = threading.Event()
        self._is_stopped = False
        self._interrupted = threading.Event()
        self._asked: deque[_Asked] = deque()
        self._thread: threading.Thread | None = None
        thread = threading.Thread(target=self._run, name=f"spanlabel-{worker.destination}", daemon=True)
        with suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def deliver(self) -> None:
        """Say that something was put into the outbox."""
        self._begun.set()
        self._worker.wake()

    def ask(self, timeout_s: float) -> _Asked | None:
        """Ask for everything to be delivered; `wait` tells what became of it. None if nothing was ever put."""
        if not self._begun.is_set():
            return None
        asked = _Asked(timeout_s)
        if self._thread is None:
            with untraced():
                self._answer(asked)
        else:
            self._asked.append(asked)
            self._interrupt()
        return asked

    @staticmethod
    def wait(asked: _Asked | None) -> bool:
        """Wait for the answer, as long as was said when it was asked.

        Returns:
            Whether nothing waits any more; False too if the platform keeps the thread busy beyond the time.
        """
        return asked is None or (asked.answered.wait(max(0.0, asked.deadline_s - time.monotonic())) and asked.answer)

    def stop(self, timeout_s: float) -> None:
        """End the thread. If a write is under way that takes longer, it is left to itself."""
        self._is_stopped = True
        self._begun.set()
        self._interrupt()
        if self._thread is not None:
            self._thread.join(timeout=max(0.0, timeout_s))

    def _interrupt(self) -> None:
        self._interrupted.set()
        self._worker.wake()

    def _run(self) -> None:
        with untraced():
            self._begun.wait()
            while True:
                self._worker.run(self._interrupted)
                self._interrupted.clear()
                while self._asked:
                    self._answer(self._asked.popleft())
                if self._is_stopped:
                    return

    def _answer(self, asked: _Asked) -> None:
        try:
            asked.answer = self._worker.flush(max(0.0, asked.deadline_s - time.monotonic()))
        except Exception:  # noqa: BLE001  `run` meets it again, and counts and says it
            asked.answer = False
        asked.answered.set()
