"""OpenLLMetry (Traceloop): decorators and framework instrumentations of all versions, and its older model calls."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source, io, kind_by
from ._indexed import openllmetry

_CALLS = frozenset(
    {
        "chat",
        "text_completion",
        "embeddings",
        "generate_content",
        "vector_db_retrieve",
        "create_agent",
        "rerank",
    }
)
_KINDS = {"workflow": Kind.WORKFLOW, "agent": Kind.AGENT, "task": Kind.CHAIN, "tool": Kind.TOOL}
_FINDERS = ("Retriever.task", "Retriever.retrieve.task")
"""LlamaIndex names a step after its class; what a retriever found is no answer, even where all above it is lost."""

_MCP = (".mcp", "ResponseStreamWriter", "RequestStreamWriter")


def _kind(source: Source) -> Kind | None:
    operation = source.attributes.get("gen_ai.operation.name")
    if isinstance(operation, str) and operation in _CALLS:
        return None
    if operation == "execute_tool":  # LangChain.js: its span kind says task
        return Kind.TOOL
    kind = source.attributes.get("traceloop.span.kind")
    if kind == "task" and source.span.name.endswith(_FINDERS):
        return Kind.RETRIEVER
    if isinstance(kind, str):
        return _KINDS.get(kind)
    # MCP spans carry JSON-RPC traffic as entity input and output (traces-other.md 4).
    if source.span.name.endswith(_MCP):
        return Kind.TOOL if source.span.name.startswith("tools/call") else Kind.OTHER
    return None


TRACELOOP = Dialect(
    name="traceloop",
    source="opentelemetry-instrumentation-langchain 0.47.5 and 0.62.4, traceloop-sdk 0.62.4, LangChain.js 0.27.0",
    prefixes=("traceloop.",),
    kind=_kind,
    inputs=(io("traceloop.entity.input", is_input=True), io("gen_ai.task.input", is_input=True)),
    outputs=(io("traceloop.entity.output", is_input=False), io("gen_ai.task.output", is_input=False)),
    facts={
        "agent": ("gen_ai.agent.name", "traceloop.entity.name"),
        "tool_name": ("traceloop.entity.name",),
        "conversation_id": (
            "traceloop.association.properties.session_id",
            "traceloop.association.properties.thread_id",
            "traceloop.association.properties.conversation_id",
            "traceloop.association.properties.chat_id",
        ),
        "user_id": ("traceloop.association.properties.user_id", "gen_ai.user", "llm.user"),
    },
    metadata=("traceloop.prompt.key", "traceloop.prompt.version"),
    metadata_prefixes=("traceloop.association.properties.",),
    switch="TRACELOOP_TRACE_CONTENT",
)


def _indexed_kind(source: Source) -> Kind | None:
    said = _REQUESTS(source)
    if said is not None:
        return said
    operation = source.attributes.get("gen_ai.operation.name")
    if operation is not None or "traceloop.span.kind" in source.attributes:
        return None
    for key in source.attributes:
        if key.startswith(("gen_ai.completion.", "gen_ai.prompt.")):
            return Kind.LLM
    return None


_REQUESTS = kind_by(
    "llm.request.type",
    {"chat": Kind.LLM, "completion": Kind.LLM, "rerank": Kind.RERANK, "embedding": Kind.EMBEDDING},
)

GEN_AI_INDEXED = Dialect(
    name="gen_ai_indexed",
    source="OpenLLMetry before 0.53 to 0.60 (0.47.5 measured) and its siblings that have not moved",
    keys=("llm.request.type",),
    prefixes=(
        *(f"gen_ai.prompt.{digit}" for digit in range(10)),
        *(f"gen_ai.completion.{digit}" for digit in range(10)),
    ),
    kind=_indexed_kind,
    inputs=(openllmetry("gen_ai.prompt", "user"),),
    outputs=(openllmetry("gen_ai.completion", "assistant"),),
    facts={
        "operation": ("llm.request.type",),
        "model": ("gen_ai.response.model", "gen_ai.request.model"),
        "provider": ("gen_ai.system",),
        "response_id": ("gen_ai.response.id",),
        "input_tokens": ("gen_ai.usage.prompt_tokens",),
        "output_tokens": ("gen_ai.usage.completion_tokens",),
        "user_id": ("llm.user",),
    },
    switch="TRACELOOP_TRACE_CONTENT",
)
