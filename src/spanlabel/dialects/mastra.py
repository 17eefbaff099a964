"""Mastra's exporter: the run's input and output on the agent or workflow span."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source, io, kind_by

_by_type = kind_by(
    "mastra.span.type",
    {
        "agent_run": Kind.AGENT,
        "workflow_run": Kind.WORKFLOW,
        "workflow_step": Kind.CHAIN,
        "model_generation": Kind.LLM,
        "llm_generation": Kind.LLM,
        "model_inference": Kind.LLM,
        "model_step": Kind.OTHER,
        "model_chunk": Kind.OTHER,
        "tool_call": Kind.TOOL,
        "mcp_tool_call": Kind.TOOL,
        "provider_tool_call": Kind.TOOL,
        "rag_embedding": Kind.EMBEDDING,
        "processor_run": Kind.OTHER,
    },
    otherwise=Kind.OTHER,
)


def _kind(source: Source) -> Kind | None:
    """Newer versions give each request a span `chat` below; `model_generation` is then the loop around them."""
    if source.attributes.get("gen_ai.operation.name") == "model_generation":
        return Kind.CHAIN
    return _by_type(source)


MASTRA = Dialect(
    name="mastra",
    source="@mastra/otel-exporter 1.4.0 with @mastra/core 1.71.0, measured",
    prefixes=("mastra.",),
    kind=_kind,
    inputs=(
        io("mastra.agent_run.input", is_input=True),
        io("mastra.workflow_run.input", is_input=True),
        io("mastra.model_generation.input", is_input=True),
    ),
    outputs=(
        io("mastra.agent_run.output", is_input=False),
        io("mastra.workflow_run.output", is_input=False),
    ),
    facts={
        "conversation_id": ("mastra.metadata.threadId", "mastra.metadata.sessionId"),
        "user_id": ("mastra.metadata.userId",),
    },
)
