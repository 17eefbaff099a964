"""Decompression that stops: a small body may not become a big one unasked.

An `Inflating` writes at most as much as its caller allows, then hands back. So the caller makes room before each step,
refuses what grows beyond its bound, and runs long steps in a thread: zlib and zstd let other threads run meanwhile.
"""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Callable
from typing import Protocol

from .answers import Refusal, Refused

# RFC 9659: nobody needs to read zstd bodies with a larger window, and the window is memory.
_ZSTD_WINDOW_LOG = 23
_GZIP_WBITS = 31
_ZLIB_WBITS = 15
# Each stream costs a new decompressor, and a copy of what comes after it.
_MOST_STREAMS = 1000
# The first slices are small, so that it shows early how much comes out of how little; each is as long as all before it.
_SMALLEST_SLICE_BYTES = 1 << 10
_LARGEST_SLICE_BYTES = 1 << 16


class _Stream(Protocol):
    """One compressed stream, as the standard library's newer decompressors have it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def inflating(coding: str) -> Inflating | None:
    """What reads a Content-Encoding, in lower case; None if nothing needs to be done.

    Raises:
        Refused: It is none of those that are taken, or its package is not installed.
    """
    match coding:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return Inflating("gzip", lambda: _Zlib(_GZIP_WBITS), zlib.error)
        case "deflate":
            return Inflating("deflate", lambda: _Zlib(_ZLIB_WBITS), zlib.error)
        case "zstd":
            return _zstd()
    raise Refused(
        Refusal.WRONG_TYPE,
        "this Content-Encoding is not taken; gzip, deflate, zstd and identity are",
        headers=((b"accept-encoding", b"gzip, deflate, zstd, identity"),),
    )


def _zstd() -> Inflating:
    try:
        if sys.version_info >= (3, 14):
            from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
        else:
            from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
    except ImportError:
        raise Refused(
            Refusal.WRONG_TYPE,
            "zstd needs one more package where spanlabel runs: pip install 'spanlabel[zstd]'; gzip works without",
            headers=((b"accept-encoding", b"gzip, deflate, identity"),),
        ) from None
    options = {int(DecompressionParameter.window_log_max): _ZSTD_WINDOW_LOG}
    return Inflating("zstd", lambda: ZstdDecompressor(options=options), ZstdError)


class Inflating:
    """One body on its way from compressed to not.

    A body may be several streams one after the other, as gzip and zstd allow.

    Attributes:
        size_bytes: How much has come out so far.
        read_bytes: How much of the compressed body this was made of.
    """

    def __init__(self, name: str, begin: Callable[[], _Stream], damage: type[Exception]) -> None:
        self._name = name
        self._begin = begin
        self._damage = damage
        self._stream: _Stream | None = None
        self._unread = memoryview(b"")
        self._streams = 0
        self._has_more_to_give = False
        self._is_waiting = True
        self._made = io.BytesIO()
        self.size_bytes = 0
        self.read_bytes = 0

    def feed(self, piece: bytes) -> None:
        """Give it more of the compressed body; only when `go_on` has said that it wants more."""
        self._unread = memoryview(piece)
        self._is_waiting = False

    def go_on(self, up_to_bytes: int) -> bool:
        """Inflate until *up_to_bytes* have come out in all, or the input is used up.

        Returns:
            Whether it wants more input.

        Raises:
            Refused: The data is damaged, or in absurdly many streams.
        """
        try:
            while not self._is_waiting and self.size_bytes < up_to_bytes:
                self._take(up_to_bytes - self.size_bytes)
        except self._damage as error:
            message = f"the {self._name} data is damaged, or needs too much memory"
            raise Refused(Refusal.NOT_UNDERSTOOD, message) from error
        return self._is_waiting

    def _take(self, most: int) -> None:
        if self._stream is None:
            self._streams += 1
            if self._streams > _MOST_STREAMS:
                raise Refused(Refusal.NOT_UNDERSTOOD, f"the body is more than {_MOST_STREAMS} {self._name} streams")
            self._stream = self._begin()
        slice_ = b""
        if not self._has_more_to_give:
            size = min(max(self.read_bytes, _SMALLEST_SLICE_BYTES), _LARGEST_SLICE_BYTES)
            slice_, self._unread = bytes(self._unread[:size]), self._unread[size:]
            self.read_bytes += len(slice_)
        piece = self._stream.decompress(slice_, most)
        self._made.write(piece)
        self.size_bytes += len(piece)
        # What a stream did not give out for want of room it has kept.
        self._has_more_to_give = len(piece) == most and not self._stream.eof
        if self._stream.eof:
            rest = self._stream.unused_data
            self.read_bytes -= len(rest)
            self._unread = memoryview(rest + bytes(self._unread))
            self._stream = None
        self._is_waiting = not self._unread and not self._has_more_to_give

    def finish(self) -> bytes:
        """The whole body.

        Raises:
            Refused: The data ends early.
        """
        if self._stream is not None:
            raise Refused(Refusal.NOT_UNDERSTOOD, f"the {self._name} data ends early")
        return self._made.getvalue()


class _Zlib:
    """zlib's decompressor, which leaves to its caller what it did not read for want of room."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
