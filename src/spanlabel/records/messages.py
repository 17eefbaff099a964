"""Clean and bound the conversation that stands before an answer."""

from __future__ import annotations

from collections.abc import Sequence

from spanlabel.model import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult

from .cleaning import Room, clean_text

MAX_MESSAGES = 500
"""Messages of one record. Argilla refuses a chat of more."""

MAX_CONVERSATION = 1_000_000
"""Characters of all messages of one record."""

MAX_PARTS = 100
"""Parts of one message."""

MAX_NAME = 200
"""Characters of a role, a name, an id."""

MAX_URI = 2_000
"""Characters of a reference to a file."""

_PART_COST = 30  # so that very many very short parts are bounded too


def clean_messages(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Clean each message, and leave out the middle of a conversation that is too long.

    The first message stays if it is the system's, and of the others the last ones; a system message stands for
    those left out and says how many they were.
    """
    head = [clean_message(message) for message in messages[:1] if message.role == "system"]
    tail = messages[len(head) :]
    places = MAX_MESSAGES - len(head)
    if len(tail) > places:
        places -= 1  # for the note
    room = MAX_CONVERSATION - sum(map(_size, head))
    kept: list[Message] = []
    for message in reversed(tail[-places:]):
        cleaned = clean_message(message)
        room -= _size(cleaned)
        if room < 0 and kept:  # the last message is the prompt: it stays whatever it weighs
            break
        kept.append(cleaned)
    left_out = len(tail) - len(kept)
    note = [Message("system", (Text(f"[{left_out:,} earlier messages left out]"),))] if left_out else []
    return (*head, *note, *reversed(kept))


def clean_message(message: Message) -> Message:
    """Clean one message; all its parts together keep to the cap of one text."""
    only = _only_text(message)
    if only is not None and clean_text(only) is only:
        return message
    room = Room()
    parts = [_clean_part(part, room) for part in message.parts[:MAX_PARTS]]
    if len(message.parts) > MAX_PARTS:
        parts.append(Text(f"[{len(message.parts) - MAX_PARTS:,} parts left out]"))
    return Message(
        role=clean_text(message.role, MAX_NAME),
        parts=tuple(parts),
        name=_clean_name(message.name),
        finish_reason=_clean_name(message.finish_reason),
    )


_ROLES = frozenset({"assistant", "system", "tool", "user"})


def _only_text(message: Message) -> str | None:
    """The text of a message of which it is all there is, as of most; None of another."""
    if message.role not in _ROLES or message.name is not None or message.finish_reason is not None:
        return None
    match message.parts:
        case (Text(content),):
            return content
        case _:
            return None


def _clean_part(part: Part, room: Room) -> Part:
    match part:
        case Text(content):
            return Text(room.text(content))
        case Reasoning(content):
            return Reasoning(room.text(content))
        case ToolCall(name, arguments, call_id):
            return ToolCall(clean_text(name, MAX_NAME), room.value(arguments), _clean_name(call_id))
        case ToolResult(response, call_id):
            return ToolResult(room.value(response), _clean_name(call_id))
        case Media(modality, mime_type, uri):
            return Media(
                clean_text(modality, MAX_NAME),
                _clean_name(mime_type),
                None if uri is None else clean_text(uri, MAX_URI),
            )


def _clean_name(name: str | None) -> str | None:
    return None if name is None else clean_text(name, MAX_NAME)


def _size(message: Message) -> int:
    """Characters of a message, about."""
    size = _PART_COST
    for part in message.parts:
        size += _PART_COST
        match part:
            case Text(content) | Reasoning(content):
                size += len(content)
            case ToolCall(_, value, _) | ToolResult(value, _):
                size += len(str(value))
            case Media():
                pass
    return size
