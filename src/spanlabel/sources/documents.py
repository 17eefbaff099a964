"""JSON documents out of text as files really hold them.

Usually one document is one line. But after a crash the Collector may leave a line that is torn, or two documents
on one line; and people keep a single document laid out over many lines.

Read with the standard library: orjson took 12.3 µs where it took 14.0 for a span of 10 KB, and can neither read a
document out of the middle of a text nor say where one ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from spanlabel.errors import InputError
from spanlabel.wire.otlp_proto import read_message

from .contents import Message, Piece

MAX_DOCUMENT_BYTES = 1 << 27
"""Longest document, and longest line, that is read (128 MiB). Of its parsed form several times as much is held."""

# How a document begins. It cannot stand within one: there is no such field inside, and in a text its quotation
# marks would be escaped.
_begins = re.compile(r'\{\s*"resource_?(?:[Ss]pans|[Ll]ogs|[Mm]etrics)"\s*:')
_blank = re.compile(r"\s*")
_raw_decode = json.JSONDecoder().raw_decode

# A line that is torn in more places than this was torn by no crash. The bound keeps the time linear.
_MAX_RESTARTS = 8
_FIRST_RETRY_BYTES = 1 << 16

Found = tuple[int, object]
"""The line on which a document begins, counted from 1, and what `json.loads` makes of it; or the number of a protobuf
message, and what it holds, `Decoded`."""


def read_documents(pieces: Iterator[Piece], *, name: str) -> Iterator[Found | InputError]:
    """Read all documents.

    Args:
        pieces: As `read_contents` gives them.
        name: The file's name as the user gave it, for the errors.

    Yields:
        Documents, any JSON value among them; and an `InputError` for what could not be read, then the rest.
        Not more than one document is held at a time.
    """
    reader = _Reader(name)
    for line in _lines(pieces, name):
        if isinstance(line, Message):
            yield from reader.finish()
            try:
                yield line.number, read_message(line.data)
            except ValueError as error:
                yield InputError(str(error), file=name, line=line.number)
            except ImportError:
                missing = "is OTLP protobuf, which needs one more package: pip install 'spanlabel[protobuf]'"
                yield InputError(missing, file=name)
                return
        elif isinstance(line, InputError):
            # It says why the text breaks off here, so the torn document itself is not complained about.
            yield from reader.finish(is_torn_for_a_reason=True)
            yield line
        else:
            yield from reader.read(*line)
    yield from reader.finish()


def _lines(pieces: Iterator[Piece], name: str) -> Iterator[tuple[int, bytes] | Message | InputError]:
    number, held, size = 1, list[bytes](), 0
    for piece in pieces:
        if not isinstance(piece, bytes):
            yield number, b"".join(held)
            yield piece
            held, size = [], 0
            continue
        for index, segment in enumerate(piece.split(b"\n")):
            if index > 0:  # a line end stood before this segment
                yield number, b"".join(held)
                number, held, size = number + 1, [], 0
            if size <= MAX_DOCUMENT_BYTES < size + len(segment):
                yield _too_long(name, number)
                held = []
            size += len(segment)
            if size <= MAX_DOCUMENT_BYTES:
                held.append(segment)
    yield number, b"".join(held)


def _too_long(name: str, line: int) -> InputError:
    return InputError(f"the document is longer than {MAX_DOCUMENT_BYTES >> 20} MiB", file=name, line=line)


class _Reader:
    """Puts documents together from lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held = bytearray()
        """Lines of a document that has not ended yet, as UTF-8: a list of short lines would weigh far more."""
        self._first_line = 0
        self._retry_bytes = 0
        self._is_skipping = False
        """A document of many lines was given up, and its remaining lines are passed over."""

    def read(self, number: int, raw: bytes) -> Iterator[Found | InputError]:
        """Take one line."""
        try:
            line = raw.decode()
        except UnicodeDecodeError as error:
            line = raw.decode(errors="replace")
            if error.reason != "unexpected end of data":  # else the line is torn, and that will be said
                yield InputError("bytes that are no UTF-8 were replaced", file=self._name, line=number)
        if self._held and not _begins.match(line):
            yield from self._continue(line)
            return
        yield from self.finish()
        self._is_skipping = self._is_skipping and not line.startswith("{")
        if not self._is_skipping:
            yield from self._split(line, number)

    def finish(self, *, is_torn_for_a_reason: bool = False) -> Iterator[Found | InputError]:
        """No more lines belong to the document that has not ended yet."""
        if self._held:
            yield from self._split(self._release(), self._first_line, is_all=True, is_silent=is_torn_for_a_reason)

    def _continue(self, line: str) -> Iterator[Found | InputError]:
        self._held += f"\n{line}".encode()
        if len(self._held) > MAX_DOCUMENT_BYTES:
            self._held.clear()
            self._is_skipping = True
            yield _too_long(self._name, self._first_line)
        elif len(self._held) >= self._retry_bytes:
            yield from self._split(self._release(), self._first_line)

    def _hold(self, text: str, line: int) -> None:
        self._held += text.encode()
        self._first_line = line
        # Each time at twice the length, so that the time stays linear.
        self._retry_bytes = max(2 * len(self._held), _FIRST_RETRY_BYTES)

    def _release(self) -> str:
        text = self._held.decode()
        self._held.clear()
        return text

    def _split(
        self, text: str, line: int, *, is_all: bool = False, is_silent: bool = False
    ) -> Iterator[Found | InputError]:
        """Give all documents of *text*, which begins on *line*, and hold the last one if it may go on."""
        restarts, counted, position = 0, 0, _after_blanks(text, 0)
        while position < len(text):
            line, counted = line + text.count("\n", counted, position), position
            try:
                document, end = _raw_decode(text, position)
            except (ValueError, RecursionError) as error:
                again = _begins.search(text, position + 1) if restarts < _MAX_RESTARTS else None
                is_torn = _is_torn(error, text)
                if again is None and is_torn and not is_all:
                    self._hold(text[position:], line)
                    return
                if not (is_torn and is_silent):
                    yield self._problem(error, position, line, is_torn=is_torn or again is not None)
                if again is None:
                    self._is_skipping = "\n" in text
                    return
                restarts, position = restarts + 1, again.start()
            else:
                yield line, document
                position = _after_blanks(text, end)

    def _problem(self, error: ValueError | RecursionError, position: int, line: int, *, is_torn: bool) -> InputError:
        """What is wrong with the document that begins at *position*, on *line*, without showing any of it."""
        if is_torn:
            what = "the document is cut off"
        elif isinstance(error, json.JSONDecodeError):
            line += error.doc.count("\n", position, error.pos)
            what = f"not JSON: {error.msg} (column {error.colno})"
        else:
            what = "not read: " + ("nested too deeply" if isinstance(error, RecursionError) else "a number is too long")
        return InputError(what, file=self._name, line=line)


def _is_torn(error: Exception, text: str) -> bool:
    """Whether the text ended before the document did."""
    return isinstance(error, json.JSONDecodeError) and (
        error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    )


def _after_blanks(text: str, position: int) -> int:
    match = _blank.match(text, position)
    return match.end() if match else position
