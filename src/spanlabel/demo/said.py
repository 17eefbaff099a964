"""What the APIs have in common: messages read into what the script understands, and invented bookkeeping."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

from .refusal import Refused
from .script import Said

VERSION: Final = "-2026-03-01"
"""A model that was asked for by its short name answers under its exact version."""

_ROLES = {"developer": "system", "function": "tool"}


def read_messages(messages: Any, *, param: str) -> list[Said]:
    """Read the messages of a request.

    Args:
        messages: The field's value, as sent.
        param: The field's name.

    Raises:
        Refused: It is not a list of objects, or it is empty.
    """
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise Refused(400, f"'{param}' must be a list of messages that is not empty.", param=param)
    return [_said(message) for message in messages]


def new_id(prefix: str) -> str:
    """Make an id such as "chatcmpl-" and 24 random characters."""
    return prefix + uuid4().hex[:24]


def count_tokens(text: str) -> int:
    """Estimate how many tokens a text has: a token for each word or mark, more for long words."""
    return sum(1 + len(word) // 7 for word in re.findall(r"\w+|[^\w\s]", text))


def in_pieces(text: str) -> Iterator[str]:
    """Cut a text as a stream brings it: word by word, each with the space before it."""
    yield from re.findall(r"\s*\S+|\s+$", text)


def _said(message: dict[str, Any]) -> Said:
    role = str(message.get("role", ""))
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return Said(_ROLES.get(role, role), content if isinstance(content, str) else "")
