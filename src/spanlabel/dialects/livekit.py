"""LiveKit agents: a turn holds what the user said and what was answered."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source, io, messages, text

_NAMES = {
    "agent_session": Kind.WORKFLOW,
    "agent_turn": Kind.AGENT,
    "start_agent_activity": Kind.OTHER,
    "llm_node": Kind.CHAIN,
    "llm_request": Kind.LLM,
    "function_tool": Kind.TOOL,
    "user_turn": Kind.OTHER,
    "tts_node": Kind.OTHER,
}


def _kind(source: Source) -> Kind | None:
    return _NAMES.get(source.span.name, Kind.OTHER)


LIVEKIT = Dialect(
    name="livekit",
    source="livekit-agents 2.0.0b1 (lk.pii.*) and before (lk.*), read",
    prefixes=("lk.",),
    scopes=("livekit-agents",),
    kind=_kind,
    inputs=(
        io("lk.pii.user_input", is_input=True),
        io("lk.user_input", is_input=True),
        text("lk.pii.user_transcript", "user"),
        text("lk.user_transcript", "user"),
        messages("lk.pii.chat_ctx"),
        messages("lk.chat_ctx"),
    ),
    outputs=(text("lk.pii.response.text", "assistant"), text("lk.response.text", "assistant")),
    system=("lk.pii.instructions", "lk.instructions"),
    facts={
        "agent": ("lk.agent_name",),
        "tool_name": ("lk.function_tool.name",),
        "tool_call_id": ("lk.function_tool.id",),
    },
)
