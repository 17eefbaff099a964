"""What commands print with: text that came from elsewhere made harmless, shortened to the width that is there."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from typing import TextIO

from rich.console import Console
from rich.text import Text

PIPED_WIDTH = 10_000
"""Columns where nobody has said how many there are: nothing is wrapped then."""

PIPED_PREVIEW = 200
"""Characters of a preview there."""

_SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Control characters move the cursor or start an escape sequence, the others turn the direction of a line around or are
# half a character: what a model wrote must not be able to change what the terminal shows elsewhere.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SPACE = re.compile(r"\s+")


def console(*, stderr: bool = False) -> Console:
    """Make the screen for standard output or standard error.

    A pipe has the width that COLUMNS says, else as much as a line needs. What the encoding of the output does not
    have is replaced by a question mark.
    """
    stream = sys.stderr if stderr else sys.stdout
    _forgive(stream)
    is_wide = not stream.isatty() and not os.environ.get("COLUMNS", "").isdigit()
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=PIPED_WIDTH if is_wide else None)


def print_json_line(text: str) -> None:
    """Print JSON; half a character, which no encoding has, becomes a question mark."""
    _forgive(sys.stdout)
    print(text)


def is_kept() -> bool:
    """Whether standard output is a file: nobody shows it on the screen while it is written."""
    try:
        return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except OSError:  # no file at all; io.UnsupportedOperation is one
        return False


def _forgive(stream: TextIO) -> None:
    if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="replace")


def harmless(text: str) -> str:
    """Replace what could move a terminal's cursor, colour it or turn its lines around; line feeds and tabs stay."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def one_line(text: str, width: int) -> str:
    """Make one line of a text, at most *width* columns, with an ellipsis where something is missing."""
    # Of a text of 10 MB only as much is looked at as could be shown.
    flat = _SPACE.sub(" ", harmless(text[: 20 * width + 200])).strip()
    shown = Text(flat)
    shown.truncate(max(width, 1), overflow="ellipsis")
    if len(text) > 20 * width + 200 and shown.plain == flat:
        return f"{flat}…"
    return shown.plain


def preview_width(screen: Console, used: int) -> int:
    """Columns that are left for a preview beside *used* ones: at least 20, so that a text can be recognised."""
    return PIPED_PREVIEW if screen.width >= PIPED_WIDTH else max(20, screen.width - used)


def print_flowing(screen: Console, pieces: Iterable[Text], *, first: str = "", further: str = "  ") -> None:
    """Print pieces side by side, and in further lines what finds no room.

    Args:
        screen: Where to.
        pieces: In order; one that is wider than the screen is cut.
        first: What stands before the first line.
        further: What stands before the others.
    """
    line = Text.assemble((first, "dim"))
    is_empty = True
    for piece in pieces:
        if not is_empty and line.cell_len + 2 + piece.cell_len > screen.width:
            screen.print(line, soft_wrap=True)
            line = Text.assemble((further, "dim"))
            is_empty = True
        line.append("" if is_empty else "  ").append_text(piece)
        is_empty = False
        line.truncate(screen.width, overflow="ellipsis")
    screen.print(line, soft_wrap=True)


def duration(nanoseconds: int) -> str:
    """Show a time that passed: "850 µs", "12 ms", "3.2 s", "4 min 5 s"."""
    if nanoseconds < 1_000_000:
        return f"{nanoseconds // 1_000} µs"
    if nanoseconds < 1_000_000_000:
        return f"{nanoseconds // 1_000_000} ms"
    seconds = nanoseconds / 1_000_000_000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s"


def moment(time_ns: int) -> str:
    """Show a time of day, UTC; "" if it was not sent or is of no year that people know."""
    if not 0 < time_ns < 2**63:
        return ""
    return (_EPOCH + timedelta(microseconds=time_ns // 1_000)).strftime("%Y-%m-%d %H:%M:%S UTC")


def size_of(n_bytes: int) -> str:
    """Show a size: "700 bytes", "1.5 KiB", "64.0 MiB"."""
    for size, unit in _SIZES:
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return count(n_bytes, "byte")


def count(number: int, noun: str) -> str:
    """Show a number of things: "1 span", "2,000 spans"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
