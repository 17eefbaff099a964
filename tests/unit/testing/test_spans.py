import json

from spanlabel.assembly import Limits
from spanlabel.metrics import Counts
from spanlabel.model import SpanKind
from spanlabel.pipeline import Pipeline
from spanlabel.testing import EPOCH_NS, llm_span, make_log, make_span


def test_a_span_of_small_numbers() -> None:
    """
    A test names a span by small numbers and gets ids as OpenTelemetry has them.
    """
    span = make_span(trace=0xAB, span=2, parent=1, start_s=0.5, end_s=2.0, attributes={"k": "v"})

    assert span.trace_id == "000000000000000000000000000000ab"
    assert (span.span_id, span.parent_id) == ("0000000000000002", "0000000000000001")
    assert (span.start_ns - EPOCH_NS, span.end_ns - EPOCH_NS) == (500_000_000, 2_000_000_000)
    assert span.attributes == {"k": "v"}
    assert span.size_bytes > make_span().size_bytes


def test_a_log_belongs_to_its_span() -> None:
    """
    A log record and a span of the same numbers belong together.
    """
    log, span = make_log(trace=3, span=4, event_name="gen_ai.choice", body={"x": "y" * 100}), make_span(trace=3, span=4)

    assert (log.trace_id, log.span_id) == (span.trace_id, span.span_id)
    assert log.size_bytes > make_log().size_bytes


def test_a_model_call_gives_the_pair_that_was_said() -> None:
    """
    The built span, read by the real pipeline, gives prompt, answers, conversation and facts as the test said them.
    """
    span = llm_span(
        "and in Rome?",
        ["sunny", "warm"],
        system="be short",
        history=[("user", "weather in Bern?"), ("assistant", "rain")],
        model="gpt-4.1",
        provider="azure",
        conversation="c1",
        input_tokens=10,
        output_tokens=20,
        service="weather",
    )
    pipeline = Pipeline(Limits.for_files(), window_s=0, rules=(), counts=Counts())
    pipeline.accept([span], now_s=0)

    [pair] = pipeline.drain(now_s=0)

    assert span.kind is SpanKind.CLIENT
    assert (pair.prompt, pair.answers) == ("and in Rome?", ("sunny", "warm"))
    assert [(message.role, message.text) for message in pair.messages] == [
        ("system", "be short"),
        ("user", "weather in Bern?"),
        ("assistant", "rain"),
        ("user", "and in Rome?"),
    ]
    assert (pair.model, pair.provider, pair.conversation_id, pair.service) == ("gpt-4.1", "azure", "c1", "weather")
    assert (pair.usage.input_tokens, pair.usage.output_tokens) == (10, 20)


def test_a_call_without_an_answer() -> None:
    """
    A failed call has no output attribute at all; further attributes win.
    """
    span = llm_span("hi", more={"gen_ai.operation.name": "text_completion"})

    assert "gen_ai.output.messages" not in span.attributes
    assert span.attributes["gen_ai.operation.name"] == "text_completion"
    assert json.loads(str(span.attributes["gen_ai.input.messages"]))[0]["role"] == "user"
