"""The file lock by which one process at a time delivers a destination."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from weakref import WeakSet

from spanlabel.database import store_errors


class DeliveryLock:
    """Held by the process that delivers one destination of one outbox, and by the system's doing never by a dead one.

    A forked child does not hold its parent's lock.

    Args:
        outbox: Path of the outbox file.
        destination: Name of the destination. The lock is the file `<outbox>.<destination>.lock`.
    """

    def __init__(self, outbox: Path, destination: str) -> None:
        self._path = outbox.with_name(f"{outbox.name}.{destination}.lock")
        self._descriptor: int | None = None
        _locks.add(self)

    @property
    def is_held(self) -> bool:
        """Whether it is ours."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Try to get it, without waiting.

        Returns:
            False if another process (or another worker of this one) has it.

        Raises:
            StoreError: The lock file cannot be made.
        """
        if self._descriptor is not None:
            return True
        with store_errors(self._path):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go. The file stays: removing it could give the lock to two at once."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


_locks: WeakSet[DeliveryLock] = WeakSet()


def _forget_in_child() -> None:
    # The lock belongs to the open file, which parent and child share: the child must close its descriptor, or the
    # lock would outlive the parent.
    for lock in list(_locks):
        lock.release()


os.register_at_fork(after_in_child=_forget_in_child)
