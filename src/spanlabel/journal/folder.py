"""The folder that a journal lies in: made for its owner alone, used by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from spanlabel.database import store_errors
from spanlabel.errors import SpanlabelError, StoreError, TryLater

sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has fsync alone
"""Wait until the disk has a file's data."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_RETRY_AFTER_S = 5.0


class FolderLock:
    """Held by the one process that uses the folder; the system takes it from a dead one.

    Args:
        folder: Where the file `lock` is made. The file stays: removing it could give the lock to two at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Make the folder and get the lock, without waiting.

        Raises:
            StoreError: Somebody has it (the text names the process), or the folder cannot be used.
        """
        path = self._folder / "lock"
        with store_errors(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            except BlockingIOError:
                holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
                os.close(descriptor)
                raise StoreError(
                    f"{self._folder}: is in use by process {holder or '(unknown)'}; "
                    "stop that one, or choose another folder with SPANLABEL_HOME"
                ) from None
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; twice does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names of the folder's files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(error: OSError) -> bool:
    """Whether the disk, or what this user may have of it, is full."""
    return error.errno in _NO_ROOM


def refusal(path: Path, error: OSError) -> SpanlabelError:
    """Why nothing could be written, in words for the operator."""
    refused: SpanlabelError
    if is_full(error):
        refused = TryLater(
            f"{path}: cannot grow ({error.strerror}); free some space, then it goes on by itself",
            retry_after_s=_RETRY_AFTER_S,
        )
    else:
        refused = StoreError(f"{path}: cannot be written: {error.strerror}; see the system's log for the disk")
    refused.__cause__ = error
    return refused
