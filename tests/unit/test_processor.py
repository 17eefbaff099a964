import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import _logs, trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from spanlabel import AnnotationLogProcessor, AnnotationSpanProcessor
from spanlabel.delivery import Outbox, Tally
from spanlabel.metrics import Metric, check_conservation
from spanlabel.processor import install

Ask = Callable[..., None]
Stored = Callable[[], list[tuple[str, str]]]

CALL = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m"}


def ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("spanlabel")]


def test_three_lines_make_a_record(provider: TracerProvider, ask: Ask, stored: Stored) -> None:
    """With nothing but the processor added, a traced model call lies in the local store after a flush."""
    provider.add_span_processor(AnnotationSpanProcessor())
    ask(provider, "What is six times seven?")
    assert provider.force_flush()
    assert stored() == [("What is six times seven?", "42.")]


def test_nothing_is_opened_before_the_first_span(provider: TracerProvider, home: Path, ask: Ask) -> None:
    """An app that never traces anything gets no thread, no file and no folder from us; a flush does not change that."""
    provider.add_span_processor(AnnotationSpanProcessor())
    assert provider.force_flush()
    assert ours() == []
    assert not home.exists()
    ask(provider, "q")
    assert "spanlabel" in ours()


def test_an_app_without_model_calls_gets_no_file(provider: TracerProvider, home: Path) -> None:
    """Spans that are not GenAI never lead to a file, also not when they are flushed."""
    provider.add_span_processor(AnnotationSpanProcessor())
    with provider.get_tracer("app").start_as_current_span("GET /"):
        pass
    assert provider.force_flush()
    provider.shutdown()
    assert not home.exists()


def test_shutdown_stores_what_is_held_and_leaves_nothing_behind(
    provider: TracerProvider, ask: Ask, stored: Stored
) -> None:
    """An app that ends right after its call loses nothing, and no thread and no open file stays."""
    processor = AnnotationSpanProcessor()
    provider.add_span_processor(processor)
    files = len(os.listdir("/proc/self/fd"))
    ask(provider, "q", "a")
    processor.shutdown()
    assert ours() == []
    assert len(os.listdir("/proc/self/fd")) == files
    assert stored() == [("q", "a")]


def test_shutdown_may_come_twice_and_spans_after_it(provider: TracerProvider, ask: Ask, stored: Stored) -> None:
    """A second shutdown, a flush and spans after it do nothing, and raise nothing."""
    processor = AnnotationSpanProcessor()
    provider.add_span_processor(processor)
    ask(provider, "before")
    processor.shutdown()
    processor.shutdown()
    ask(provider, "after")
    assert processor.force_flush()
    assert [question for question, _ in stored()] == ["before"]
    assert ours() == []


def test_a_new_processor_after_shutdown_begins_anew(
    make_provider: Callable[[], TracerProvider], ask: Ask, stored: Stored
) -> None:
    """An app that sets tracing up again, as tests do, gets records again."""
    for question in ("first", "second"):
        provider = make_provider()
        provider.add_span_processor(AnnotationSpanProcessor())
        ask(provider, question)
        provider.shutdown()
    assert [question for question, _ in stored()] == ["first", "second"]


def test_a_run_ends_with_its_last_child(provider: TracerProvider, stored: Stored) -> None:
    """An answer that is still streamed when its root has ended is waited for, also by a flush."""
    provider.add_span_processor(AnnotationSpanProcessor())
    tracer = provider.get_tracer("app")

    async def stream() -> AsyncIterator[str]:
        with tracer.start_as_current_span("chat m") as span:
            span.set_attributes(CALL | {"gen_ai.prompt": "Tell me a story."})
            yield "Once"
            yield " upon a time."
            span.set_attribute("gen_ai.completion", "Once upon a time.")

    async def app() -> None:
        with tracer.start_as_current_span("POST /story"):
            answer = stream()
            await anext(answer)
        await asyncio.to_thread(provider.force_flush)
        async for _ in answer:
            pass

    asyncio.run(app())
    assert provider.force_flush()
    assert stored() == [("Tell me a story.", "Once upon a time.")]


def test_a_wrong_setting_is_one_log_line(
    provider: TracerProvider, ask: Ask, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A setting that makes no sense switches us off with one line: its name, its value, its place. The app goes on."""
    monkeypatch.setenv("SPANLABEL_QUEUE_SPANS", "many")
    provider.add_span_processor(AnnotationSpanProcessor())
    AnnotationLogProcessor()
    AnnotationSpanProcessor()
    ask(provider, "q")
    assert provider.force_flush()
    provider.shutdown()
    [line] = caplog.messages
    for told in ("off", "queue_spans", "many", "SPANLABEL_QUEUE_SPANS"):
        assert told in line
    assert "\n" not in line
    assert not home.exists()


def test_an_unknown_keyword_is_one_log_line(
    provider: TracerProvider, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """A keyword that is no setting is named, with the one that was probably meant; nothing is raised."""
    provider.add_span_processor(AnnotationSpanProcessor(plattform="local"))
    ask(provider, "q")
    [line] = caplog.messages
    assert "plattform" in line
    assert "did you mean platform?" in line
    assert ours() == []


@pytest.mark.parametrize("switch", ["SPANLABEL_DISABLED", "OTEL_SDK_DISABLED"])
def test_one_variable_switches_it_off(
    switch: str,
    make_provider: Callable[[], TracerProvider],
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SPANLABEL_DISABLED=true, or OTEL_SDK_DISABLED=true, and nothing of ours runs; not even settings are looked at."""
    provider = make_provider()
    monkeypatch.setenv(switch, "true")
    monkeypatch.setenv("SPANLABEL_QUEUE_SPANS", "nonsense")
    provider.add_span_processor(AnnotationSpanProcessor())
    ask(provider, "q")
    assert provider.force_flush()
    assert (ours(), caplog.messages) == ([], [])


def test_the_code_has_the_last_word_on_the_switch(
    provider: TracerProvider, ask: Ask, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`disabled=False` in the code wins over the environment."""
    monkeypatch.setenv("SPANLABEL_DISABLED", "1")
    provider.add_span_processor(AnnotationSpanProcessor(disabled=False))
    ask(provider, "q")
    assert provider.force_flush()
    assert stored() == [("q", "42.")]


class _Hostile:
    """A span whose every property raises."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


def test_odd_spans_raise_nothing_into_the_app(
    provider: TracerProvider, ask: Ask, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    """Objects that are no spans, or spans made by hand, cost the app nothing and the others nothing."""
    processor = AnnotationSpanProcessor()
    provider.add_span_processor(processor)
    no_span: list[object] = [None, 7, object(), _Hostile()]
    for odd in no_span:
        processor.on_start(odd)  # type: ignore[arg-type] # that is the point
        processor.on_end(odd)  # type: ignore[arg-type]
    processor.on_end(ReadableSpan("by hand"))
    by_hand = ReadableSpan("keys", context=trace.SpanContext(5, 6, is_remote=False), attributes={1: 2, None: object()})  # type: ignore[dict-item]
    processor.on_end(by_hand)
    ask(provider, "q")
    assert provider.force_flush()
    assert stored() == [("q", "42.")]
    assert 1 <= len(caplog.messages) <= 3  # said, not for each


def test_two_providers_share_one_pipeline(
    make_provider: Callable[[], TracerProvider], ask: Ask, stored: Stored
) -> None:
    """Two tracer providers of one app fill one store; when one is shut down the other goes on."""
    first, second = make_provider(), make_provider()
    for provider in (first, second):
        provider.add_span_processor(AnnotationSpanProcessor())
    ask(first, "one")
    ask(second, "two")
    first.shutdown()
    assert [question for question, _ in stored()] == ["one", "two"]
    ask(second, "three")
    assert second.force_flush()
    assert [question for question, _ in stored()] == ["one", "two", "three"]


def test_shutting_one_provider_down_makes_no_half_record(
    make_provider: Callable[[], TracerProvider], stored: Stored, home: Path
) -> None:
    """What still runs on another provider is not read when this one is shut down."""
    first, second = make_provider(), make_provider()
    for provider in (first, second):
        provider.add_span_processor(AnnotationSpanProcessor())
    tracer = second.get_tracer("app")
    with tracer.start_as_current_span("invoke_agent", attributes={"gen_ai.operation.name": "invoke_agent"}):
        with tracer.start_as_current_span(
            "chat", attributes=CALL | {"gen_ai.prompt": "q", "gen_ai.completion": "half"}
        ):
            pass
        first.shutdown()
        assert not home.exists()
        with tracer.start_as_current_span(
            "chat", attributes=CALL | {"gen_ai.prompt": "q", "gen_ai.completion": "whole"}
        ):
            pass
    second.shutdown()
    assert stored() == [("q", "whole")]


def test_two_processors_on_one_provider_make_one_record(provider: TracerProvider, ask: Ask, stored: Stored) -> None:
    """Added twice by mistake, as by hand and by the hook, it still stores each answer once."""
    processor = AnnotationSpanProcessor()
    provider.add_span_processor(processor)
    provider.add_span_processor(AnnotationSpanProcessor())
    ask(provider, "q")
    assert provider.force_flush()
    assert stored() == [("q", "42.")]
    assert processor._engine is not None
    assert processor._engine.counts.total(Metric.RECORDS_MADE) == 1
    assert check_conservation(processor._engine.counts) == []


def test_other_settings_are_another_pipeline(provider: TracerProvider, ask: Ask, tmp_path: Path) -> None:
    """Two processors with different settings do not share anything."""
    for name in ("a", "b"):
        provider.add_span_processor(AnnotationSpanProcessor(home=tmp_path / name))
    ask(provider, "q")
    assert provider.force_flush()
    assert (tmp_path / "a" / "records.db").exists()
    assert (tmp_path / "b" / "records.db").exists()


def _openai_events(logger: _logs.Logger, question: str, answer: str) -> None:
    """What opentelemetry-instrumentation-openai-v2 emits within the span of a call (tests/corpus, openai__v2events)."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}
    for name, body in (
        ("gen_ai.system.message", {"content": "You are terse."}),
        ("gen_ai.user.message", {"content": question}),
        ("gen_ai.choice", choice),
    ):
        logger.emit(
            LogRecord(timestamp=time.time_ns(), event_name=name, body=body, attributes={"gen_ai.system": "openai"})
        )


def test_content_in_log_records_joins_its_span(provider: TracerProvider, stored: Stored) -> None:
    """Where an instrumentation writes messages only as events, the two processors together make the record."""
    processor = AnnotationSpanProcessor()
    provider.add_span_processor(processor)
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(AnnotationLogProcessor())
    with provider.get_tracer("openai").start_as_current_span("chat m", attributes=CALL):
        _openai_events(loggers.get_logger("openai"), "Name a river.", "Seine.")
    _openai_events(loggers.get_logger("openai"), "outside of any span", "is ignored")
    assert provider.force_flush()
    assert stored() == [("Name a river.", "Seine.")]
    assert processor._engine is not None
    assert processor._engine.counts.total(Metric.LOGS_RECEIVED) == 3
    loggers.shutdown()
    assert ours() != []  # the other seat goes on
    provider.shutdown()


def test_log_records_that_come_after_their_span_still_count(provider: TracerProvider, stored: Stored) -> None:
    """Content emitted after its span has ended and was read updates the reading."""
    processor = AnnotationSpanProcessor(root_grace_s=0)
    provider.add_span_processor(processor)
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(AnnotationLogProcessor(root_grace_s=0))
    with provider.get_tracer("openai").start_as_current_span("chat m", attributes=CALL) as span:
        pass
    assert provider.force_flush()
    with trace.use_span(span):
        _openai_events(loggers.get_logger("openai"), "Late?", "Still here.")
    assert provider.force_flush()
    assert stored() == [("Late?", "Still here.")]
    loggers.shutdown()


def test_the_hook_does_nothing_unless_asked(provider: TracerProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Being merely installed in an environment changes no program that runs under opentelemetry-instrument."""
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    install()
    monkeypatch.setenv("SPANLABEL_AUTO_PROCESSOR", "0")
    install()
    monkeypatch.setenv("SPANLABEL_AUTO_PROCESSOR", "1")
    monkeypatch.setenv("SPANLABEL_DISABLED", "1")
    install()
    assert provider._active_span_processor._span_processors == ()


def test_the_hook_adds_both_processors(
    provider: TracerProvider, ask: Ask, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPANLABEL_AUTO_PROCESSOR=1: spans and log records of the process's own providers are taken."""
    loggers = LoggerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(_logs, "get_logger_provider", lambda: loggers)
    monkeypatch.setenv("SPANLABEL_AUTO_PROCESSOR", "1")
    install()
    with provider.get_tracer("openai").start_as_current_span("chat m", attributes=CALL):
        _openai_events(loggers.get_logger("openai"), "Name a river.", "Seine.")
    assert provider.force_flush()
    assert stored() == [("Name a river.", "Seine.")]
    loggers.shutdown()


def test_the_hook_without_an_sdk_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no tracer provider of the SDK is set the hook says so, and raises nothing."""
    monkeypatch.setenv("SPANLABEL_AUTO_PROCESSOR", "1")
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    with caplog.at_level(logging.ERROR, "spanlabel"):
        install()
    assert "no tracer provider" in caplog.text


def test_spans_that_say_nothing_are_only_counted(provider: TracerProvider, ask: Ask, stored: Stored) -> None:
    """HTTP and database calls below which nothing ran are not held; what they ran in keeps its place in the tree."""
    processor = AnnotationSpanProcessor()
    provider.add_span_processor(processor)
    engine = processor._engine
    assert engine is not None
    tracer = provider.get_tracer("app")
    ask(provider, "first")  # from now on our thread knows what a model call looks like
    assert provider.force_flush()
    with tracer.start_as_current_span("POST /chat", kind=trace.SpanKind.SERVER):
        for _ in range(5):
            with tracer.start_as_current_span("SELECT", attributes={"db.system": "sqlite"}):
                pass
        with tracer.start_as_current_span("middleware"):
            ask(provider, "below")
    assert provider.force_flush()
    assert stored() == [("first", "42."), ("below", "42.")]
    assert engine.counts.total(Metric.SPANS_RECEIVED) == 1 + 8
    assert engine.counts.total(Metric.SPANS_DECIDED, reason="not_genai") == 5
    assert check_conservation(engine.counts) == []
    assert engine._needed == set()


def test_a_span_whose_words_are_only_in_its_log_records_is_held(provider: TracerProvider, stored: Stored) -> None:
    """A span that looks like any other is kept where log records with content belong to it."""
    processor = AnnotationSpanProcessor()
    provider.add_span_processor(processor)
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(AnnotationLogProcessor())
    tracer = provider.get_tracer("app")
    for question in ("warm up", "Name a river."):
        with tracer.start_as_current_span("POST /chat"), tracer.start_as_current_span("call"):
            _openai_events(loggers.get_logger("openai"), question, "Seine.")
        assert provider.force_flush()
    assert stored() == [("warm up", "Seine."), ("Name a river.", "Seine.")]
    loggers.shutdown()


def test_an_app_that_leaves_delivery_to_another_process(
    provider: TracerProvider, ask: Ask, home: Path, scripted: Any
) -> None:
    """
    With `deliver_in: elsewhere` the app only writes into the outbox: it never calls the platform, has no thread for
    it, and a flush is done when the record lies there.
    """
    provider.add_span_processor(AnnotationSpanProcessor(platform="scripted", deliver_in="elsewhere"))
    ask(provider, "q")
    assert provider.force_flush()
    assert "spanlabel-scripted" not in ours()
    provider.shutdown()

    assert scripted.suppressed == []
    outbox = Outbox(home / "outbox.db", max_bytes=1 << 24)
    assert outbox.tally("scripted") == Tally(made=1, waiting=1)
    outbox.close()


def test_an_app_without_the_platform_s_key(provider: TracerProvider, ask: Ask, home: Path) -> None:
    """
    Nor does it need the platform's address or key, or its SDK.
    """
    provider.add_span_processor(AnnotationSpanProcessor(platform="argilla", deliver_in="elsewhere"))
    ask(provider, "q")
    assert provider.force_flush()
    provider.shutdown()

    outbox = Outbox(home / "outbox.db", max_bytes=1 << 24)
    assert outbox.tally("argilla") == Tally(made=1, waiting=1)
    outbox.close()
