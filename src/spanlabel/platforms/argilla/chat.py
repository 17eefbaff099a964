"""A conversation as a reviewer reads it in Argilla's chat field. Pure.

A chat field takes at most 500 messages of 1 to 20 000 characters, each with a role of 1 to 20. What a reviewer does
not need is left out: thoughts, and all of tool traffic but a line that says what was used and one that says what it
found. They stand above the words that came next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from spanlabel.model import Media, Message, Part, Text
from spanlabel.records.tool_words import tool_line, tool_names

from .inert import inert

Bubble: TypeAlias = dict[str, str]
"""`role` and `content`."""

MAX_BUBBLES = 500
MAX_CONTENT = 20_000
"""Characters of one bubble, as the server counts them."""

MAX_ROLE = 20
_NOT_IN_ROLE = re.compile(r"[^\w .-]+")


def bubbles(messages: Sequence[Message], *, then: str | None = None) -> list[Bubble]:
    """Write a conversation down.

    Args:
        messages: In order.
        then: What the application answered in the end; None to leave the end open.

    Returns:
        At most 500 bubbles; where there are more, the first and the last ones. Empty if nothing was said.
    """
    names = tool_names(messages)
    made: list[Bubble] = []
    used: list[str] = []
    for message in messages:
        used += [line for part in message.parts if (line := tool_line(part, names))]
        text, role = _said(message), _role(message)
        if text and used and role != "assistant":
            made += _in_pieces("assistant", inert("\n\n".join(used)))
            used = []
        if text:
            made += _in_pieces(role, inert("\n\n".join([*used, text])))
            used = []
    made += _in_pieces("assistant", inert("\n\n".join([*used, then] if then else used)))
    if len(made) > MAX_BUBBLES:
        left_out = len(made) - MAX_BUBBLES + 1
        note = {"role": "system", "content": f"[{left_out:,} messages left out]"}
        made = [*made[:1], note, *made[left_out + 1 :]]
    return made


def _said(message: Message) -> str:
    lines = [line for part in message.parts if (line := _line(part))]
    return "\n\n".join(lines)


def _line(part: Part) -> str:
    match part:
        case Text(content):
            return content.strip()
        case Media(modality, _, uri):
            return f"[{modality}: {uri}]" if uri else f"[{modality}]"
        case _:
            return ""


def _role(message: Message) -> str:
    return _NOT_IN_ROLE.sub("", message.role).strip()[:MAX_ROLE].strip() or "other"


def _in_pieces(role: str, content: str) -> list[Bubble]:
    """Bubbles of one speaker, as many as the content needs; none if there is nothing to show."""
    if not content.strip():
        return []
    return [{"role": role, "content": piece} for piece in _pieces(content)]


def _pieces(content: str) -> list[str]:
    """Cut a long text, at the end of a line where there is one in the last tenth."""
    pieces = []
    while len(content) > MAX_CONTENT:
        end = content.rfind("\n", MAX_CONTENT - MAX_CONTENT // 10, MAX_CONTENT) + 1 or MAX_CONTENT
        pieces.append(content[:end])
        content = content[end:]
    return [piece for piece in (*pieces, content) if piece.strip()]
