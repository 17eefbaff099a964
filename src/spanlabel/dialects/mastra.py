"""Mastra's exporter: the run's input and output on the agent or workflow span."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, io, kind_by

MASTRA = Dialect(
    name="mastra",
    source="@mastra/otel-exporter 1.4",
    prefixes=("mastra.",),
    kind=kind_by(
        "mastra.span.type",
        {
            "agent_run": Kind.AGENT,
            "workflow_run": Kind.WORKFLOW,
            "workflow_step": Kind.CHAIN,
            "model_generation": Kind.LLM,
            "llm_generation": Kind.LLM,
            "model_step": Kind.OTHER,
            "model_chunk": Kind.OTHER,
            "tool_call": Kind.TOOL,
            "mcp_tool_call": Kind.TOOL,
            "provider_tool_call": Kind.TOOL,
            "rag_embedding": Kind.EMBEDDING,
            "processor_run": Kind.OTHER,
        },
        otherwise=Kind.OTHER,
    ),
    inputs=(io("mastra.agent_run.input", is_input=True), io("mastra.workflow_run.input", is_input=True)),
    outputs=(io("mastra.agent_run.output", is_input=False), io("mastra.workflow_run.output", is_input=False)),
)
