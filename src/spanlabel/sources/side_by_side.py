"""Several files as if they were one, in order of time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from spanlabel.errors import InputError
from spanlabel.wire.decoded import Decoded

from .files import read_files
from .folders import files_in, size_of

WHOLE_BYTES: Final = 1 << 24
"""Files that are smaller together are read one after the other: all of them are held before anything is decided."""

MAX_OPEN: Final = 200
"""Files that are read at once. Those of a rotated set follow one another, so few of them are."""


_LOOK: Final = 10
"""In so many documents at the beginning of a file a time is sought."""


def read_side_by_side(
    paths: Sequence[str | Path],
    *,
    problem: Callable[[InputError], None],
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Decoded]:
    """Read the spans and log records of files and folders, those of about the same time together.

    A trace may lie in several files: its spans and its log records, its spans of several services, its beginning and
    its end in two files of a rotated set. Whoever reads more than fits into memory must get it together. So each
    file is read in its own order, and the next document is taken from the file that is furthest behind in time.

    Args:
        paths: Files; folders, which stand for all the files in them; "-" is standard input.
        problem: As for `read_files`.
        strict: As for `read_files`.
        progress: As for `read_files`.

    Yields:
        What each document holds.

    Raises:
        InputError: The first problem, with *strict*.
    """
    names: list[str] = []
    for name in files_in(paths):
        if isinstance(name, str):
            names.append(name)
        elif strict:
            raise name
        else:
            problem(name)
    if len(names) < 2 or _are_small(names):
        yield from read_files(names, problem=problem, strict=strict, progress=progress)
        return

    def read(name: str) -> Iterator[Decoded]:
        return read_files([name], problem=problem, strict=strict, progress=progress)

    yield from _merged([_Begin(_begin_of(name), place, name) for place, name in enumerate(names)], read)


class _Begin(NamedTuple):
    """A file that is not open yet: when it begins, and its place among those given."""

    time_ns: int
    place: int
    name: str


class _Open(NamedTuple):
    """A file that is being read: how far in time, and its place among those given."""

    time_ns: int
    place: int
    rest: Iterator[Decoded]


def _merged(closed: list[_Begin], read: Callable[[str], Iterator[Decoded]]) -> Iterator[Decoded]:
    heapify(closed)
    opened: list[_Open] = []
    while closed or opened:
        if closed and len(opened) < MAX_OPEN and (not opened or closed[0][:2] < opened[0][:2]):
            begin = heappop(closed)
            heappush(opened, _Open(begin.time_ns, begin.place, read(begin.name)))
        first = opened[0]
        decoded = next(first.rest, None)
        if decoded is None:
            heappop(opened)
            continue
        heapreplace(opened, first._replace(time_ns=_time_of(decoded) or first.time_ns))
        yield decoded


def _are_small(names: Sequence[str]) -> bool:
    """Whether they are small together; nobody knows how much comes out of what is no file."""
    size = size_of(names)
    return size is not None and size <= WHOLE_BYTES


def _begin_of(name: str) -> int:
    """When the file begins; 0 if it does not tell, and for what can be read only once, or not at all."""
    if not os.path.isfile(name):
        return 0
    return next(filter(None, map(_time_of, islice(read_files([name], problem=_say_nothing), _LOOK))), 0)


def _say_nothing(_: InputError) -> None:
    """What is wrong with a file is said when it is read."""


def _time_of(decoded: Decoded) -> int:
    """When the document was written, about: nanoseconds of Unix time; 0 if it does not tell."""
    ended_ns = max((span.end_ns for span in decoded.spans), default=0)
    return max(ended_ns, max((log.time_ns for log in decoded.logs), default=0))
