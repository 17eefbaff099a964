"""The one message decoder: it looks at the value, never at the key, the scope or the schema.

The shapes it takes are those of dialects.md section 3: parts of the GenAI conventions, OpenAI, Anthropic blocks,
Bedrock blocks, Gemini, the AI SDK, LangChain in four forms, Responses API items, Semantic Kernel, Haystack, events,
lists of JSON texts, and bare text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from spanlabel.model import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult, Value

from ._codec import LISTS, MAX_DEPTH, as_text, decoded, is_list

ROLES: Final = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "developer": "system",
    "function": "tool",
    "tool-call": "assistant",
    "tool-response": "tool",
    "HumanMessage": "user",
    "HumanMessageChunk": "user",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "SystemMessage": "system",
    "SystemMessageChunk": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "tool",
}
_NORMAL: Final = ROLES | {role: role for role in ("user", "assistant", "system", "tool")}
_SPEAKERS: Final = frozenset(_NORMAL)

FINISHES: Final = {
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "tool-calls": "tool_call",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "max_tokens": "length",
    "content_filtered": "content_filter",
    "content-filter": "content_filter",
    "safety": "content_filter",
}

_TEXT: Final = frozenset({"text", "output_text", "input_text", "refusal"})
_REASONING: Final = frozenset(
    {"reasoning", "thinking", "redacted_thinking", "text_reasoning", "reasoning_content", "summary_text"}
)
_CALL: Final = frozenset(
    {
        "tool_call",
        "tool_use",
        "tool-call",
        "function_call",
        "functioncall",
        "tooluse",
        "server_tool_call",
        "function",
    }
)
_RESULT: Final = frozenset(
    {
        "tool_call_response",
        "tool_result",
        "tool-result",
        "tool_call_result",
        "function_call_output",
        "function_result",
        "functionresponse",
        "toolresult",
        "server_tool_call_response",
    }
)
_MEDIA: Final = {
    "uri": "file",
    "blob": "file",
    "file": "file",
    "binary": "file",
    "media": "file",
    "input_file": "file",
    "image": "image",
    "image_url": "image",
    "image-url": "image",
    "input_image": "image",
    "audio": "audio",
    "audio-url": "audio",
    "input_audio": "audio",
    "video": "video",
    "video-url": "video",
    "document": "document",
    "document-url": "document",
    "inline_data": "file",
    "inlinedata": "file",
    "inlineData": "file",
    "fileData": "file",
}
_HOLDERS: Final = ("messages", "contents", "candidates", "choices", "generations", "output")
"""Keys under which a request, a response or a state holds its messages, best first."""
_SIGNS: Final = frozenset(
    {
        *_HOLDERS,
        *("role", "_role", "type", "lc", "event.name", "message", "content", "parts"),
        *("message.role", "message.content"),
    }
)
"""A dictionary without any of these keys holds no message; three of ten that are asked have none (0.1 µs for 2 µs)."""


_TALKING: Final = {word: role for word, role in _NORMAL.items() if role in ("user", "assistant", "system")}


def role_of(value: Value, otherwise: str = "user") -> str:
    """The role in normal form."""
    if not isinstance(value, str) or not value:
        return otherwise
    return ROLES.get(value, value)


def finish_of(value: Value) -> str | None:
    """The finish reason in normal form; None if there is none."""
    if not isinstance(value, str) or not value:
        return None
    word = value.lower().removeprefix("finishreason.")  # Semantic Kernel writes the enum's name
    return FINISHES.get(word, word)


def messages_in(value: Value, role: str, *, bare_text: bool = True) -> tuple[Message, ...] | None:
    """Decode messages of any known shape.

    Args:
        value: As sent; JSON text is decoded.
        role: Role of a message that does not say its own, and of bare text.
        bare_text: Whether a text that is no JSON is one message.

    Returns:
        The messages; None if *value* does not look like messages. Messages without any part stay:
        that a message was there is known even when its content was not captured.
    """
    return _many(decoded(value)[0], role, bare_text=bare_text, depth=0)


def _many(value: Value, role: str, *, bare_text: bool, depth: int) -> tuple[Message, ...] | None:
    if value is None or depth > MAX_DEPTH:
        return None
    if isinstance(value, str):
        return (Message(role, (Text(value),)),) if bare_text and value else None
    if isinstance(value, dict):
        return _of_dict(value, role, bare_text=bare_text, depth=depth)
    if not isinstance(value, LISTS):
        return None
    out: list[Message] = []
    for given in value:
        item = given if type(given) is dict else decoded(given)[0]
        if isinstance(item, dict):
            plain = _plain(item)
            if plain is not None:
                out.append(plain)
                continue
            found = _of_dict(item, role, bare_text=bare_text, depth=depth + 1)
        else:
            found = _many(item, role, bare_text=bare_text, depth=depth + 1)
        if found is not None:
            out.extend(found)
        elif not out and isinstance(item, _SPEAKING):
            return None
    return tuple(out) if out else None


_SPEAKING: Final = (dict, str)


def _plain(value: Mapping[str, Value]) -> Message | None:
    """A message with a role and text alone, which most are, as `_one` reads it in four times the time.

    These are `{"role", "content"}` and the conventions' `{"role", "parts"}`, also with a finish reason.
    """
    said = value.get("role")
    role = _TALKING.get(said) if type(said) is str else None
    if role is None:
        return None
    finish = value.get("finish_reason")
    if len(value) != (2 if finish is None else 3):
        return None
    content = value.get("content")
    if type(content) is str and content:
        return Message(role, (Text(content),), None, finish_of(finish))
    texts = plain_texts(value.get("parts"))
    return Message(role, tuple([Text(text) for text in texts]), None, finish_of(finish)) if texts else None


def plain_texts(parts: Value) -> list[str]:
    """The texts of the conventions' parts, if they are parts of text and nothing else; else none."""
    if type(parts) is not list:
        return []
    texts: list[str] = []
    for part in parts:
        if type(part) is not dict or len(part) != 2 or part.get("type") != "text":
            return []
        text = part.get("content")
        if type(text) is not str or not text:
            return []
        texts.append(text)
    return texts


def _of_dict(value: Mapping[str, Value], role: str, *, bare_text: bool, depth: int) -> tuple[Message, ...] | None:
    if _SIGNS.isdisjoint(value):
        return None
    one = _one(value, role)
    if one is not None:
        return (one,)
    if depth > MAX_DEPTH:
        return None
    for key in _HOLDERS:
        if key in value:
            found = _many(decoded(value[key])[0], role, bare_text=bare_text, depth=depth + 1)
            if found:
                return found
    return None


def _one(value: Mapping[str, Value], role: str, depth: int = 0) -> Message | None:
    """One message, or None if *value* is no message."""
    said = value.get("role")
    kind = value.get("type")
    if kind is None and type(said) is str and "lc" not in value:  # four of five messages
        return _spoken(value, _NORMAL.get(said) or _role_said(said, role))
    if said is None:
        said = value.get("_role")
    if kind == "constructor" or "lc" in value:
        return _langchain(value, role)
    data = value.get("data")
    if data is not None and isinstance(kind, str) and kind in _SPEAKERS and isinstance(data, dict):
        return _spoken(data, role_of(kind))
    if said is not None or "role" in value:
        return _spoken(value, _role_said(said, role))
    if isinstance(kind, str):
        found = _of_type(kind, value, role)
        if found is not None:
            return found
    return _wrapped(value, role, depth) if depth < MAX_DEPTH else None


def _role_said(said: Value, otherwise: str) -> str:
    role = role_of(said, otherwise)
    if role.startswith("MessageRole."):  # LlamaIndex writes the enum's name
        return role_of(role.removeprefix("MessageRole.").lower())
    return role


def _of_type(kind: str, value: Mapping[str, Value], role: str) -> Message | None:
    """A message that says by its type what it is: LangChain's flat form, an item of the Responses API."""
    if kind in _SPEAKERS and "content" in value:
        return _spoken(value, role_of(kind))
    if kind == "message":
        return _spoken(value, role)
    lowered = kind.lower()
    if lowered in _CALL or lowered == "reasoning":
        return Message("assistant", parts_in((value,)))
    if lowered in _RESULT:
        return Message("tool", parts_in((value,)))
    return None


def _wrapped(value: Mapping[str, Value], role: str, depth: int) -> Message | None:
    """A message inside an event, a choice or a candidate."""
    name = value.get("event.name")
    if isinstance(name, str) and name.startswith("gen_ai."):
        return event_message(name, value)
    inner = value.get("message")
    if isinstance(inner, dict):
        found = _one(inner, "assistant", depth + 1)
        if found is not None:
            return _with_finish(found, value.get("finish_reason", value.get("finishReason")))
    inner = value.get("content")
    if isinstance(inner, dict) and ("parts" in inner or "role" in inner):  # Gemini's candidate
        return _with_finish(_spoken(inner, role_of(inner.get("role"), role)), value.get("finishReason"))
    if "message.role" in value or "message.content" in value:  # OpenInference, half flattened
        return _spoken({"content": value.get("message.content")}, role_of(value.get("message.role"), role))
    if "parts" in value and is_list(value["parts"]):
        return _spoken(value, role)
    return None


def _langchain(value: Mapping[str, Value], role: str) -> Message | None:
    kwargs = value.get("kwargs")
    path = value.get("id")
    name = path[-1] if isinstance(path, LISTS) and path else None
    if not isinstance(kwargs, dict) or not isinstance(name, str):
        return None
    if name not in ROLES:
        if not name.endswith(("Message", "MessageChunk")):
            return None
        return _spoken(kwargs, role_of(kwargs.get("type"), role))
    return _spoken(kwargs, ROLES[name])


_CONTENT: Final = ("parts", "content", "contents", "items", "_content", "text", "blocks")


def _spoken(value: Mapping[str, Value], role: str) -> Message:
    """A message whose role is known, from whatever holds its content."""
    parts: tuple[Part, ...] = ()
    sent: Value = None
    for key in _CONTENT:
        content = value.get(key)
        if content is not None:
            if role == "tool":
                sent = content = decoded(content)[0]
            parts = parts_in(content)
            if parts:
                break
    if role == "tool" and not any(isinstance(part, ToolResult) for part in parts):
        shown: Value = "".join([part.content for part in parts if isinstance(part, Text)]) or sent or None
        parts = (ToolResult(shown, as_text(value.get("tool_call_id", value.get("toolCallId")))),)
    if not _BESIDE.isdisjoint(value):
        thought = value.get("reasoning_content", value.get("reasoning"))
        if isinstance(thought, str) and thought:
            parts = (Reasoning(thought), *parts)
        calls = _calls(value)
        if calls and not any(isinstance(part, ToolCall) for part in parts):
            parts = (*parts, *calls)
        finish = finish_of(value.get("finish_reason", value.get("finishReason")))
        return Message(role, parts, as_text(value.get("name")), finish)
    return Message(role, parts)


_BESIDE: Final = frozenset(
    {
        *("tool_calls", "toolCalls", "additional_kwargs", "function_call"),
        *("reasoning_content", "reasoning", "finish_reason", "finishReason", "name"),
    }
)
"""What may stand beside the content."""


def _calls(value: Mapping[str, Value]) -> tuple[ToolCall, ...]:
    """Tool calls that stand beside the content."""
    calls = value.get("tool_calls", value.get("toolCalls"))
    if isinstance(calls, str):
        calls = decoded(calls)[0]
    if not calls:
        extra = value.get("additional_kwargs")
        calls = extra.get("tool_calls") if isinstance(extra, dict) else None
    single = value.get("function_call")
    if not calls and not single:  # LangChain writes all of these keys into every message
        return ()
    if isinstance(calls, dict):  # an object keyed by index, or the empty object that means none
        calls = tuple(calls.values())
    found = [tool_call(call) for call in calls if isinstance(call, dict)] if isinstance(calls, LISTS) else []
    if isinstance(single, dict) and single.get("name"):
        found.append(tool_call(single))
    return tuple(found)


def tool_call(value: Mapping[str, Value]) -> ToolCall:
    """A tool call in any of its spellings."""
    for key in (
        "tool_call",
        "functionCall",
        "function_call",
        "toolUse",
        "toolRequest",
        "function",
        "server_tool_call",
    ):
        inner = value.get(key)
        if isinstance(inner, dict):
            value = {**value, **inner}
            break
    name = as_text(_first(value, "name", "toolName", "tool_name")) or ""
    arguments = _first(value, "arguments", "args", "input", "parameters")
    call_id = as_text(_first(value, "id", "toolCallId", "tool_call_id", "call_id", "toolUseId", "ref"))
    if "call_id" in value:  # Responses items carry the item's own id beside the call's
        call_id = as_text(value["call_id"]) or call_id
    return ToolCall(name, decoded(arguments)[0], call_id)


def _result(value: Mapping[str, Value]) -> ToolResult:
    for key in (
        "tool_call_result",
        "functionResponse",
        "toolResult",
        "toolResponse",
        "server_tool_call_response",
    ):
        inner = value.get(key)
        if isinstance(inner, dict):
            value = {**value, **inner}
            break
    response = _first(value, "response", "result", "output", "content", "value")
    origin = value.get("origin")
    call_id = _first(value, "id", "tool_call_id", "toolCallId", "call_id", "toolUseId", "tool_use_id", "ref")
    if call_id is None and isinstance(origin, dict):  # Haystack
        call_id = origin.get("id")
    if "call_id" in value:
        call_id = value["call_id"]
    if isinstance(response, dict) and set(response) <= {"type", "value"} and "value" in response:  # AI SDK
        response = response["value"]
    return ToolResult(decoded(response)[0], as_text(call_id))


def _first(value: Mapping[str, Value], *keys: str) -> Value:
    for key in keys:
        found = value.get(key)
        if found is not None:
            return found
    return None


def parts_in(value: Value, depth: int = 0) -> tuple[Part, ...]:
    """The parts of one message's content: text, a list of blocks, or one block."""
    if isinstance(value, str):
        return (Text(value),) if value else ()
    if value is None or depth > MAX_DEPTH:
        return ()
    if isinstance(value, dict):
        return _part(value, depth) or ()
    if isinstance(value, LISTS):
        if len(value) == 1:
            return parts_in(value[0], depth + 1)
        out: list[Part] = []
        for item in value:
            out.extend(parts_in(item, depth + 1))
        return tuple(out)
    text = as_text(value)
    return (Text(text),) if text else ()


def _part(block: Mapping[str, Value], depth: int) -> tuple[Part, ...] | None:
    kind = block.get("type")
    if kind == "text":  # by far the most frequent
        text = block.get("content") or block.get("text")
        if isinstance(text, str):
            return (Text(text),)
    elif kind is None:
        kind = block.get("part_kind", block.get("content_type", block.get("$type")))
    if isinstance(kind, str):
        return _typed(kind.lower(), block, depth)
    text = block.get("text")
    if isinstance(text, str):
        thought = block.get("thought") is True
        return ((Reasoning(text) if thought else Text(text)),) if text else ()
    for key in ("functionCall", "function_call", "toolUse", "toolRequest", "tool_call"):
        if isinstance(block.get(key), dict):
            return (tool_call(block),)
    for key in ("functionResponse", "function_response", "toolResult", "toolResponse", "tool_call_result"):
        if isinstance(block.get(key), dict):
            if key == "function_response":
                block = {"functionResponse": block[key]}
            return (_result(block),)
    reasoning = block.get("reasoning", block.get("reasoningContent"))
    if reasoning is not None:
        shown = as_text(reasoning) or ""
        return (Reasoning(shown),)
    for key in ("inlineData", "inline_data", "fileData", "media", "image", "audio", "video", "document"):
        if key in block:
            return (_media(_MEDIA.get(key, "file"), block),)
    return None


def _typed(kind: str, block: Mapping[str, Value], depth: int) -> tuple[Part, ...] | None:
    if kind in _TEXT or kind.endswith("textcontent"):
        text = _first(block, "content", "text", "value", "refusal")
        if isinstance(text, dict):  # OpenAI assistants: {"value": ...}
            text = text.get("value")
        return (Text(text),) if isinstance(text, str) and text else ()
    if kind in _REASONING:
        shown = _first(block, "content", "text", "thinking", "reasoning", "summary")
        if is_list(shown):
            shown = "".join(p.content for p in parts_in(shown, depth + 1) if isinstance(p, Text | Reasoning))
        return (Reasoning(as_text(shown) or ""),)
    if kind in _CALL or kind.endswith("functioncallcontent"):
        return (tool_call(block),)
    if kind in _RESULT or kind.endswith("functionresultcontent"):
        return (_result(block),)
    if kind in _MEDIA:
        return (_media(_MEDIA[kind], block),)
    return None


def _media(modality: str, block: Mapping[str, Value]) -> Media:
    said = as_text(block.get("modality"))
    mime = as_text(_first(block, "mime_type", "mimeType", "media_type", "mediaType"))
    uri: Value = _first(block, "uri", "url", "image_url", "file_id", "image", "file_uri")
    for key in ("source", "inlineData", "inline_data", "fileData", "media", "image_url", "image"):
        inner = block.get(key)
        if isinstance(inner, dict):
            mime = mime or as_text(_first(inner, "mime_type", "mimeType", "media_type", "contentType"))
            uri = _first(inner, "url", "uri", "fileUri")
    text = as_text(uri)
    if text is not None and text.startswith("data:"):
        mime = mime or text[5:].split(";", 1)[0].split(",", 1)[0] or None
        text = None
    if modality == "file" and mime and mime.split("/", 1)[0] in ("image", "audio", "video"):
        modality = mime.split("/", 1)[0]
    return Media(said or modality, mime, text)


def event_message(name: str, body: Mapping[str, Value]) -> Message | None:
    """One message out of one event (`gen_ai.user.message`, `gen_ai.choice`), whose name tells the role."""
    said = name.removeprefix("gen_ai.").removesuffix(".message")
    role = "assistant" if said == "choice" else said
    inner: Value = decoded(body.get("gen_ai.event.content"))[0]
    if isinstance(inner, dict):
        body = {**body, **inner}
    message: Value = body.get("message")
    if isinstance(message, str):
        message = decoded(message)[0]
        if not isinstance(message, dict):
            message = {"content": message}
    if isinstance(message, dict):
        body = {**body, **message}
    elif is_list(message):
        body = {**body, "content": message}
    content = body.get("content")
    if isinstance(content, str) and content[:1] in ("[", "{"):
        opened = decoded(content)[0]
        if _looks_like_blocks(opened):
            body = {**body, "content": opened}
    if said == "tool" and "tool_call_id" not in body:
        body = {**body, "tool_call_id": body.get("id")}
    own = body.get("role")
    return _with_finish(_spoken(body, role_of(own, role)), body.get("finish_reason"))


def _looks_like_blocks(value: Value) -> bool:
    """Whether decoded text is a list of content blocks, and not JSON that the user or the model wrote."""
    if isinstance(value, dict):
        value = (value,)
    if not isinstance(value, LISTS) or not value:
        return False
    return all(isinstance(item, dict) and _part(item, 0) is not None for item in value)


def _with_finish(message: Message, finish: Value) -> Message:
    word = finish_of(finish)
    if word is None or message.finish_reason is not None:
        return message
    return Message(message.role, message.parts, message.name, word)
