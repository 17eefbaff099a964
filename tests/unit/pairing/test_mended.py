from __future__ import annotations

from spanlabel.dialects import read
from spanlabel.model import Ready, Span, Trace
from spanlabel.pairing.mended import mended_parents
from spanlabel.testing import llm_span, make_span, span_id, trace_id

AGENT = {"gen_ai.operation.name": "invoke_agent"}


def parents(*spans: Span) -> dict[str, str | None]:
    trace = Trace(trace_id(1), tuple(read(span) for span in spans), Ready.DRAINED)
    return {span: above for (_, span), above in mended_parents([trace]).items()}


def test_spans_that_are_not_genai_are_passed_over() -> None:
    """
    A model call below a plain span stands below the next GenAI span above that; plain spans do not stand there.
    """
    found = parents(
        make_span(span=1, attributes=AGENT),
        make_span(span=2, parent=1),
        llm_span("question", "answer", span=3, parent=2),
    )

    assert found == {span_id(1): None, span_id(3): span_id(1)}


def test_orphan() -> None:
    """
    A span whose parent never came stands below the smallest run around it.
    """
    found = parents(
        make_span(span=1, attributes=AGENT, end_s=9.0),
        make_span(span=2, parent=1, attributes=AGENT, start_s=1.0, end_s=5.0),
        llm_span("question", "answer", span=3, parent=77, start_s=2.0, end_s=3.0),
    )

    assert found == {span_id(1): None, span_id(2): span_id(1), span_id(3): span_id(2)}
