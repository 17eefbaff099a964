"""Semantic Kernel: GenAI keys that hold `ChatMessageContent` dictionaries, and the loop around its tool calls."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source


def _kind(source: Source) -> Kind | None:
    return Kind.CHAIN if source.span.name == "AutoFunctionInvocationLoop" else None


SEMANTIC_KERNEL = Dialect(
    name="semantic_kernel",
    source="semantic-kernel 1.45.0",
    scopes=("semantic_kernel*",),
    span_names=("AutoFunctionInvocationLoop",),
    kind=_kind,
    facts={"finish": ("gen_ai.response.finish_reason",)},
    switch="SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE",
)
