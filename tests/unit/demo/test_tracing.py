from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spanlabel.demo.conversation import ConversationIds, in_conversation
from spanlabel.demo.tally import Ended, Tally


def test_the_conversations_id_is_on_every_span_of_it() -> None:
    """
    Spans that start in a conversation bear its id, also in other traces and below other spans; no others do.
    """
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(ConversationIds())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("before"), in_conversation("talk-1"):
        with tracer.start_as_current_span("within"), tracer.start_as_current_span("below"):
            pass
        with in_conversation("talk-2"), tracer.start_as_current_span("another"):
            pass
        tracer.start_span("again").end()
    tracer.start_span("after").end()

    found = {span.name: (span.attributes or {}).get("gen_ai.conversation.id") for span in exporter.get_finished_spans()}
    assert found == {
        "before": None,
        "within": "talk-1",
        "below": "talk-1",
        "another": "talk-2",
        "again": "talk-1",
        "after": None,
    }


def test_the_tally_counts_what_ended_since_the_last_time() -> None:
    """
    Each ended span is told once, and those of the provider's client are counted.
    """
    tally = Tally()
    provider = TracerProvider()
    provider.add_span_processor(tally)
    with provider.get_tracer("application").start_as_current_span("work") as work:
        provider.get_tracer("opentelemetry.instrumentation.openai.v1").start_span("openai.chat").end()
        within = tally.take()
    after = tally.take()

    context = work.get_span_context()
    trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    assert within.calls == 1
    assert within.traces == {trace_id}
    assert after == Ended(frozenset({(trace_id, span_id)}), 0)
    assert tally.take() == Ended()


def test_our_processors_let_those_after_them_flush() -> None:
    """
    A flush of the provider reaches the exporters, also in SDKs whose base class gives no answer.
    """
    assert ConversationIds().force_flush() is True
    assert Tally().force_flush() is True
