"""A record as JSON and back, without loss.

Parts of messages bear the names of OpenTelemetry's GenAI message schema::

    {"id", "trace_id", "time_ns", "prompt", "answer", "answers": [..],
     "messages": [{"role", "parts": [{"type": "text", "content"}, ..], "name"?, "finish_reason"?}, ..],
     "metadata": {..}, "documents": [{"content", "id"?, "score"?, "metadata"?}, ..],
     "suggestions": [{"name", "score"?, "label"?, "explanation"?, "source"?}, ..]}

A key with "?" is missing when its value is None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from spanlabel.model import (
    Document,
    Evaluation,
    Media,
    Message,
    MetadataValue,
    Part,
    Reasoning,
    Record,
    Text,
    ToolCall,
    ToolResult,
)

from .json_text import json_text, short_json_text


def to_json(record: Record) -> str:
    """Write a record as one line of JSON; equal records give equal text.

    Raises:
        ValueError: A number is not finite; `record_of` leaves none.
        TypeError: A nested value is of a type that JSON does not have; `record_of` leaves none.
    """
    body = ",".join([f'"{name}":{text}' for name, text in json_fields(record).items()])
    return f"{{{body}}}"


def json_fields(record: Record) -> dict[str, str]:
    """Write each field of a record as JSON, by name, sorted.

    Raises:
        ValueError, TypeError: As `to_json`.
    """
    return {
        "answer": json_text(record.answer),
        "answers": json_text(record.answers),
        "documents": json_text([_document_dict(document) for document in record.documents]),
        "id": json_text(record.id),
        "messages": f"[{','.join([_message_text(message) for message in record.messages])}]",
        "metadata": short_json_text(record.metadata),
        "prompt": json_text(record.prompt),
        "suggestions": short_json_text([_suggestion_dict(suggestion) for suggestion in record.suggestions]),
        "time_ns": json_text(record.time_ns),
        "trace_id": json_text(record.trace_id),
    }


def from_json(text: str) -> Record:
    """Read what `to_json` wrote.

    Raises:
        ValueError: It is not such text.
    """
    try:
        return from_dict(json.loads(text))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a record: {type(error).__name__}: {error}") from error


def content_hash(record: Record) -> str:
    """Name a record's content: 32 hex digits that change when anything in it changes."""
    return json_hash(to_json(record))


def json_hash(text: str) -> str:
    """Name the content of a record that is JSON already."""
    return sha256(text.encode()).hexdigest()[:32]


def to_dict(record: Record) -> dict[str, Any]:
    """Show a record in the types that JSON has."""
    return {
        "id": record.id,
        "trace_id": record.trace_id,
        "time_ns": record.time_ns,
        "prompt": record.prompt,
        "answer": record.answer,
        "answers": list(record.answers),
        "messages": [_message_dict(message) for message in record.messages],
        "metadata": {name: list(v) if isinstance(v, tuple) else v for name, v in record.metadata.items()},
        "documents": [_document_dict(document) for document in record.documents],
        "suggestions": [_suggestion_dict(suggestion) for suggestion in record.suggestions],
    }


def from_dict(values: Mapping[str, Any]) -> Record:
    """Read what `to_dict` made.

    Raises:
        KeyError, TypeError: A value is missing or of another type.
        ValueError: A part of a message is of an unknown type.
    """
    return Record(
        id=values["id"],
        trace_id=values["trace_id"],
        time_ns=values["time_ns"],
        prompt=values["prompt"],
        answer=values["answer"],
        answers=tuple(values["answers"]),
        messages=tuple(_message(message) for message in values["messages"]),
        metadata={name: _fact(value) for name, value in values["metadata"].items()},
        documents=tuple(Document(**document) for document in values["documents"]),
        suggestions=tuple(Evaluation(**suggestion) for suggestion in values["suggestions"]),
    )


def _known(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _fact(value: MetadataValue | list[str]) -> MetadataValue:
    return tuple(value) if isinstance(value, list) else value


def _document_dict(found: Document) -> dict[str, object]:
    return _known(content=found.content, id=found.id, score=found.score, metadata=found.metadata)


def _suggestion_dict(found: Evaluation) -> dict[str, object]:
    return _known(
        name=found.name, score=found.score, label=found.label, explanation=found.explanation, source=found.source
    )


def _message_text(message: Message) -> str:
    """What `json_text(_message_dict(message))` gives, without the detour for plain text."""
    parts = [
        f'{{"content":{json_text(part.content)},"type":"text"}}' if type(part) is Text else json_text(_part_dict(part))
        for part in message.parts
    ]
    finish_reason = "" if message.finish_reason is None else f'"finish_reason":{json_text(message.finish_reason)},'
    name = "" if message.name is None else f'"name":{json_text(message.name)},'
    return f'{{{finish_reason}{name}"parts":[{",".join(parts)}],"role":{json_text(message.role)}}}'


def _message_dict(message: Message) -> dict[str, object]:
    parts = [_part_dict(part) for part in message.parts]
    return _known(role=message.role, parts=parts, name=message.name, finish_reason=message.finish_reason)


def _part_dict(part: Part) -> dict[str, object]:
    match part:
        case Text(content):
            return {"type": "text", "content": content}
        case Reasoning(content):
            return {"type": "reasoning", "content": content}
        case ToolCall(name, arguments, call_id):
            return _known(type="tool_call", name=name, arguments=arguments, id=call_id)
        case ToolResult(response, call_id):
            return _known(type="tool_call_response", response=response, id=call_id)
        case Media(modality, mime_type, uri):
            return _known(type="media", modality=modality, mime_type=mime_type, uri=uri)


def _message(values: Mapping[str, Any]) -> Message:
    return Message(
        role=values["role"],
        parts=tuple(_part(part) for part in values["parts"]),
        name=values.get("name"),
        finish_reason=values.get("finish_reason"),
    )


_PARTS: Mapping[str, type[Part]] = {
    "text": Text,
    "reasoning": Reasoning,
    "tool_call": ToolCall,
    "tool_call_response": ToolResult,
    "media": Media,
}


def _part(values: Mapping[str, Any]) -> Part:
    rest = dict(values)
    kind = rest.pop("type")
    if kind not in _PARTS:
        raise ValueError(f"no part of a message is of type {kind!r}")
    return _PARTS[kind](**rest)
