"""Make text and values fit for every platform: no character that a database refuses, no size without a bound.

Replaced in every text:

- NUL, the other C0 control characters except tab, line feed and carriage return, and DEL: by U+FFFD, so that
  the reviewer sees that something was there. Vertical tab and form feed become a line feed.
- a high and a low surrogate side by side: by the character that they mean; a lone one by U+FFFD.

What is too long is cut and ends in a mark that says how many characters are missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TypeAlias

from spanlabel.model import Value

JsonValue: TypeAlias = "str | bool | int | float | list[JsonValue] | dict[str, JsonValue] | None"

MAX_TEXT = 100_000
"""Characters of one text, and of all that one message holds. Label Studio's page and Argilla's index still
take it; Python needs 400 KB for it at most."""

MAX_DEPTH = 16
"""Levels of a nested value."""

MAX_ITEMS = 1_000
"""Entries of one list or mapping within a value."""

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_BREAK = re.compile("[\x0b\x0c]")
_BAD_BYTES = bytes(set(range(0x20)) - set(b"\t\n\r")) + b"\x7f"
_INT64 = 2**63


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """Replace what platforms refuse, and cut.

    Args:
        text: Any text.
        limit: Characters that may stay, the mark included; the mark alone may be longer than a small limit.
    """
    if len(text) > limit:
        text = _cut(text, limit)
    if _is_clean(text):
        return text
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _BREAK.sub("\n", text))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_clean(text: str) -> bool:
    """Tell whether nothing is to be replaced. A search for the characters would take ten times as long."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:  # a surrogate
        return False
    return len(encoded.translate(None, _BAD_BYTES)) == len(encoded)


def _cut(text: str, limit: int) -> str:
    # The number in the mark counts what the mark itself displaces, so it takes two looks to know its length.
    mark = _mark(len(text))
    kept = max(0, limit - len(mark))
    return text[:kept] + _mark(len(text) - kept)


def _mark(missing: int) -> str:
    return f" […{missing:,} characters cut]"


class Room:
    """The characters that the parts of one thing may still take together.

    Args:
        limit: Characters in all. Each piece that finds no room leaves its mark.
    """

    def __init__(self, limit: int = MAX_TEXT) -> None:
        self._left = limit

    @property
    def is_full(self) -> bool:
        """Nothing more fits."""
        return self._left <= 0

    def text(self, text: str) -> str:
        """Clean a text and cut it to what is left."""
        cleaned = clean_text(text, max(0, self._left))
        self._left -= len(cleaned)
        return cleaned

    def value(self, value: Value, depth: int = 0) -> JsonValue:
        """Make a value that JSON can hold; bytes and what does not fit become a short placeholder."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int):
            return value if -_INT64 <= value < _INT64 else f"[integer of {value.bit_length()} bits]"
        if isinstance(value, float):
            return value if isfinite(value) else str(value)
        if isinstance(value, bytes):
            return f"[{len(value):,} bytes]"
        if depth >= MAX_DEPTH:
            return "[nested too deep]"
        return self.mapping(value, depth) if isinstance(value, Mapping) else self._sequence(value, depth)

    def mapping(self, value: Mapping[str, Value], depth: int = 0) -> dict[str, JsonValue]:
        """Make a mapping that JSON can hold."""
        made: dict[str, JsonValue] = {}
        for seen, (key, item) in enumerate(value.items()):
            if self.is_full or seen >= MAX_ITEMS:
                made["…"] = f"[{len(value) - seen:,} entries cut]"
                break
            made[self.text(str(key))] = self.value(item, depth + 1)
            self._left -= 1
        return made

    def _sequence(self, value: Sequence[Value], depth: int) -> list[JsonValue]:
        made: list[JsonValue] = []
        for seen, item in enumerate(value):
            if self.is_full or seen >= MAX_ITEMS:
                made.append(f"[{len(value) - seen:,} entries cut]")
                break
            made.append(self.value(item, depth + 1))
            self._left -= 1
        return made
