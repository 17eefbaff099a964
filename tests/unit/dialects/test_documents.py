"""What a retriever found is shown, however its framework writes documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.dialects._documents import MAX_DOCUMENTS
from spanlabel.model import Document, Step

ReadSpan = Callable[..., Step]

OPENINFERENCE = {"openinference.span.kind": "RETRIEVER"}


class TestShapes:
    @pytest.mark.parametrize(
        ("attributes", "documents"),
        [
            pytest.param(
                {
                    **OPENINFERENCE,
                    "retrieval.documents.1.document.content": "Gulls nest here.",
                    "retrieval.documents.0.document.content": "Built in 1846.",
                    "retrieval.documents.0.document.id": "d-1",
                    "retrieval.documents.0.document.score": 0.5,
                    "retrieval.documents.0.document.metadata": '{"page": 3}',
                },
                [Document("Built in 1846.", "d-1", 0.5, {"page": 3}), Document("Gulls nest here.")],
                id="OpenInference",
            ),
            pytest.param(
                {
                    "openinference.span.kind": "RERANKER",
                    "reranker.input_documents.0.document.content": "Gulls nest here.",
                    "reranker.output_documents.0.document.content": "Built in 1846.",
                    "reranker.output_documents.0.document.score": 1,
                },
                [Document("Built in 1846.", score=1.0)],
                id="OpenInference reranker",
            ),
            pytest.param(
                {
                    "gen_ai.operation.name": "retrieval",
                    "gen_ai.retrieval.documents": json.dumps(
                        [{"id": "a", "score": 0.25, "content": "Built in 1846."}, {"id": "no text", "score": 1}]
                    ),
                },
                [Document("Built in 1846.", "a", 0.25)],
                id="OpenTelemetry",
            ),
            pytest.param(
                {
                    "traceloop.span.kind": "task",
                    "gen_ai.operation.name": "vector_db_retrieve",
                    "traceloop.entity.output": json.dumps(
                        {"documents": [{"page_content": "Built in 1846.", "metadata": {"page": 3}}], "count": 1}
                    ),
                },
                [Document("Built in 1846.", metadata={"page": 3})],
                id="LangChain under OpenLLMetry",
            ),
            pytest.param(
                {
                    "langsmith.span.kind": "retriever",
                    "gen_ai.completion": json.dumps(
                        {"output": [{"lc": 1, "kwargs": {"page_content": "Built in 1846.", "id": "d-1"}}]}
                    ),
                },
                [Document("Built in 1846.", "d-1")],
                id="LangChain written as it is stored",
            ),
            pytest.param(
                {
                    "mlflow.spanType": '"RETRIEVER"',
                    "mlflow.spanOutputs": json.dumps([{"page_content": "Built in 1846.", "metadata": {}, "id": "d-1"}]),
                },
                [Document("Built in 1846.", "d-1")],
                id="MLflow",
            ),
            pytest.param(
                {
                    **OPENINFERENCE,
                    "output.value": json.dumps([{"node": {"id_": "n-1", "text": "Built in 1846."}, "score": 0.75}]),
                },
                [Document("Built in 1846.", "n-1", 0.75)],
                id="LlamaIndex nodes",
            ),
            pytest.param(
                {
                    "genkit:metadata:subtype": "retriever",
                    "genkit:output": json.dumps(
                        {"documents": [{"content": [{"text": "Built"}, {"text": "in 1846."}], "metadata": {"n": 1}}]}
                    ),
                },
                [Document("Built\nin 1846.", metadata={"n": 1})],
                id="Genkit",
            ),
            pytest.param(
                {"langfuse.observation.type": "retriever", "langfuse.observation.output": '["Built in 1846.", ""]'},
                [Document("Built in 1846.")],
                id="plain texts",
            ),
            pytest.param(
                {**OPENINFERENCE, "output.value": '["<NodeWithScore(node=TextNode(id_=1))>"]'}, [], id="objects as text"
            ),
            pytest.param(
                {**OPENINFERENCE, "output.value": f'[{{"text": "Built in 1846.", "score": {10**400}}}]'},
                [Document("Built in 1846.")],
                id="a score that is no number",
            ),
            pytest.param({**OPENINFERENCE, "output.value": '{"count": 0, "documents": []}'}, [], id="nothing found"),
        ],
    )
    def test_each(self, read_span: ReadSpan, attributes: dict[str, Any], documents: list[Document]) -> None:
        """
        Text, id, score and metadata of each document are read from this framework's shape.
        """
        assert list(read_span(attributes).documents) == documents

    def test_other_steps(self, read_span: ReadSpan) -> None:
        """
        A tool or a model call that answers with documents has not retrieved them.
        """
        step = read_span({"openinference.span.kind": "TOOL", "output.value": '[{"page_content": "Built in 1846."}]'})

        assert step.documents == ()

    def test_many(self, read_span: ReadSpan) -> None:
        """
        Of a retriever that gives everything, a bounded number is kept.
        """
        step = read_span({**OPENINFERENCE, "output.value": json.dumps([{"text": f"{n}"} for n in range(3_000)])})

        assert len(step.documents) == MAX_DOCUMENTS

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(
                        ["documents", "document", "node", "content", "text", "score", "id", "metadata", "output"]
                    ),
                    inner,
                )
            ),
        )
    )
    def test_any_value(self, read_span: ReadSpan, value: Any) -> None:
        """
        Whatever a retriever put out, it is read without an exception, and what is found has a text.
        """
        step = read_span({**OPENINFERENCE, "output.value": json.dumps(value)})

        assert all(document.content.strip() for document in step.documents)
