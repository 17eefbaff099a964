"""The Logfire SDK's OpenAI and Anthropic spans, format 1: the request and the response as they were sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spanlabel.model import Kind, Message, Text, Value

from ._codec import as_text, decoded, is_list
from ._dialect import Dialect, Found, Reader, Source, settled, text
from ._messages import messages_in


def _kind(source: Source) -> Kind | None:
    request = decoded(source.attributes.get("request_data"))[0]
    if not isinstance(request, dict):
        return None
    if "messages" in request or "prompt" in request:
        return Kind.LLM
    if "input" in request:
        return Kind.EMBEDDING if "embed" in str(request.get("model", "")) else Kind.LLM
    return None


def _events(is_wanted: Callable[[Value], bool]) -> Reader:
    def read(source: Source) -> Found | None:
        value, cut = decoded(source.attributes.get("events"))
        if not is_list(value) or not isinstance(value, Sequence):
            return None
        chosen = [e for e in value if isinstance(e, dict) and is_wanted(e.get("event.name"))]
        found = messages_in(chosen, "user", bare_text=False) if chosen else None
        return None if found is None else settled(found, is_cut=cut)

    return read


def _request(source: Source) -> Found | None:
    value, cut = decoded(source.attributes.get("request_data"))
    if not isinstance(value, dict):
        return None
    out: list[Message] = []
    system = as_text(value.get("instructions", value.get("system")))
    if system:
        out.append(Message("system", (Text(system),)))
    out.extend(messages_in(value.get("messages", value.get("input", value.get("prompt"))), "user") or ())
    return settled(out, is_cut=cut)


def _response(source: Source) -> Found | None:
    value, cut = decoded(source.attributes.get("response_data"))
    if not isinstance(value, dict):
        return None
    message = value.get("message")
    if isinstance(message, dict):
        found = messages_in(({"role": "assistant", **message},), "assistant")
        return None if found is None else settled(found, is_cut=cut)
    shown = as_text(value.get("combined_chunk_content")) or as_text(value.get("text"))
    return settled((Message("assistant", (Text(shown),)),), is_cut=cut) if shown else None


LOGFIRE = Dialect(
    name="logfire",
    source="logfire 5.2.0 instrument_openai, version 1",
    keys=("request_data", "response_data"),
    kind=_kind,
    inputs=(_events(lambda name: name != "gen_ai.choice"), _request, text("prompt", "user")),
    outputs=(_events(lambda name: name == "gen_ai.choice"), _response),
)
