"""Claude Code and the Claude Agent SDK: one interaction a prompt; the last request without a tool call answers."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Found, Source, messages, text

_NAMES = {
    "interaction": Kind.AGENT,
    "llm_request": Kind.LLM,
    "tool": Kind.TOOL,
    "subagent.spawn": Kind.TOOL,
}


def _kind(source: Source) -> Kind | None:
    name = source.span.name
    if name.startswith("claude_code."):
        return _NAMES.get(name.removeprefix("claude_code."), Kind.OTHER)
    value = source.attributes.get("span.type")
    return _NAMES.get(value.removeprefix("claude_code.")) if isinstance(value, str) else None


_context = messages("new_context")


def _new(source: Source) -> Found | None:
    return _context(source) if _kind(source) is Kind.LLM else None


CLAUDE_CODE = Dialect(
    name="claude_code",
    source="claude-agent-sdk 0.2.186, traces beta",
    scopes=("com.anthropic.claude_code.tracing",),
    span_names=("claude_code.*",),
    kind=_kind,
    inputs=(text("user_prompt", "user"), _new),
    outputs=(text("response.model_output", "assistant"),),
    facts={
        "model": ("model",),
        "tool_name": ("tool_name",),
        "input_tokens": ("input_tokens",),
        "output_tokens": ("output_tokens",),
        "conversation_id": ("session.id",),
        "user_id": ("user.id", "user.account_uuid"),
    },
    switch="OTEL_LOG_USER_PROMPTS and OTEL_LOG_ASSISTANT_RESPONSES",
)
