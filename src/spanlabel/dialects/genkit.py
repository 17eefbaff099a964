"""Genkit: `genkit:input` and `genkit:output` on every action."""

from __future__ import annotations

from collections.abc import Mapping

from spanlabel.model import Kind, Message, Text, Value

from ._codec import as_json, decoded
from ._dialect import Dialect, Found, Source, io, io_of, kind_by, settled
from ._messages import messages_in

_KINDS = {
    "model": Kind.LLM,
    "background-model": Kind.LLM,
    "flow": Kind.WORKFLOW,
    "agent": Kind.AGENT,
    "tool": Kind.TOOL,
    "tool.v2": Kind.TOOL,
    "retriever": Kind.RETRIEVER,
    "embedder": Kind.EMBEDDING,
    "reranker": Kind.RERANK,
    "evaluator": Kind.EVALUATOR,
    "prompt": Kind.PROMPT,
    "executable-prompt": Kind.PROMPT,
    "util": Kind.CHAIN,
}
_by_subtype = kind_by("genkit:metadata:subtype", _KINDS)


def _kind(source: Source) -> Kind | None:
    return _by_subtype(source) or Kind.CHAIN


def _reply(source: Source) -> Found | None:
    value, cut = decoded(source.attributes.get("genkit:output"))
    if not isinstance(value, dict):
        return None
    message = value.get("message")
    found = messages_in(message if isinstance(message, dict) else value.get("candidates"), "assistant", bare_text=False)
    if found is None:
        return None
    if isinstance(message, dict) and not any(m.text or m.tool_calls for m in found):
        found = _structured(message) or found
    return settled(found, is_cut=cut)


def _structured(message: Mapping[str, Value]) -> tuple[Message, ...] | None:
    """A reply that was asked for as an object: a part `{"data": ...}` instead of a text."""
    parts = message.get("content")
    held = [p["data"] for p in parts if isinstance(p, dict) and p.get("data")] if isinstance(parts, list) else []
    text = as_json(held[0]) if held else None
    return (Message("assistant", (Text(text),)),) if text else None


def _result(source: Source) -> Found | None:
    return io_of(source.attributes.get("genkit:output"), is_input=False)


GENKIT = Dialect(
    name="genkit",
    source="genkit 1.42.0",
    prefixes=("genkit:",),
    scopes=("genkit-tracer",),
    kind=_kind,
    inputs=(io("genkit:input", is_input=True),),
    outputs=(_reply, _result),
)
