"""Which files a path stands for: itself, or all that lie in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from spanlabel.errors import InputError


def files_in(paths: Sequence[str | Path]) -> Iterator[str | InputError]:
    """Put in place of each folder the files in it, and in its folders, by name.

    A folder stands for all of its files, whatever they are called: those of a rotated set, and those of each service
    where the Collector's file exporter writes with `group_by`. Left out are what begins with a dot, what is empty,
    and what is no file. A folder behind a link is not entered.

    Args:
        paths: Files and folders; "-" is standard input.

    Yields:
        Names of files, and as they were given what is no folder; and an `InputError` for a folder that cannot be
        read, or has no such file.
    """
    for path in map(str, paths):
        if path != "-" and os.path.isdir(path):
            yield from _files_below(path)
        else:
            yield path


def size_of(names: Sequence[str]) -> int | None:
    """Bytes of all files that are there; None if standard input or a pipe is among them."""
    if any(name == "-" or (os.path.exists(name) and not os.path.isfile(name)) for name in names):
        return None
    return sum(os.path.getsize(name) for name in names if os.path.isfile(name))


def _files_below(folder: str) -> Iterator[str | InputError]:
    is_bare = True
    failures: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=failures.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = os.path.join(place, name)
            if not name.startswith(".") and _holds_something(file):
                is_bare = False
                yield file
    for failure in failures:
        yield InputError(f"cannot be read: {failure.strerror or failure}", file=str(failure.filename))
    if is_bare and not failures:
        yield InputError("holds no file with anything in it", file=folder)


def _holds_something(file: str) -> bool:
    """Whether it is a file that is not empty; one that cannot be asked is read, which says why."""
    try:
        return not os.path.exists(file) or (os.path.isfile(file) and os.path.getsize(file) > 0)
    except OSError:
        return True
