"""MLflow's own spans: every attribute is JSON text, texts too."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source, io, kind_by

_TYPES = kind_by(
    "mlflow.spanType",
    {
        "llm": Kind.LLM,
        "chat_model": Kind.LLM,
        "agent": Kind.AGENT,
        "workflow": Kind.WORKFLOW,
        "chain": Kind.CHAIN,
        "task": Kind.CHAIN,
        "tool": Kind.TOOL,
        "retriever": Kind.RETRIEVER,
        "embedding": Kind.EMBEDDING,
        "reranker": Kind.RERANK,
        "parser": Kind.CHAIN,
        "memory": Kind.MEMORY,
        "guardrail": Kind.GUARDRAIL,
        "evaluator": Kind.EVALUATOR,
    },
    otherwise=Kind.CHAIN,
)


def _kind(source: Source) -> Kind | None:
    kind = _TYPES(source)
    # DSPy's `Predict.forward` is of type LLM, and holds the call of the model with its template of fields.
    return Kind.CHAIN if kind is Kind.LLM and source.span.name.endswith(".forward") else kind


MLFLOW = Dialect(
    name="mlflow",
    source="mlflow-skinny 3.17.2",
    keys=("mlflow.spanType", "mlflow.spanInputs"),
    kind=_kind,
    inputs=(io("mlflow.spanInputs", is_input=True),),
    outputs=(io("mlflow.spanOutputs", is_input=False),),
    facts={
        "model": ("mlflow.llm.model",),
        "input_tokens": ("mlflow.chat.tokenUsage",),
        "output_tokens": ("mlflow.chat.tokenUsage",),
        "conversation_id": ("mlflow.trace.session",),
        "user_id": ("mlflow.trace.user",),
    },
)
