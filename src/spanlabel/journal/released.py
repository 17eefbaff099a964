"""The ids of traces that were released, on disk: what comes again after a restart makes nothing twice.

Files of 16-byte ids behind a header. When one is full the next begins and the one before the last goes: the newest ids
are kept, at least half of the limit and at most all of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from .folder import sync_data, sync_folder
from .frame import HEADER_BYTES, header, read_header
from .segment import write_at

MAGIC = b"slabrlsd"
SUFFIX = ".released"
_ID_BYTES = 16


class ReleasedIds:
    """Remembers the newest ids. One thread at a time uses it.

    Args:
        folder: Where its files lie.
        limit: How many ids it holds at most.
        synced: Whether the disk must have them when `add` returns.

    Attributes:
        limit: As given.
        forgets_before_ns: What was released before this Unix time may be forgotten; 0 if nothing is.
    """

    def __init__(self, folder: Path, *, limit: int, synced: bool) -> None:
        self._folder = folder
        self.limit = limit
        self.forgets_before_ns = 0
        self._each = max(1, limit // 2)
        self._synced = synced
        self._descriptor: int | None = None
        self._count = 0
        self._files: list[Path] = []
        self._made_ns: list[int] = []

    def open(self) -> list[str]:
        """Read what is there.

        Returns:
            The ids, 32 hex digits each, oldest first.

        Raises:
            StoreError: A newer spanlabel made a file.
            OSError: A file cannot be read.
        """
        self._files = sorted(p for p in self._folder.iterdir() if p.suffix == SUFFIX and p.stem.isdecimal())
        ids: list[str] = []
        for path in self._files:
            data = path.read_bytes()
            self._count = 0
            made_ns = read_header(data, MAGIC, str(path))
            if made_ns is None:
                continue  # torn when it was made, or not ours; never written to
            self._made_ns.append(made_ns)
            self._count = (len(data) - HEADER_BYTES) // _ID_BYTES
            text = data[HEADER_BYTES : HEADER_BYTES + self._count * _ID_BYTES].hex()
            ids += [text[at : at + 32] for at in range(0, len(text), 32)]
        if self._files and int(self._files[0].stem) > 1 and self._made_ns:
            self.forgets_before_ns = self._made_ns[0]
        if self._count:
            self._descriptor = os.open(self._files[-1], os.O_RDWR | os.O_CLOEXEC)
        return ids

    def add(self, trace_ids: Sequence[str]) -> None:
        """Append ids.

        Raises:
            OSError: The disk did not take them all; the next `add` overwrites what it took.
        """
        for first in range(0, len(trace_ids), self._each):
            self._add(b"".join(map(bytes.fromhex, trace_ids[first : first + self._each])))

    def close(self) -> None:
        """Let go of the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _add(self, data: bytes) -> None:
        count = len(data) // _ID_BYTES
        if self._descriptor is None or self._count + count > self._each:
            self._begin()
        descriptor = self._descriptor
        assert descriptor is not None  # noqa: S101 - _begin has set it
        write_at(descriptor, [data], HEADER_BYTES + self._count * _ID_BYTES)
        if self._synced:
            sync_data(descriptor)
        self._count += count

    def _begin(self) -> None:
        number = int(self._files[-1].stem) + 1 if self._files else 1
        path, made_ns = self._folder / f"{number:016d}{SUFFIX}", time.time_ns()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_at(descriptor, [header(MAGIC, made_ns)], 0)
            if self._synced:
                sync_data(descriptor)
                sync_folder(self._folder)
        except BaseException:
            os.close(descriptor)
            path.unlink()
            raise
        self.close()
        self._descriptor, self._count = descriptor, 0
        self._files.append(path)
        self._made_ns.append(made_ns)
        if len(self._files) > 2:
            for old in self._files[:-2]:
                old.unlink(missing_ok=True)
            del self._files[:-2], self._made_ns[:-2]
            self.forgets_before_ns = self._made_ns[0]
