"""LangSmith's OpenTelemetry mode: whole run inputs and outputs as JSON."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, io, kind_by

LANGSMITH = Dialect(
    name="langsmith",
    source="langsmith 0.14.17 with LANGSMITH_OTEL_ENABLED",
    keys=("langsmith.span.kind",),
    scopes=("langsmith",),
    kind=kind_by(
        "langsmith.span.kind",
        {
            "llm": Kind.LLM,
            "chain": Kind.CHAIN,
            "tool": Kind.TOOL,
            "retriever": Kind.RETRIEVER,
            "embedding": Kind.EMBEDDING,
            "prompt": Kind.PROMPT,
            "parser": Kind.CHAIN,
        },
    ),
    inputs=(io("gen_ai.prompt", is_input=True),),
    outputs=(io("gen_ai.completion", is_input=False),),
    facts={
        "model": ("gen_ai.response.model", "gen_ai.request.model", "langsmith.metadata.ls_model_name"),
        "provider": ("langsmith.metadata.ls_provider", "gen_ai.system"),
        "tool_name": ("gen_ai.tool.name",),
        "tool_call_id": ("gen_ai.tool.call.id",),
        "conversation_id": (
            "langsmith.metadata.thread_id",
            "langsmith.metadata.session_id",
            "langsmith.metadata.conversation_id",
        ),
        "user_id": ("langsmith.metadata.user_id",),
        "tags": ("langsmith.span.tags",),
    },
    switch="LANGSMITH_HIDE_INPUTS and LANGSMITH_HIDE_OUTPUTS",
)
