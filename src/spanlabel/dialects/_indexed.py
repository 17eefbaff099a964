"""Messages flattened into indexed attribute keys: OpenInference's and OpenLLMetry's older spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from spanlabel.model import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult, Value

from ._codec import as_text, decoded
from ._dialect import Found, Reader, Source, settled
from ._messages import finish_of, parts_in, role_of

_INDEXED: Final = re.compile(r"(.+?)\.([0-9]{1,6})\.(.+)", re.DOTALL)
"""What stands before the first number in a key, the number, and the rest. A longer number is a mistake, no index."""
_MEMO_LIMIT: Final = 20_000
_MEMO_KEY: Final = 200
"""Longest key that is remembered, in characters."""

_Place = tuple[str, int, tuple[str, ...], str]
_places: dict[str, _Place | tuple[()]] = {}
"""Keys taken apart, () for one without an index: the same few hundred come with every span."""


def grouped(source: Source, prefix: str) -> list[dict[str, Any]]:
    """Group the attributes `PREFIX.N.rest` by N, in order of N; gaps are no end.

    The nested keys become nested dictionaries; a number among them stays a text key.
    """
    if source.indexed is None:  # all prefixes at once: a span is asked for two to four of them
        source.indexed = _all_grouped(source.attributes)
    groups = source.indexed.get(prefix)
    return [groups[number] for number in sorted(groups)] if groups else []


def _all_grouped(attributes: Mapping[str, Value]) -> dict[str, dict[int, dict[str, Any]]]:
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for key, value in attributes.items():
        try:
            place = _places[key]
        except KeyError:
            place = _place_of(key)
        if not place:
            continue
        prefix, number, names, last_name = place
        groups = found.setdefault(prefix, {})
        at = groups.get(number)
        if at is None:
            at = groups[number] = {}
        for name in names:
            inner = at.get(name)
            if not isinstance(inner, dict):
                inner = at[name] = {} if inner is None else {"": inner}
            at = inner
        last = at.get(last_name)
        if isinstance(last, dict):
            last[""] = value
        else:
            at[last_name] = value
    return found


def _place_of(key: str) -> _Place | tuple[()]:
    """Take a key apart: what is before the first number, the number, the names after it, the last of them."""
    match = _INDEXED.fullmatch(key)
    place: _Place | tuple[()] = ()
    if match is not None:
        *names, last = match[3].split(".")
        place = (match[1], int(match[2]), tuple(names), last)
    if len(key) <= _MEMO_KEY:
        if len(_places) >= _MEMO_LIMIT:
            _places.clear()
        _places[key] = place
    return place


def _numbered(value: object) -> list[dict[str, Any]]:
    """The dictionaries under number keys, in order."""
    if not isinstance(value, dict):
        return []
    numbers = sorted((int(k), v) for k, v in value.items() if k.isascii() and k.isdigit() and len(k) < 7)
    return [v for _, v in numbers if isinstance(v, dict)]


def openinference(prefix: str, role: str) -> Reader:
    """`PREFIX.N.message.{role,content,contents.M...,tool_calls.M...}`."""

    def read(source: Source) -> Found | None:
        out = []
        for group in grouped(source, prefix):
            body = group.get("message")
            if isinstance(body, dict):
                out.append(_openinference_message(body, role))
        return settled(out) if out else None

    return read


def _openinference_message(body: dict[str, Any], role: str) -> Message:
    said = role_of(_flat(body.get("role")), role)
    parts: list[Part] = []
    content = _text_at(body, "content")
    if content:
        parts.append(Text(content))
    for block in _numbered(body.get("contents")):
        inner = block.get("message_content", block)
        if isinstance(inner, dict):
            part = _openinference_block(inner)
            # content and contents may hold the same text
            if part is not None and not (isinstance(part, Text) and content and part.content in content):
                parts.append(part)
    call_id = _text_at(body, "tool_call_id")
    if said == "tool" or (call_id and said == "user"):
        shown = "".join(part.content for part in parts if isinstance(part, Text)) or None
        parts = [ToolResult(shown, call_id)]
    for call in _numbered(body.get("tool_calls")):
        parts.append(_openinference_call(call.get("tool_call", call)))
    name = _text_at(body, "function_call_name")
    if name:
        arguments = _flat(body.get("function_call_arguments_json"))
        parts.append(ToolCall(name, decoded(arguments)[0]))
    return Message(said, tuple(parts), _text_at(body, "name"))


def _openinference_call(call: object) -> ToolCall:
    if not isinstance(call, dict):
        return ToolCall("")
    function = call.get("function")
    if not isinstance(function, dict):
        function = {}
    arguments = _flat(function.get("arguments"))
    return ToolCall(_text_at(function, "name") or "", decoded(arguments)[0], _text_at(call, "id"))


def _openinference_block(block: dict[str, Any]) -> Part | None:
    kind = _text_at(block, "type") or "text"
    content = _text_at(block, "text")
    if kind in ("reasoning", "thinking"):
        return Reasoning(content or "")
    if content:
        return Text(content)
    for modality in ("image", "audio", "video", "document"):
        holder = block.get(modality)
        if isinstance(holder, dict):
            inner = holder.get(modality, holder)
            url = _text_at(inner, "url") if isinstance(inner, dict) else None
            return Media(modality, None, None if url is None or url.startswith("data:") else url)
    if kind in ("tool_use", "tool_call"):
        return ToolCall(_text_at(block, "name") or "", None, _text_at(block, "id"))
    return None


def openllmetry(prefix: str, role: str) -> Reader:
    """`PREFIX.N.{role,content,finish_reason,tool_call_id,tool_calls.M.{id,name,arguments}}`."""

    def read(source: Source) -> Found | None:
        groups = grouped(source, prefix)
        return settled([_openllmetry_message(group, role) for group in groups]) if groups else None

    return read


def _openllmetry_message(body: dict[str, Any], role: str) -> Message:
    said = role_of(_flat(body.get("role")), role)
    content = _flat(body.get("content"))
    if isinstance(content, str) and content[:2] == "[{":  # a list of blocks, as JSON text
        opened = decoded(content)[0]
        parts = list(parts_in(opened))
        if not parts:
            parts = [Text(content)]
    else:
        parts = list(parts_in(content))
    call_id = _text_at(body, "tool_call_id")
    if said == "tool":
        shown = "".join(part.content for part in parts if isinstance(part, Text)) or None
        parts = [ToolResult(shown, call_id)]
    calls = _numbered(body.get("tool_calls"))
    if isinstance(body.get("function_call"), dict):
        calls.append(body["function_call"])
    for call in calls:
        arguments = _flat(call.get("arguments"))
        parts.append(ToolCall(_text_at(call, "name") or "", decoded(arguments)[0], _text_at(call, "id")))
    return Message(said, tuple(parts), None, finish_of(_flat(body.get("finish_reason"))))


def _text_at(holder: Mapping[str, Any], key: str) -> str | None:
    """A value as plain text; None if it is missing, empty or no scalar."""
    value = holder.get(key)
    if value is None:  # of the eight keys of a message two are there
        return None
    return as_text(_flat(value))


def _flat(value: object) -> Value:
    """A value that a longer key had turned into a dictionary, or the value itself."""
    if isinstance(value, dict):
        inner = value.get("")
        return inner if isinstance(inner, str | int | float | bool) else None
    return value  # type: ignore[return-value] # attribute values are what the tree holds beside dictionaries
