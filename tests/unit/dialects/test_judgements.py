"""A judgement that lies on a span already becomes a suggestion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spanlabel.dialects import READERS, read
from spanlabel.model import Evaluation, Kind, Step

ReadSpan = Callable[..., Step]

EVENT = "gen_ai.evaluation.result"
CALL = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": '[{"role": "assistant", "content": "Yes."}]'}
RESULT = {
    "gen_ai.evaluation.name": "Relevance",
    "gen_ai.evaluation.score.value": 4,
    "gen_ai.evaluation.score.label": "relevant",
    "gen_ai.evaluation.explanation": "On the point.",
}
RELEVANCE = Evaluation("Relevance", 4.0, "relevant", "On the point.", "otel_genai")


class TestForms:
    @pytest.mark.parametrize("prefix", ["annotations", "evaluations", "trace.annotations", "session.evaluations"])
    def test_openinference(self, read_span: ReadSpan, prefix: str) -> None:
        """
        Annotations and evaluations of a span, a trace or a session, with who judged.
        """
        at = f"{prefix}.0.{prefix.rsplit('.', maxsplit=1)[-1][:-1]}"
        step = read_span(
            {
                "openinference.span.kind": "LLM",
                f"{at}.name": "correctness",
                f"{at}.score": 0.5,
                f"{at}.label": "half",
                f"{at}.explanation": "Only one.",
                f"{at}.annotator_kind": "HUMAN",
            }
        )

        assert step.evaluations == (Evaluation("correctness", 0.5, "half", "Only one.", "human"),)

    def test_event_of_a_span(self, read_span: ReadSpan) -> None:
        """
        The convention's event, on the judged span.
        """
        assert read_span(CALL, events=[(EVENT, RESULT)]).evaluations == (RELEVANCE,)

    def test_log_record(self, make_span: Callable[..., Any], make_log: Callable[..., Any]) -> None:
        """
        The same as a log record of the judged span; it is not taken for one of the app's own log lines.
        """
        log = make_log(EVENT, None, RESULT)

        assert READERS.knows(log)
        assert read(make_span(CALL), (log,)).evaluations == (RELEVANCE,)

    @pytest.mark.parametrize(
        ("value", "score", "label"),
        [
            pytest.param(0.9, 0.9, None, id="number"),
            pytest.param(False, None, "false", id="yes or no"),
            pytest.param("rude", None, "rude", id="word"),
        ],
    )
    def test_logfire(self, read_span: ReadSpan, value: Any, score: float | None, label: str | None) -> None:
        """
        Feedback of Logfire, which is a span of its own below the judged one and never a pair.
        """
        step = read_span(
            {
                "logfire.span_type": "annotation",
                "logfire.feedback.name": "tone",
                "tone": value,
                "logfire.feedback.comment": "So.",
            },
            scope="logfire.feedback",
        )

        assert step.kind is Kind.EVALUATOR
        assert step.evaluations == (Evaluation("tone", score, label, "So.", "logfire"),)

    @pytest.mark.parametrize(
        "given",
        [
            pytest.param({"gen_ai.evaluation.name": "Relevance"}, id="a name alone"),
            pytest.param({"gen_ai.evaluation.score.value": 1}, id="no name"),
            pytest.param(
                {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": True}, id="no number"
            ),
            pytest.param(
                {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": float("nan")}, id="not finite"
            ),
            pytest.param(
                {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 10**400}, id="no float"
            ),
        ],
    )
    def test_nothing_said(self, read_span: ReadSpan, given: dict[str, Any]) -> None:
        """
        What does not say what was judged, or how, is no judgement.
        """
        assert read_span(CALL, events=[(EVENT, given)]).evaluations == ()

    def test_twice(self, read_span: ReadSpan) -> None:
        """
        The same judgement said twice is one.
        """
        assert read_span(CALL, events=[(EVENT, RESULT), (EVENT, RESULT)]).evaluations == (RELEVANCE,)
