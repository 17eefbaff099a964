"""Haystack's own tracer: pipelines, components and agents with their inputs and outputs as JSON."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source, io

_NAMES = {
    "haystack.pipeline.run": Kind.WORKFLOW,
    "haystack.async_pipeline.run": Kind.WORKFLOW,
    "haystack.agent.run": Kind.AGENT,
    "haystack.agent.step.llm": Kind.LLM,
    "haystack.agent.step.tool": Kind.TOOL,
    "haystack.agent.step": Kind.CHAIN,
    "haystack.chat_generator.run": Kind.LLM,
}
_SUFFIXES = (
    ("Generator", Kind.LLM),
    ("Retriever", Kind.RETRIEVER),
    ("Embedder", Kind.EMBEDDING),
    ("Ranker", Kind.RERANK),
    ("ToolInvoker", Kind.TOOL),
    ("Agent", Kind.AGENT),
    ("Builder", Kind.PROMPT),
)


def _kind(source: Source) -> Kind | None:
    kind = _NAMES.get(source.span.name)
    if kind is not None:
        return kind
    component = source.text("haystack.component.type")
    if component is not None:
        for suffix, found in _SUFFIXES:
            if component.endswith(suffix):
                return found
        return Kind.CHAIN
    return Kind.CHAIN if source.span.name.startswith("haystack.") else None


HAYSTACK = Dialect(
    name="haystack",
    source="haystack-ai 2.20.0",
    prefixes=("haystack.",),
    kind=_kind,
    inputs=(
        io("haystack.agent.input", is_input=True),
        io("haystack.agent.step.llm.input", is_input=True),
        io("haystack.component.input", is_input=True),
        io("haystack.pipeline.input_data", is_input=True),
    ),
    outputs=(
        io("haystack.agent.output", is_input=False),
        io("haystack.agent.step.llm.output", is_input=False),
        io("haystack.component.output", is_input=False),
        io("haystack.pipeline.output_data", is_input=False),
    ),
    facts={"tool_name": ("haystack.tool.name",), "tool_call_id": ("haystack.tool.call.id",)},
    switch="HAYSTACK_CONTENT_TRACING_ENABLED",
)
