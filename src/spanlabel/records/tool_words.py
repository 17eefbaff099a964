"""What a reviewer reads of tool traffic: one line that says what was used, one that says what it found. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from spanlabel.model import Message, Part, ToolCall, ToolResult, Value

MAX_BRIEF = 300
"""Characters that are shown of what a tool was asked or found."""

_MAX_JSON = 100_000  # a longer text is not read to see whether it is JSON
_MAX_DEPTH = 2
_MAX_ITEMS = 20


def tool_names(messages: Iterable[Message]) -> dict[str, str]:
    """Names of the tools by the ids of their calls, as far as both are known."""
    return {call.id: call.name for message in messages for call in message.tool_calls if call.id}


def tool_line(part: Part, names: Mapping[str, str]) -> str:
    """A line about a tool's call or result; "" for everything else, and for a result that is empty.

    Args:
        part: Of a message.
        names: As `tool_names` gives them.
    """
    match part:
        case ToolCall(name, arguments):
            asked = _brief(arguments)
            return f"🔧 used {name or 'a tool'}" + (f" ({asked})" if asked else "")
        case ToolResult(response, call_id):
            found = _brief(response)
            return f"🔧 {names.get(call_id or '') or 'a tool'} found: {found}" if found else ""
        case _:
            return ""


def _brief(value: Value, depth: int = 0) -> str:
    """A value in one line that a person reads; "" if there is none."""
    if isinstance(value, str) and depth == 0:
        value = _parsed(value)
    if isinstance(value, Mapping):
        pairs = [
            f"{key}: {text}" for key, one in value.items() if depth < _MAX_DEPTH and (text := _brief(one, depth + 1))
        ]
        text = ", ".join(pairs)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        text = "; ".join(text for one in value[:_MAX_ITEMS] if depth < _MAX_DEPTH and (text := _brief(one, depth + 1)))
    elif value is None or isinstance(value, bytes):
        text = ""
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= MAX_BRIEF else text[: MAX_BRIEF - 1] + "…"


def _parsed(text: str) -> Value:
    """Tools take and give JSON as text; a reviewer need not read its braces."""
    if not text.lstrip().startswith(("{", "[")) or len(text) > _MAX_JSON:
        return text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict | list) and found else text
