"""Vercel AI SDK up to 6, and the legacy mode of 7; the new mode of 7 follows the GenAI conventions."""

from __future__ import annotations

from collections.abc import Sequence

from spanlabel.model import Kind, Message, Reasoning, Text, ToolCall

from ._codec import as_text, decoded, is_list
from ._dialect import Dialect, Found, Source, kind_by, messages, settled, text
from ._messages import messages_in, tool_call

_KINDS = {
    "ai.generatetext": Kind.AGENT,
    "ai.streamtext": Kind.AGENT,
    "ai.generateobject": Kind.AGENT,
    "ai.streamobject": Kind.AGENT,
    "ai.generatetext.dogenerate": Kind.LLM,
    "ai.streamtext.dostream": Kind.LLM,
    "ai.generateobject.dogenerate": Kind.LLM,
    "ai.streamobject.dostream": Kind.LLM,
    "ai.toolcall": Kind.TOOL,
    "ai.embed": Kind.EMBEDDING,
    "ai.embed.doembed": Kind.EMBEDDING,
    "ai.embedmany": Kind.EMBEDDING,
    "ai.embedmany.doembed": Kind.EMBEDDING,
    "ai.rerank": Kind.RERANK,
    "ai.rerank.dorerank": Kind.RERANK,
}


def _prompt(source: Source) -> Found | None:
    """`{"system", "prompt"}` or `{"system", "messages"}`."""
    value, cut = decoded(source.attributes.get("ai.prompt"))
    if not isinstance(value, dict):
        return None
    out: list[Message] = []
    system = as_text(value.get("system"))
    if system:
        out.append(Message("system", (Text(system),)))
    prompt = value.get("prompt")
    found = messages_in(prompt if prompt is not None else value.get("messages"), "user")
    out.extend(found or ())
    return settled(out, is_cut=cut)


def _answer(source: Source) -> Found | None:
    """The text; the tool calls of a model call beside it, those of a whole run not (they are done by then)."""
    attributes = source.attributes
    parts: list[Reasoning | Text] = []
    thought = as_text(attributes.get("ai.response.reasoning"))
    if thought:
        parts.append(Reasoning(thought))
    for key in ("ai.response.text", "ai.result.text"):
        shown = as_text(attributes.get(key))
        if shown:
            parts.append(Text(shown))
            break
    calls = decoded(attributes.get("ai.response.toolCalls", attributes.get("ai.result.toolCalls")))[0]
    made: tuple[ToolCall, ...] = ()
    if is_list(calls) and isinstance(calls, Sequence):
        made = tuple(tool_call(call) for call in calls if isinstance(call, dict))
    of_run = _kind(source) is Kind.AGENT
    if of_run and parts:
        made = ()
    all_parts = (*parts, *made)
    return settled((Message("assistant", all_parts),)) if all_parts else None


_kind = kind_by("ai.operationId", _KINDS)

VERCEL_AI = Dialect(
    name="vercel_ai",
    source="ai 5.0.277, 6.0.326 and @ai-sdk/otel 1.0.173 LegacyOpenTelemetry, measured; ai 3 and 4 read",
    keys=("ai.operationId",),
    scopes=("ai",),
    kind=_kind,
    inputs=(messages("ai.prompt.messages"), _prompt),
    outputs=(
        _answer,
        text("ai.response.object", "assistant"),
        text("ai.result.object", "assistant"),
    ),
    facts={
        "operation": ("ai.operationId",),
        "model": ("ai.response.model", "ai.model.id"),
        "provider": ("ai.model.provider",),
        "response_id": ("ai.response.id",),
        "agent": ("ai.telemetry.functionId",),
        "tool_name": ("ai.toolCall.name",),
        "tool_call_id": ("ai.toolCall.id",),
        "input_tokens": ("ai.usage.inputTokens", "ai.usage.promptTokens"),
        "output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        "finish": ("ai.response.finishReason", "ai.finishReason"),
        "conversation_id": ("ai.telemetry.metadata.sessionId", "ai.settings.context.sessionId"),
        "user_id": ("ai.telemetry.metadata.userId",),
        "tags": ("ai.telemetry.metadata.tags",),
    },
    metadata_prefixes=("ai.telemetry.metadata.",),
    switch="recordInputs and recordOutputs",
)
