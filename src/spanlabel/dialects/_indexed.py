"""Messages flattened into indexed attribute keys: OpenInference's and OpenLLMetry's older spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from spanlabel.model import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult, Value

from ._codec import as_text, decoded
from ._dialect import Found, Reader, Source, settled
from ._messages import finish_of, parts_in, role_of

_MAX_INDEX: Final = 100_000
"""A larger index is somebody's mistake, not a message."""


def grouped(attributes: Mapping[str, Value], prefix: str) -> list[dict[str, Any]]:
    """Group `PREFIX.N.rest` by N, in order of N; gaps are no end.

    The nested keys become nested dictionaries; a number among them stays a text key.
    """
    start = prefix + "."
    groups: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if not key.startswith(start):
            continue
        number, _, rest = key[len(start) :].partition(".")
        if not rest or not number.isascii() or not number.isdigit() or len(number) > len(str(_MAX_INDEX)):
            continue
        at = groups.setdefault(int(number), {})
        names = rest.split(".")
        for name in names[:-1]:
            inner = at.get(name)
            if not isinstance(inner, dict):
                inner = at[name] = {} if inner is None else {"": inner}
            at = inner
        last = at.get(names[-1])
        if isinstance(last, dict):
            last[""] = value
        else:
            at[names[-1]] = value
    return [groups[number] for number in sorted(groups)]


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
        for group in grouped(source.attributes, prefix):
            body = group.get("message")
            if isinstance(body, dict):
                out.append(_openinference_message(body, role))
        return settled(out)

    return read


def _openinference_message(body: dict[str, Any], role: str) -> Message:
    said = role_of(_flat(body.get("role")), role)
    parts: list[Part] = []
    content = as_text(_flat(body.get("content")))
    if content:
        parts.append(Text(content))
    for block in _numbered(body.get("contents")):
        inner = block.get("message_content", block)
        if isinstance(inner, dict):
            part = _openinference_block(inner)
            # content and contents may hold the same text
            if part is not None and not (isinstance(part, Text) and content and part.content in content):
                parts.append(part)
    call_id = as_text(_flat(body.get("tool_call_id")))
    if said == "tool" or (call_id and said == "user"):
        shown = "".join(part.content for part in parts if isinstance(part, Text)) or None
        parts = [ToolResult(shown, call_id)]
    for call in _numbered(body.get("tool_calls")):
        parts.append(_openinference_call(call.get("tool_call", call)))
    name = as_text(_flat(body.get("function_call_name")))
    if name:
        arguments = _flat(body.get("function_call_arguments_json"))
        parts.append(ToolCall(name, decoded(arguments)[0]))
    return Message(said, tuple(parts), as_text(_flat(body.get("name"))))


def _openinference_call(call: object) -> ToolCall:
    if not isinstance(call, dict):
        return ToolCall("")
    function = call.get("function")
    if not isinstance(function, dict):
        function = {}
    arguments = _flat(function.get("arguments"))
    return ToolCall(as_text(_flat(function.get("name"))) or "", decoded(arguments)[0], as_text(_flat(call.get("id"))))


def _openinference_block(block: dict[str, Any]) -> Part | None:
    kind = as_text(_flat(block.get("type"))) or "text"
    content = as_text(_flat(block.get("text")))
    if kind in ("reasoning", "thinking"):
        return Reasoning(content or "")
    if content:
        return Text(content)
    for modality in ("image", "audio", "video", "document"):
        holder = block.get(modality)
        if isinstance(holder, dict):
            inner = holder.get(modality, holder)
            url = as_text(_flat(inner.get("url"))) if isinstance(inner, dict) else None
            return Media(modality, None, None if url is None or url.startswith("data:") else url)
    if kind in ("tool_use", "tool_call"):
        return ToolCall(as_text(_flat(block.get("name"))) or "", None, as_text(_flat(block.get("id"))))
    return None


def openllmetry(prefix: str, role: str) -> Reader:
    """`PREFIX.N.{role,content,finish_reason,tool_call_id,tool_calls.M.{id,name,arguments}}`."""

    def read(source: Source) -> Found | None:
        return settled(_openllmetry_message(group, role) for group in grouped(source.attributes, prefix))

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
    call_id = as_text(_flat(body.get("tool_call_id")))
    if said == "tool":
        shown = "".join(part.content for part in parts if isinstance(part, Text)) or None
        parts = [ToolResult(shown, call_id)]
    calls = _numbered(body.get("tool_calls"))
    if isinstance(body.get("function_call"), dict):
        calls.append(body["function_call"])
    for call in calls:
        arguments = _flat(call.get("arguments"))
        parts.append(
            ToolCall(as_text(_flat(call.get("name"))) or "", decoded(arguments)[0], as_text(_flat(call.get("id"))))
        )
    return Message(said, tuple(parts), None, finish_of(_flat(body.get("finish_reason"))))


def _flat(value: object) -> Value:
    """A value that a longer key had turned into a dictionary, or the value itself."""
    if isinstance(value, dict):
        inner = value.get("")
        return inner if isinstance(inner, str | int | float | bool) else None
    return value  # type: ignore[return-value] # attribute values are what the tree holds beside dictionaries
