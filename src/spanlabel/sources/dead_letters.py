"""Messages that cannot be read, kept in files for whoever wants to know what they were."""

from __future__ import annotations

import os
from pathlib import Path


class DeadLetters:
    """A folder with one file for each message, up to a bound; then the oldest leaves.

    Args:
        folder: Made, for its owner alone, when the first message comes.
        max_bytes: Bound of all files together.
        max_files: Bound of their number.
    """

    def __init__(self, folder: Path, *, max_bytes: int = 64 << 20, max_files: int = 1_000) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._sizes: dict[str, int] | None = None  # by name, the oldest first
        self._bytes = 0

    def keep(self, name: str, message: bytes) -> Path | None:
        """Write a message to a file; one that comes again replaces itself.

        Returns:
            The file; None if the message is larger than all files may be.

        Raises:
            OSError: It cannot be written.
        """
        if len(message) > self._max_bytes:
            return None
        sizes = self._listed()
        path = self.folder / name
        path.unlink(missing_ok=True)  # the mode of a new file is ours, that of an old one is not
        self._bytes -= sizes.pop(name, 0)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message)
        sizes[name] = len(message)
        self._bytes += len(message)
        while self._bytes > self._max_bytes or len(sizes) > self._max_files:
            oldest = next(iter(sizes))
            (self.folder / oldest).unlink(missing_ok=True)
            self._bytes -= sizes.pop(oldest)
        return path

    def _listed(self) -> dict[str, int]:
        if self._sizes is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = [(path.stat(), path.name) for path in self.folder.iterdir() if path.is_file()]
            self._sizes = {name: facts.st_size for facts, name in sorted(found, key=lambda one: one[0].st_mtime_ns)}
            self._bytes = sum(self._sizes.values())
        return self._sizes
