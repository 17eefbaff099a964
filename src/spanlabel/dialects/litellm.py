"""LiteLLM's OpenTelemetry callback: the raw request and response, in Python repr, on a child span."""

from __future__ import annotations

import ast

from spanlabel.model import Kind, Value

from ._dialect import Dialect, Found, Reader, Source, settled
from ._messages import messages_in

_MAX_REPR = 200_000


def _literal(suffix: str, role: str) -> Reader:
    def read(source: Source) -> Found | None:
        for key, value in source.attributes.items():
            if key.startswith("llm.") and key.endswith(suffix) and isinstance(value, str):
                if len(value) > _MAX_REPR:
                    return None
                try:
                    opened: Value = ast.literal_eval(value)
                except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                    return None
                found = messages_in(opened, role, bare_text=False)
                return None if found is None else settled(found)
        return None

    return read


def _kind(source: Source) -> Kind | None:
    return Kind.LLM if source.span.name == "raw_gen_ai_request" else None


LITELLM = Dialect(
    name="litellm",
    source="litellm 1.106.2 and 1.109.1, callback otel",
    span_names=("raw_gen_ai_request",),
    kind=_kind,
    inputs=(_literal(".messages", "user"),),
    outputs=(_literal(".choices", "assistant"),),
)
