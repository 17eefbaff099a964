"""Semantic Kernel: GenAI keys that hold `ChatMessageContent` dictionaries, and the loop around its tool calls."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source


def _kind(source: Source) -> Kind | None:
    if source.span.name == "AutoFunctionInvocationLoop":
        return Kind.CHAIN
    is_function = source.attributes.get("gen_ai.operation.name") == "execute_tool"
    # What the app invokes is a span of the same name as what a model calls, which alone has a call's id.
    return Kind.CHAIN if is_function and "gen_ai.tool.call.id" not in source.attributes else None


SEMANTIC_KERNEL = Dialect(
    name="semantic_kernel",
    source="semantic-kernel 1.45.0",
    scopes=("semantic_kernel*",),
    span_names=("AutoFunctionInvocationLoop",),
    kind=_kind,
    facts={"finish": ("gen_ai.response.finish_reason",)},
    switch="SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE",
)
