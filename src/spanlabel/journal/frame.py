"""How files of the journal are written.

::

    file   header, frame, frame, ...
    header magic (8 bytes), version (4), made at (8, Unix time in nanoseconds), crc32 of these (4); little-endian
    frame  length of the body (4), crc32 of length, kind and body (4), kind (1), body
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import NamedTuple

from spanlabel.errors import StoreError

VERSION = 1
MOST_BYTES = 2**32 - 1
"""The longest body."""

_HEADER = struct.Struct("<8sIQ")
_CRC = struct.Struct("<I")
_FRAME = struct.Struct("<IIB")
_SUMMED = struct.Struct("<IB")
_AT_ONCE_BYTES = 16 * 1024

HEADER_BYTES = _HEADER.size + _CRC.size
FRAME_BYTES = _FRAME.size


class Frame(NamedTuple):
    """One frame of a file.

    Attributes:
        kind: 0 to 255.
        body: What was written.
        end: Offset behind it.
    """

    kind: int
    body: bytes
    end: int


def header(magic: bytes, made_ns: int) -> bytes:
    """The beginning of a new file.

    Args:
        magic: 8 bytes that tell what the file is.
        made_ns: Unix time in nanoseconds.
    """
    plain = _HEADER.pack(magic, VERSION, made_ns)
    return plain + _CRC.pack(zlib.crc32(plain))


def read_header(beginning: bytes, magic: bytes, path: str) -> int | None:
    """Check the beginning of a file.

    Returns:
        When it was made, Unix time in nanoseconds; None if it is torn, damaged or a stranger's.

    Raises:
        StoreError: A newer spanlabel made it.
    """
    if len(beginning) < HEADER_BYTES:
        return None
    found, version, made_ns = _HEADER.unpack_from(beginning)
    (crc,) = _CRC.unpack_from(beginning, _HEADER.size)
    if found != magic or zlib.crc32(beginning[: _HEADER.size]) != crc:
        return None
    if version > VERSION:
        raise StoreError(
            f"{path}: made by a newer version of spanlabel (journal {version}; this one knows up to {VERSION}); "
            "start that version until nothing waits, or move the folder away to begin anew without what waits in it"
        )
    return int(made_ns)


def frame_head(kind: int, body: bytes) -> bytes:
    """What stands before *body*."""
    crc = zlib.crc32(body, zlib.crc32(_SUMMED.pack(len(body), kind)))
    return _FRAME.pack(len(body), crc, kind)


def frame_end(descriptor: int, offset: int, size: int) -> int | None:
    """Where the frame at *offset* ends, by its length alone.

    Args:
        descriptor: An open file.
        offset: Where a frame begins.
        size: Where the file ends.

    Returns:
        The offset behind it; None if it would not fit into the file.
    """
    if offset + FRAME_BYTES > size:
        return None
    head = os.pread(descriptor, FRAME_BYTES, offset)
    if len(head) < FRAME_BYTES:
        return None
    end = offset + FRAME_BYTES + int(_FRAME.unpack(head)[0])
    return end if end <= size else None


def read_frame(descriptor: int, offset: int, size: int) -> Frame | None:
    """Read and check one frame; arguments as for `frame_end`.

    Returns:
        None if there is no whole and undamaged frame.

    Raises:
        OSError: The disk could not read it.
    """
    beginning = os.pread(descriptor, min(_AT_ONCE_BYTES, size - offset), offset)
    if len(beginning) < FRAME_BYTES:
        return None
    length, crc, kind = _FRAME.unpack_from(beginning)
    start = offset + FRAME_BYTES
    end = start + length
    if end > size:
        return None
    if end - offset <= len(beginning):
        body = beginning[FRAME_BYTES : FRAME_BYTES + length]
    else:
        body = os.pread(descriptor, length, start)
    if len(body) != length or zlib.crc32(body, zlib.crc32(_SUMMED.pack(length, kind))) != crc:
        return None
    return Frame(kind, body, end)
