"""OTLP/JSON lines and protobuf as the Collector's file exporter writes them, from files and from standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from spanlabel.errors import InputError
from spanlabel.wire.decoded import Decoded
from spanlabel.wire.otlp_json import read_document

from .contents import read_contents
from .documents import read_documents


def read_files(
    paths: Sequence[str | Path],
    *,
    problem: Callable[[InputError], None],
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Decoded]:
    """Read the spans and log records of *paths*, one after the other.

    Text and protobuf, plain, gzip and zstd are told apart by content. One document is held at a time, never a file.

    Args:
        paths: Files; "-" is standard input.
        problem: Called with each thing that could not be read: its file and line, and why. The rest is still
            read. An empty file is a problem too.
        strict: Raise the first problem instead.
        progress: Called with the number of bytes just read, as they lie on disk (compressed ones compressed).

    Yields:
        What each document holds, in the order of the files and of their lines.

    Raises:
        InputError: The first problem, with *strict*.
    """
    for path in paths:
        for item in _read_file(str(path), progress):
            if not isinstance(item, InputError):
                yield item
            elif strict:
                raise item
            else:
                problem(item)


def _read_file(name: str, progress: Callable[[int], None] | None) -> Iterator[Decoded | InputError]:
    try:
        opened = _open(name)
    except (OSError, ValueError) as error:  # ValueError: a path with NUL in it
        yield InputError(_why_not_opened(error), file=name)
        return
    is_empty = True
    with opened as file:
        for found in read_documents(read_contents(file, name=name, progress=progress), name=name):
            is_empty = False
            if isinstance(found, InputError):
                yield found
                continue
            line, document = found
            decoded = document if isinstance(document, Decoded) else read_document(document)
            for what in decoded.problems:
                yield InputError(what, file=name, line=line)
            yield decoded
    if is_empty:
        yield InputError("is empty: there is no OTLP document in it", file=name)


def _open(name: str) -> AbstractContextManager[BufferedIOBase]:
    if name == "-":
        return nullcontext(cast("BufferedIOBase", sys.stdin.buffer))  # not ours to close
    return Path(name).open("rb")


def _why_not_opened(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a directory; name the files in it"
    return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
