"""JSON that travels as text: decoding it, and mending it where a length limit cut it.

Instrumentations encode once, twice (JSON text of JSON text: mlflow#18767, openinference#3143) or not at all, and
the SDK's attribute length limit cuts JSON in the middle without a mark (measured, engineering.md 0.7).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Final

from spanlabel.model import Value

MAX_ENCODINGS: Final = 3
MAX_DEPTH: Final = 40
"""Deeper values are given up: real messages end at about 12."""

REDACTED: Final = frozenset(
    {"__REDACTED__", "<REDACTED>", "[REDACTED]", "<redacted>", "<replaced>", "[Filtered]", "<elided>"}
)
"""Texts that instrumentations write where content was taken away (dialects.yaml, redaction_markers)."""
_LONGEST: Final = max(map(len, REDACTED))

LISTS: Final = (list, tuple)
"""For `isinstance`: twice as quick as `list | tuple`, which is made anew each time (75 for 160 ns)."""

_OPENERS: Final = '{["'


def decoded(value: Value) -> tuple[Value, bool]:
    """Take JSON text apart until something else than JSON text is left.

    Returns:
        The value, and whether it had been cut and was mended.
    """
    if not isinstance(value, str) or not _may_be_json(value):
        return value, False
    cut = False
    for _ in range(MAX_ENCODINGS):
        text = value.strip()
        if not text or text[0] not in _OPENERS:
            break
        opened = _loads(text)
        if opened is None:  # text that begins like this is never JSON's null
            opened = _mended(text)
            if opened is None:
                break
            cut = True
        value = opened
        if not isinstance(value, str):
            break
    return value, cut


def is_redacted(text: str) -> bool:
    """Whether *text* stands where content was taken away."""
    text = text.strip()
    return len(text) <= _LONGEST and text in REDACTED  # the length first: to look a text up costs its length in time


def _may_be_json(text: str) -> bool:
    """Whether it is worth a closer look: most texts are plain words, which their first character tells."""
    first = text[:1]
    return first in _OPENERS or first.isspace()


_JSON_START: Final = re.compile(r'\{\s*"|\[\s*[\[{"0-9tfn-]')


def _mended(text: str) -> Value:
    """What is certain of JSON text that was cut; None if it was no JSON or nothing is certain."""
    if _JSON_START.match(text) is None:  # a Python literal, a word in brackets
        return None
    open_ones = _open_ones(text)
    if open_ones is None:
        return None
    closing, in_string, escaped = open_ones
    if in_string:
        body = text[: text.rindex("\\")] if escaped else text
        # A cut inside \uXXXX leaves up to five characters that are no escape yet.
        bodies = [body, *(body[:-n] for n in range(1, 6) if "\\u" in body[-6:])]
        endings: tuple[str, ...] = ('"', '":null')
    else:
        bodies = [text, text.rstrip(",")]
        endings = ("", "null", ":null")
    for body in bodies:
        for ending in endings:
            value = _loads(body + ending + closing)
            if value is not None:
                return value
    return None


def _open_ones(text: str) -> tuple[str, bool, bool] | None:
    """What would close the brackets that are open at the end, and whether a string or an escape is open too."""
    stack: list[str] = []
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "{[":
            stack.append("}" if char == "{" else "]")
            if len(stack) > MAX_DEPTH:
                return None
        elif char in "}]" and (not stack or stack.pop() != char):
            return None
    return ("".join(reversed(stack)), in_string, escaped) if stack else None


def _loads(text: str) -> Value:
    """The value of JSON text without white space around it; None if it is no JSON."""
    try:
        value, end = _raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value if end == len(text) else None


_raw_decode: Final[Callable[[str], tuple[Value, int]]] = json.JSONDecoder().raw_decode
"""What `json.loads` calls in the end, without the checks around it, which cost as much as reading a short text."""


def as_text(value: Value) -> str | None:
    """Plain text of a scalar; None for anything else and for an empty text."""
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        try:
            return str(value)
        except ValueError:  # Python does not write out more than 4300 digits
            return None
    return None


def as_json(value: Value) -> str | None:
    """JSON text of a value, as an app that prints JSON would show it; None if it cannot be written as JSON."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (ValueError, TypeError, RecursionError):  # too deep, or keys of a Python literal that JSON has not
        return None


def _plain(value: object) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def as_int(value: Value) -> int | None:
    """A whole number; None for anything else."""
    if value is None:
        return None
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return None


def as_float(value: Value) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def as_strings(value: Value) -> tuple[str, ...]:
    """A list of words: a list, a JSON list, words with commas between, or one word."""
    value, _ = decoded(value)
    if isinstance(value, str):
        return tuple(word for part in value.split(",") if (word := part.strip()))
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return tuple(item for item in value if isinstance(item, str) and item)
    return ()


def is_list(value: Value) -> bool:
    """Whether *value* is a list or a tuple (and not text or bytes)."""
    return isinstance(value, LISTS)
