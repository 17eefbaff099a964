"""What a file holds, decompressed on the way, in pieces of bounded size.

What kind of file it is, its first bytes say and not its name. The Collector's file exporter writes two kinds that
no other tool knows: with `compression: zstd` every message is a zstd frame of its own with its length before it
(`zstd -d` cannot read that), and with `format: proto` the messages are protobuf, each with its length before it. A file
that is one protobuf message, as it went over the wire, is read too.
"""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from spanlabel.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES = 1 << 18
"""How much is read at once, before and after decompression."""

MAX_MESSAGE_BYTES = 1 << 26
"""Largest length-prefixed message; OTLP's own limit for a request. More is taken for a damaged length."""

_HEAD_BYTES = 64
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_FIELD_1 = b"\x0a"
"""How an OTLP message begins: with the tag of its only field, which holds the resources."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# JSON holds none of these anywhere; protobuf is full of them.
_control_byte = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]").search

_Errors = type[Exception] | tuple[type[Exception], ...]


class Message(NamedTuple):
    """One protobuf message of a file.

    Attributes:
        number: Counted from 1.
        data: As it went over the wire.
    """

    number: int
    data: bytes


Piece: TypeAlias = bytes | Message | InputError


class _Stream(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def read_contents(
    file: io.BufferedIOBase, *, name: str, progress: Callable[[int], None] | None = None
) -> Iterator[Piece]:
    """Read *file* to its end.

    Args:
        file: Open for reading, at its start.
        name: As the user gave it, for the errors.
        progress: Called with the number of bytes just read, as they lie on disk.

    Yields:
        Pieces of UTF-8 text without a byte order mark, or protobuf messages; and an `InputError` where something could
        not be read. What comes after an error does not continue what came before it. Each message of a file with
        length-prefixed messages is a line.
    """
    try:
        disk = _Disk(file, progress)
        if disk.head.startswith(_GZIP):
            stream = gzip.GzipFile(fileobj=disk)
            yield from _text(_unpacked(stream, "gzip", (zlib.error, gzip.BadGzipFile), name), name)
        elif disk.head.startswith(_ZSTD):
            yield from _zstd_text(disk, name)
        elif disk.head[4:].startswith(_ZSTD):
            yield from _messages(disk, name)
        else:
            yield from _text(iter(lambda: disk.read(PIECE_BYTES), b""), name)
    except OSError as error:
        yield InputError(f"cannot be read: {error.strerror or error}", file=name)
    except InputError as error:  # after which nothing of this file can be read
        yield error


class _Disk(io.RawIOBase):
    """A file as it lies on disk: has shown its first bytes, and tells how much of it was read."""

    def __init__(self, file: io.BufferedIOBase, progress: Callable[[int], None] | None) -> None:
        self._file = file
        self._progress = progress
        self.head = file.read(_HEAD_BYTES)
        self._unread = io.BytesIO(self.head)
        if progress is not None and self.head:
            progress(len(self.head))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer).cast("B") as view:
            piece = self._unread.read(len(view))
            if not piece:
                # Not `readinto1`: beyond its own buffer it waits for more although it has something to give.
                piece = self._file.read1(len(view))
                if self._progress is not None and piece:
                    self._progress(len(piece))
            view[: len(piece)] = piece
        return len(piece)

    def read_exactly(self, size: int) -> bytes:
        """*size* bytes, or what is left."""
        pieces = []
        while size and (piece := self.read(min(size, PIECE_BYTES))):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def _text(pieces: Iterator[Piece], name: str, line: int | None = None) -> Iterator[Piece]:
    """*pieces*, when they begin as text does, or the protobuf messages in them.

    Raises:
        InputError: They hold something else.
    """
    first, rest = b"", pieces
    for piece in pieces:
        if not isinstance(piece, bytes):
            rest = chain((piece,), pieces)
            break
        first += piece
        if len(first) >= _HEAD_BYTES:
            break
    yield from _begun(first, rest, name, line)


def _begun(first: bytes, rest: Iterator[Piece], name: str, line: int | None) -> Iterator[Piece]:
    """What begins with *first*, and goes on."""
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError("is UTF-16 text; OTLP/JSON is UTF-8", file=name)
    text = first.removeprefix(_BYTE_ORDER_MARK)
    if text.startswith(b"{") or not _control_byte(text):
        yield text
        yield from rest
    elif first.startswith(_FIELD_1):
        yield from _whole(first, rest, name, line)
    elif first[4:].startswith(_FIELD_1):
        yield from _prefixed(first, rest, name)
    else:
        raise InputError("is a binary file, neither OTLP/JSON nor OTLP protobuf", file=name)


def _whole(first: bytes, rest: Iterator[Piece], name: str, line: int | None) -> Iterator[Piece]:
    """All there is, as one protobuf message."""
    data = bytearray(first)
    for piece in rest:
        if not isinstance(piece, bytes):
            yield piece
            return
        data += piece
        if len(data) > MAX_MESSAGE_BYTES:
            raise InputError(f"the message is longer than {MAX_MESSAGE_BYTES >> 20} MiB", file=name, line=line)
    yield Message(line or 1, bytes(data))


def _prefixed(first: bytes, rest: Iterator[Piece], name: str) -> Iterator[Piece]:
    """Protobuf messages with their lengths before them."""
    held, number = bytearray(first), 1
    for piece in chain((b"",), rest):
        if not isinstance(piece, bytes):
            yield piece
            return
        held += piece
        while len(held) >= 4 and len(held) >= 4 + (length := int.from_bytes(held[:4], "big")):
            yield Message(number, bytes(held[4 : 4 + length]))
            del held[: 4 + length]
            number += 1
        if len(held) >= 4 and int.from_bytes(held[:4], "big") > MAX_MESSAGE_BYTES:
            raise InputError("the length of a message is damaged", file=name, line=number)
    if held:
        yield InputError("the file ends early, within a message", file=name, line=number)


def _unpacked(stream: _Stream, kind: str, damage: _Errors, name: str, line: int | None = None) -> Iterator[Piece]:
    try:
        yield from iter(lambda: stream.read1(PIECE_BYTES), b"")
    except EOFError:
        yield InputError(f"the {kind} data ends early, as if the file was cut off", file=name, line=line)
    except damage as error:
        yield InputError(f"the {kind} data is damaged: {error}", file=name, line=line)


def _zstd_text(file: io.RawIOBase | io.BytesIO, name: str, line: int | None = None) -> Iterator[Piece]:
    try:
        if sys.version_info >= (3, 14):
            from compression.zstd import ZstdError, ZstdFile
        else:
            from backports.zstd import ZstdError, ZstdFile
    except ImportError:
        missing = "is compressed with zstd, which needs one more package: pip install 'spanlabel[zstd]'"
        raise InputError(missing, file=name) from None
    return _text(_unpacked(ZstdFile(file), "zstd", ZstdError, name, line), name, line)


def _messages(disk: _Disk, name: str) -> Iterator[Piece]:
    """Message by message, so that a damaged one does not cost those after it."""
    number = 0
    while prefix := disk.read_exactly(4):
        number += 1
        length = int.from_bytes(prefix, "big")
        if length > MAX_MESSAGE_BYTES:
            raise InputError("the length of a message is damaged", file=name, line=number)
        frame = disk.read_exactly(length)
        if not frame:
            raise InputError("the file ends early, within a message", file=name, line=number)
        yield from _zstd_text(io.BytesIO(frame), name, number)
        yield b"\n"
