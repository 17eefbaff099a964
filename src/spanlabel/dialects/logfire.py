"""The Logfire SDK's spans of model calls: `events`, or the request and the response as they were sent."""

from __future__ import annotations

from spanlabel.model import Kind, Message, Text, Value

from ._codec import as_text, decoded
from ._dialect import Dialect, Found, Reader, Source, messages, settled, text
from ._messages import messages_in


def _kind(source: Source) -> Kind | None:
    request = decoded(source.attributes.get("request_data"))[0]
    if not isinstance(request, dict):
        return None
    if "messages" in request or "prompt" in request:
        return Kind.LLM
    if "input" in request:
        return Kind.EMBEDDING if "embed" in (as_text(request.get("model")) or "") else Kind.LLM
    return None


def _said(source: Source) -> tuple[list[dict[str, Value]], list[dict[str, Value]], bool] | None:
    """The attribute `events`: what went in, what came out, and whether it had been cut.

    What came out are the choices; where none is marked as such, the assistant's messages at the end.
    """
    value, cut = decoded(source.attributes.get("events"))
    if not isinstance(value, list | tuple):
        return None
    events: list[dict[str, Value]] = [e for e in value if isinstance(e, dict)]
    came = [e for e in events if not _is_choice(e)]
    went = [e for e in events if _is_choice(e)]
    while not went and came and came[-1].get("role") == "assistant":
        went.insert(0, came.pop())
        if not (came and came[-1].get("role") == "assistant"):
            break
    return came, went, cut


def _is_choice(event: dict[str, Value]) -> bool:
    return event.get("event.name") == "gen_ai.choice" or ("message" in event and "role" not in event)


def _events_in(source: Source) -> Found | None:
    said = _said(source)
    found = messages_in(said[0], "user", bare_text=False) if said else None
    return settled(found, is_cut=said[2]) if said and found else None


def _events_out(source: Source) -> Found | None:
    said = _said(source)
    found = messages_in(said[1], "assistant", bare_text=False) if said else None
    return settled(found, is_cut=said[2]) if said and found else None


def _beside(key: str, role: str) -> Reader:
    """Messages of the OpenAI Agents SDK, which stand beside the request."""
    read = messages(key, role)

    def read_beside(source: Source) -> Found | None:
        return read(source) if "request_data" in source.attributes else None

    return read_beside


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
    keys=("request_data", "response_data", "events"),
    kind=_kind,
    inputs=(_events_in, _beside("input", "user"), _request, text("prompt", "user")),
    outputs=(_events_out, _beside("output", "assistant"), _response),
)
