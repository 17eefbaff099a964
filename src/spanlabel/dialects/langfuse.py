"""The Langfuse SDK: observations with input and output, and the trace's own on its root."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, io, kind_by

LANGFUSE = Dialect(
    name="langfuse",
    source="langfuse 5.0.4",
    prefixes=("langfuse.",),
    scopes=("langfuse-sdk",),
    kind=kind_by(
        "langfuse.observation.type",
        {
            "generation": Kind.LLM,
            "agent": Kind.AGENT,
            "chain": Kind.CHAIN,
            "span": Kind.CHAIN,
            "tool": Kind.TOOL,
            "retriever": Kind.RETRIEVER,
            "embedding": Kind.EMBEDDING,
            "evaluator": Kind.EVALUATOR,
            "guardrail": Kind.GUARDRAIL,
            "event": Kind.OTHER,
        },
    ),
    inputs=(io("langfuse.observation.input", is_input=True),),
    outputs=(io("langfuse.observation.output", is_input=False),),
    facts={
        "model": ("langfuse.observation.model.name",),
        "input_tokens": ("langfuse.observation.usage_details",),
        "output_tokens": ("langfuse.observation.usage_details",),
        "conversation_id": ("session.id", "langfuse.session.id"),
        "user_id": ("user.id", "langfuse.user.id"),
        "tags": ("langfuse.trace.tags",),
    },
    metadata=("langfuse.environment", "langfuse.release", "langfuse.observation.prompt.name"),
    metadata_prefixes=("langfuse.trace.metadata.", "langfuse.observation.metadata."),
)
