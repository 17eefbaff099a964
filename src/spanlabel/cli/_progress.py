"""A progress bar on standard error, for what takes longer than a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock, Timer
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from spanlabel.sources.folders import files_in, size_of

DELAY_S = 1.0
"""What is done sooner shows no bar."""


class Bar:
    """Shows how far a command is. A context manager; where nobody looks it shows nothing.

    Args:
        screen: Where to; nothing is shown if it is no terminal.
        delay_s: Seconds after which the bar appears.
    """

    def __init__(self, screen: Console, *, delay_s: float = DELAY_S) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        self._progress = Progress(*columns, TimeRemainingColumn(), console=screen, transient=True)
        self._task: TaskID | None = None
        self._lock = Lock()
        self._is_over = not screen.is_terminal
        self._is_shown = False
        self._is_closed = False
        self._timer = Timer(delay_s, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if not self._is_over:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Show nothing any more, now or later."""
        if self._is_closed:
            return
        self._is_closed = True
        self._timer.cancel()
        if self._timer.is_alive():
            self._timer.join()
        with self._lock:
            self._is_over = True
            if self._is_shown:
                self._progress.stop()

    def begin(self, what: str, total: int | None) -> None:
        """Begin a part of the work.

        Args:
            what: What is done, in a word or two.
            total: How much there is to do; None if nobody knows.
        """
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total)

    def advance(self, by: int) -> None:
        """Say that so much more is done."""
        if self._task is not None:
            self._progress.advance(self._task, by)

    def show(self, done: int, left: int) -> None:
        """Say how much is done and how much is left, where both change."""
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=done + left)

    def _show(self) -> None:
        with self._lock:
            if not self._is_over:
                self._is_shown = True
                self._progress.start()


def reading(bar: Bar, paths: Sequence[Path]) -> Callable[[int], None]:
    """Begin to show how far files are read.

    Returns:
        To be called with the number of bytes just read. After the last one the bar shows that pairs are sought.
    """
    left = size_of([file for file in files_in(paths) if isinstance(file, str)])
    bar.begin("reading", left)

    def advance(by: int) -> None:
        nonlocal left
        bar.advance(by)
        if left is not None:
            left -= by
            if left <= 0:
                bar.begin("pairing", None)

    return advance
