"""Hold this process's forks up while a thread of ours imports something.

A child that is forked in the middle of another thread's import finds the module half made and its lock held for ever;
whoever imports it there waits for ever. The app's own threads never import anything for us, so this is about ours: when
they begin, and when a platform's SDK is loaded.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_WAIT_S = 3.0
"""A fork waits no longer than this; then it takes the risk."""


class _Importing:
    """The lock that is held during imports."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        # Reentrant, because an import may fork.
        self.lock = threading.RLock()
        self._mine = threading.local()

    def wait(self) -> None:
        """Before a fork."""
        self._mine.has_it = self.lock.acquire(timeout=LONGEST_WAIT_S)

    def go_on(self) -> None:
        """After it, in the parent."""
        if self._mine.has_it:
            self.lock.release()


_importing = _Importing()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_importing.wait, after_in_parent=_importing.go_on, after_in_child=_importing.begin_anew)


@contextmanager
def no_fork() -> Iterator[None]:
    """Let forks of this process wait, up to `LONGEST_WAIT_S`, until the block is left."""
    with _importing.lock:
        yield
