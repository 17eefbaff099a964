import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.sdk.trace import TracerProvider

from spanlabel import AnnotationSpanProcessor, compose, telemetry
from spanlabel.errors import ConfigError
from spanlabel.guest import Engine, engine, intake
from spanlabel.metrics import Metric, check_conservation
from spanlabel.pipeline import Pipeline


class App:
    """An application that makes model calls, traced, with our processor."""

    def __init__(self, provider: TracerProvider, ask: Callable[..., None], stored: Callable[[], list[Any]]) -> None:
        self.provider = provider
        self._ask = ask
        self._stored = stored

    def trace(self, **settings: object) -> Engine:
        processor = AnnotationSpanProcessor(**settings)
        self.provider.add_span_processor(processor)
        assert processor._engine is not None
        return processor._engine

    def ask(self, *questions: str) -> None:
        for question in questions:
            self._ask(self.provider, question)

    def flush(self, timeout_s: float = 30) -> bool:
        return self.provider.force_flush(timeout_millis=int(timeout_s * 1000))

    def stored(self) -> list[str]:
        return [question for question, _ in self._stored()]


@pytest.fixture
def app(provider: TracerProvider, ask: Callable[..., None], stored: Callable[[], list[Any]]) -> App:
    return App(provider, ask, stored)


class Hold:
    """Our thread is stuck with what it holds.

    Attributes:
        holding: Set when it has something in its hands.
        proceed: Lets it go on.
    """

    def __init__(self) -> None:
        self.holding = threading.Event()
        self.proceed = threading.Event()


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    hold = Hold()
    take = intake.Intake.take

    def wait(self: intake.Intake, things: Any, now_s: float) -> None:
        hold.holding.set()
        assert hold.proceed.wait(60)
        take(self, things, now_s)

    monkeypatch.setattr(intake.Intake, "take", wait)
    yield hold
    hold.proceed.set()


def test_a_full_queue_drops_the_newest_and_counts(app: App, hold: Hold, caplog: pytest.LogCaptureFixture) -> None:
    """Spans that come faster than they can be read are dropped, the newest first; it is counted, and said once."""
    engine = app.trace(queue_spans=10)
    app.ask("first")
    assert hold.holding.wait(60)
    app.ask(*(f"q{n}" for n in range(100)))
    hold.proceed.set()
    assert app.flush()
    assert app.stored() == ["first", *(f"q{n}" for n in range(10))]
    assert engine.counts.total(Metric.SPANS_RECEIVED) == 101
    assert engine.counts.total(Metric.SPANS_DECIDED, reason="queue_full") == 90
    assert check_conservation(engine.counts) == []
    assert len([line for line in caplog.messages if "were dropped" in line]) == 1


def test_the_app_is_not_held_up_when_we_are(app: App, hold: Hold) -> None:
    """While our thread is stuck, tracing costs the app no waiting, and a flush returns at its time-out."""
    app.trace(queue_spans=10)
    begin_s = time.monotonic()
    app.ask(*map(str, range(1000)))
    assert not app.flush(0.1)
    assert time.monotonic() - begin_s < 30  # it is stuck for 60


def test_a_flush_of_a_full_queue_stores_it(app: App, hold: Hold) -> None:
    """The bound of the queue does not keep a flush out."""
    app.trace(queue_spans=5)
    app.ask(*map(str, range(20)))
    flushed: list[bool] = []
    caller = threading.Thread(target=lambda: flushed.append(app.flush()))
    caller.start()
    hold.proceed.set()
    caller.join()
    assert flushed == [True]
    assert app.stored()[:5] == list("01234")


def test_flushes_from_several_threads_all_come_back(app: App) -> None:
    """Each of many threads that trace and flush at the same time finds its own record stored afterwards."""
    engine = app.trace()
    missing: list[str] = []

    def work(name: str) -> None:
        for n in range(5):
            app.ask(f"{name}{n}")
            if not app.flush() or f"{name}{n}" not in app.stored():
                missing.append(f"{name}{n}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert engine.counts.total(Metric.RECORDS_DELIVERED) == 30
    assert check_conservation(engine.counts) == []


def test_a_flush_keeps_its_time_when_the_platform_hangs(app: App, scripted: Any) -> None:
    """A platform that never answers costs the caller of a flush its time-out and no more; the records wait."""
    engine = app.trace(platform="scripted", flush_timeout_s=0.1)
    scripted.proceed.clear()
    for question in ("held up", "not held up either"):
        app.ask(question)
        begin_s = time.monotonic()
        assert not app.flush(0.2)
        assert 0.19 <= time.monotonic() - begin_s < 30  # the platform would take 60
    assert engine.counts.total(Metric.RECORDS_WAITING) == 2
    assert check_conservation(engine.counts) == []
    scripted.proceed.set()
    assert app.flush()
    assert engine.counts.total(Metric.RECORDS_DELIVERED) == len(scripted.platform.records) == 2


def test_shutdown_keeps_its_time_when_the_platform_hangs(app: App, scripted: Any) -> None:
    """Shutdown takes `flush_timeout_s` and a second at most; what was not delivered waits in the outbox."""
    app.trace(platform="scripted", flush_timeout_s=0.2)
    scripted.proceed.clear()
    app.ask("q")
    begin_s = time.monotonic()
    app.provider.shutdown()
    assert time.monotonic() - begin_s < 0.2 + engine.CLOSE_S + 30  # the platform would take 60
    scripted.proceed.set()
    for thread in threading.enumerate():  # what was stuck in the platform's call ends after it
        if thread.name.startswith("spanlabel"):
            thread.join(60)


def test_none_of_our_own_calls_is_traced(app: App, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Platform and database are called where OpenTelemetry is told to make no spans; the app's thread is left alone."""
    statements: list[bool] = []

    class Watched(sqlite3.Connection):
        def execute(self, *args: Any) -> Any:
            statements.append(bool(context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY)))
            return super().execute(*args)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **how: connect(*args, factory=Watched, **how))
    app.trace(platform="scripted")
    app.ask("q")
    assert app.flush()
    app.provider.shutdown()
    assert len(scripted.suppressed) == 3  # open, write, close
    assert all(scripted.suppressed)
    assert len(statements) > 10
    assert all(statements)
    assert not context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY)


@pytest.mark.parametrize("place", ["span_from_sdk", "accept", "tick"])
def test_a_fault_of_ours_is_counted_and_the_app_goes_on(
    place: str, app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception in our reading costs what it met, is counted and said without content; what comes after is read."""
    engine = app.trace()
    owner: Any = intake if place == "span_from_sdk" else Pipeline
    real = getattr(owner, place)
    failed: list[int] = []

    def fail_once(*args: Any, **named: Any) -> Any:
        if not failed:
            failed.append(1)
            raise RuntimeError("a bug while reading SECRET")
        return real(*args, **named)

    monkeypatch.setattr(owner, place, fail_once)
    for question in ("first", "second"):
        app.ask(question)
        assert app.flush()
    assert "second" in app.stored()
    assert failed
    assert engine.counts.total(Metric.FAULTS) == 1
    assert "RuntimeError" in caplog.text
    assert "SECRET" not in caplog.text
    assert check_conservation(engine.counts) == []


@pytest.mark.parametrize("error", [ConfigError("no such dialect"), RuntimeError("a bug"), MemoryError()])
def test_what_cannot_be_built_is_off(
    error: Exception, app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where our parts cannot be put together we are off with one log entry; nothing piles up, nothing is waited for."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(compose, "start", fail)
    engine = app.trace()
    app.ask(*map(str, range(10)))
    app.flush()
    app.ask("later")
    assert app.flush()
    assert not engine._queue
    assert len([line for line in caplog.messages if "spanlabel is off" in line]) == 1


@pytest.mark.parametrize(
    ("error", "said"), [("can't start new thread", 1), ("can't create new thread at interpreter shutdown", 0)]
)
def test_without_a_thread_shutdown_does_the_work(
    error: str, said: int, app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the system or the ending interpreter gives no thread, nothing is raised, and what was traced is stored."""
    app.trace()

    def fail(_: threading.Thread) -> None:
        raise RuntimeError(error)

    monkeypatch.setattr(threading.Thread, "start", fail)
    app.ask("one", "two")
    assert not app.flush()
    app.provider.shutdown()
    assert app.stored() == ["one", "two"]
    assert len(caplog.messages) == said


def test_a_thread_that_is_to_be_had_later_is_taken(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system has threads again, what waited is stored."""
    app.trace()

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        app.ask("early")
    app.ask("later")
    assert app.flush()
    assert app.stored() == ["early", "later"]


@pytest.mark.parametrize("place", ["a file in the way", "damaged outbox", "no room"])
def test_a_store_that_cannot_be_used_is_said_once(
    place: str, app: App, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Records are dropped and counted, one line says which file and what to do, and the app goes on."""
    settings: dict[str, object] = {}
    if place == "a file in the way":
        home.write_text("not a folder")
    elif place == "damaged outbox":
        home.mkdir()
        (home / "outbox.db").write_bytes(b"damaged" * 1000)
    else:
        settings["outbox_max_bytes"] = 1000
    engine = app.trace(**settings)
    with caplog.at_level(logging.WARNING, "spanlabel"):
        for question in ("one", "two", "three"):
            app.ask(question)
            app.flush(1)
    assert engine.counts.total(Metric.RECORDS_DROPPED) == 3
    assert check_conservation(engine.counts) == []
    [line] = [line for line in caplog.messages if "dropped" in line]
    assert str(home) in line
    assert "SPANLABEL_" in line or "move it away" in line


def test_a_store_that_is_repaired_is_used_again(app: App, home: Path) -> None:
    """When what was wrong with the home is put right, records are stored again without a restart."""
    home.write_text("not a folder")
    engine = app.trace()
    app.ask("lost")
    app.flush(1)
    home.unlink()
    app.ask("kept")
    assert app.flush()
    assert app.stored() == ["kept"]
    assert engine.counts.total(Metric.RECORDS_DROPPED, reason="store") == 1
    assert check_conservation(engine.counts) == []


def test_our_counts_are_shown_as_metrics(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted in an app is under observation from the first span until shutdown."""
    monkeypatch.setattr(telemetry, "_state", telemetry._State())
    app.trace()
    assert telemetry._state.process is None
    app.ask("q")
    assert app.flush()
    assert telemetry._state.process is not None
    [counts] = telemetry._state.process._observed
    assert counts.total(Metric.RECORDS_DELIVERED) == 1
    app.provider.shutdown()
    assert telemetry._state.process._observed == []


def test_a_bell_may_be_rung_in_the_middle_of_ringing() -> None:
    """A span that ends in a finalizer, which may run anywhere, never makes the app wait for itself."""
    bell = engine._Bell()
    bell.ring()
    bell.ring()
    assert bell.is_ringing
    bell.wait(0)
    assert not bell.is_ringing
    begin_s = time.monotonic()
    bell.wait(0.01)
    assert time.monotonic() - begin_s >= 0.009
