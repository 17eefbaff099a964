"""Rules between pairs and records: what they drop is counted, and the numbers add up whatever happens."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from spanlabel import AnnotationSpanProcessor
from spanlabel.assembly import Limits
from spanlabel.compose import Running
from spanlabel.config.loading import load
from spanlabel.dialects import READERS
from spanlabel.errors import ConfigError
from spanlabel.metrics import Counts, Metric, check_conservation
from spanlabel.model import Pair, Record, Span, Trace
from spanlabel.pipeline import Pipeline
from spanlabel.records import record_id
from spanlabel.rules import Dropped, Rule
from spanlabel.testing import llm_span, make_span, span_id, trace_id


class Kept:
    """Where the pipeline hands its records in."""

    def __init__(self) -> None:
        self.puts: list[Record] = []
        self.superseded: list[str] = []

    def put(self, records: Sequence[Record]) -> None:
        self.puts.extend(records)

    def supersede(self, record_ids: Sequence[str]) -> None:
        self.superseded.extend(record_ids)


@pytest.fixture
def counts() -> Counts:
    return Counts()


def dropped(counts: Counts) -> dict[str, int]:
    return {
        dict(labels)["rule"]: n for (metric, labels), n in counts.snapshot().items() if metric is Metric.PAIRS_DROPPED
    }


def asked(text: str, **more: Any) -> Span:
    """A model call that was answered."""
    return llm_span(text, "Yes.", **more)


MakeRunning = Callable[..., Running]


@pytest.fixture
def make_running(home: Path, counts: Counts) -> MakeRunning:
    """Makes the parts with settings that are given as to a seat."""
    made: list[Running] = []

    def make(**given: object) -> Running:
        made.append(Running(load(**given).settings, Limits.for_processor(), counts))  # type: ignore[arg-type]
        return made[-1]

    return make


class TestSettings:
    def test_each_rule_counts_what_it_drops(self, make_running: MakeRunning, counts: Counts) -> None:
        """
        What is dropped is counted under the name of the setting that dropped it, and the numbers add up.
        """
        running = make_running(
            include=["service=shop"],
            exclude=["model=old-*", "scope=noise"],
            sample=0.0,
            sample_when=["attribute.keep=yes"],
            redact=["email"],
            dedup=60,
            per_day=2,
        )
        yes = {"keep": "yes"}
        spans = [
            asked("a", service="desk", trace=1, more=yes),
            asked("a", service="shop", model="old-1", trace=2, more=yes),
            asked("a", service="shop", trace=3),
            asked("a@b.de", service="shop", trace=4, more=yes),
            asked("c@d.de", service="shop", trace=5, more=yes),
            asked("b", service="shop", trace=6, more=yes),
            asked("c", service="shop", trace=7, more=yes),
        ]

        running.pipeline.accept(spans, now_s=0)
        running.flush(0, everything=True)
        running.deliver(5)

        assert dropped(counts) == {"include": 1, "exclude": 1, "sample": 1, "dedup": 1, "per_day": 1}
        assert counts.total(Metric.RECORDS_DELIVERED) == 2
        assert check_conservation(counts) == []
        running.close()

    def test_the_app_without_rules_does_not_pay(self, make_running: MakeRunning, home: Path) -> None:
        """
        Without a rule nothing of them is opened, and no file is made.
        """
        running = make_running()

        running.pipeline.accept([asked("a")], now_s=0)
        running.flush(0, everything=True)

        assert not (home / "rules.db").exists()
        running.close()

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            (
                "nowhere_at_all:mask",
                "redact_with = 'nowhere_at_all:mask' (keyword argument): cannot be imported: ModuleNotFoundError",
            ),
            ("json:no_such", "redact_with = 'json:no_such' (keyword argument): cannot be imported: AttributeError"),
            ("json:__name__", "redact_with = 'json:__name__' (keyword argument): is no function"),
        ],
    )
    def test_a_function_that_is_not_there(self, make_running: MakeRunning, path: str, message: str) -> None:
        """
        If the app's own function cannot be had, nothing starts: no record goes out unredacted.
        """
        with pytest.raises(ConfigError, match=re.escape(message)):
            make_running(redact_with=path)

    def test_an_own_function(self, make_running: MakeRunning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A function of the app's, also one of a class, gets each text.
        """
        (tmp_path / "my_privacy_x.py").write_text(
            "class Names:\n    hide = staticmethod(lambda t: t.replace('Ann', '*'))"
        )
        monkeypatch.syspath_prepend(tmp_path)
        running = make_running(redact_with="my_privacy_x:Names.hide")
        passed = running.pipeline

        passed.accept([asked("I am Ann")], now_s=0)

        assert [pair.prompt for pair in passed.drain(now_s=0)] == ["I am *"]
        running.close()

    def test_in_an_application(self, home: Path, provider: TracerProvider, ask: Callable[..., None]) -> None:
        """
        In an application the rules are those of the environment or of the seat's keywords; files are closed after it.
        """
        provider.add_span_processor(AnnotationSpanProcessor(redact=["email"], dedup=60))
        for _ in range(3):
            ask(provider, "Who is a@b.de?", "a@b.de is Ann.")
        provider.shutdown()

        from spanlabel.platforms.local import LocalStore

        with LocalStore(home / "records.db") as store:
            [found] = store.records(newest_first=False)
        assert (found.prompt, found.answer) == ("Who is [email]?", "[email] is Ann.")
        assert found.metadata["duplicates"] == 2

    def test_an_application_without_its_function(
        self, home: Path, provider: TracerProvider, ask: Callable[..., None], caplog: pytest.LogCaptureFixture
    ) -> None:
        """
        An application whose function cannot be imported runs on without spanlabel, and one line says why.
        """
        provider.add_span_processor(AnnotationSpanProcessor(redact_with="nowhere_at_all:mask"))
        ask(provider, "Who is a@b.de?")
        provider.shutdown()

        [said] = [one.getMessage() for one in caplog.records]
        named = "redact_with = 'nowhere_at_all:mask' (keyword argument)"
        assert said.startswith(f"spanlabel is off in this process: {named}: cannot be imported")
        assert not home.exists()


class TestCounting:
    def test_a_count_that_grows_is_written_again(self, make_running: MakeRunning, counts: Counts, home: Path) -> None:
        """
        A record that has been delivered gets its new count a minute later, as an update that is counted as such.
        """
        running = make_running(dedup=60)
        pipeline = running.pipeline
        pipeline.accept([asked("a", trace=1)], now_s=0)
        running.flush(0, everything=True)
        running.deliver(5)
        pipeline.accept([asked("A ", trace=2), asked("a", trace=3)], now_s=10)
        for now_s in range(10, 60, 2):
            pipeline.tick(now_s=now_s)
        due_s = pipeline.next_due_s()
        assert due_s is not None
        assert 60 <= due_s <= 120
        pipeline.tick(now_s=due_s)
        running.deliver(5)

        from spanlabel.platforms.local import LocalStore

        with LocalStore(home / "records.db") as store:
            [found] = store.records(newest_first=False)
        assert found.metadata["duplicates"] == 2
        assert (counts.total(Metric.RECORDS_RECOUNTED), counts.total(Metric.RECORDS_DELIVERED)) == (1, 2)
        assert check_conservation(counts) == []
        running.close()

    def test_a_late_span(self, make_running: MakeRunning, counts: Counts) -> None:
        """
        A pair that is read again because a span came late is neither a duplicate of itself nor over the day's cap.
        """
        running = make_running(dedup=60, per_day=1, idle_s=1, root_grace_s=0)
        pipeline = running.pipeline
        run = make_span(trace=1, span=1, attributes={"gen_ai.operation.name": "invoke_agent"})
        pipeline.accept([run, llm_span("a", "one", trace=1, span=2, parent=1)], now_s=0)
        for now_s in (0, 5, 10):
            pipeline.tick(now_s=now_s)
        pipeline.accept([llm_span("a", "two", trace=1, span=3, parent=1, start_s=2, end_s=3)], now_s=11)
        for now_s in range(11, 200):
            pipeline.tick(now_s=now_s)
        running.deliver(5)

        assert dropped(counts) == {}
        assert counts.total(Metric.PAIRS) == 2
        assert check_conservation(counts) == []
        running.close()

    def test_a_file_that_cannot_be_used(
        self, make_running: MakeRunning, counts: Counts, home: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """
        While the memory of dedup and per_day cannot be used everything passes, and that is said once.
        """
        home.mkdir()
        (home / "rules.db").write_text("this is no database")
        running = make_running(per_day=1)

        for now_s in (0, 10):
            running.pipeline.accept([asked("a", trace=now_s + n) for n in (1, 2)], now_s=now_s)
            running.flush(now_s, everything=True)
        running.deliver(5)

        [said] = [one.getMessage() for one in caplog.records if "per_day" in one.getMessage()]
        assert str(home / "rules.db") in said
        assert counts.total(Metric.RECORDS_DELIVERED) == 4
        assert check_conservation(counts) == []
        running.close()


class TestFaults:
    def make(self, counts: Counts, kept: Kept, *rules: Rule) -> Pipeline:
        return Pipeline(Limits.for_files(), window_s=0, rules=rules, counts=counts, sink=kept)

    def test_a_rule_that_raises(self, counts: Counts, caplog: pytest.LogCaptureFixture) -> None:
        """
        A rule that raises costs its pair and no other; the log says it once and repeats nothing that was said.
        """

        def broken(pair: Pair, _: Trace) -> Pair | Dropped:
            if "secret" in pair.prompt:
                raise ValueError(pair.prompt)
            return pair

        kept = Kept()
        pipeline = self.make(counts, kept, broken)

        pipeline.accept(
            [asked(text, trace=n) for n, text in enumerate(("a", "my secret", "b", "a secret"), 1)], now_s=0
        )
        pipeline.drain(now_s=0)

        assert [record.prompt for record in kept.puts] == ["a", "b"]
        assert dropped(counts) == {"fault": 2}
        [said] = [one.getMessage() for one in caplog.records]
        assert said == "A pair is dropped (fault): a rule raised ValueError; further ones are counted only"
        assert "secret" not in caplog.text

    def test_a_dialect_that_raises(
        self, counts: Counts, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        What a fault in reading says of itself may hold what was read, and is not logged; where it was, is.
        """
        caplog.set_level(logging.DEBUG)
        kept = Kept()

        class Odd(type(READERS)):  # type: ignore[misc] # its class is of no other use here
            def read(self, span: object, logs: object = ()) -> object:
                raise ValueError("about my secret")

        odd = Odd(READERS.dialects)
        pipeline = Pipeline(Limits.for_files(), window_s=0, rules=(), counts=counts, sink=kept, readers=odd)

        pipeline.accept([asked("my secret")], now_s=0)
        pipeline.drain(now_s=0)

        assert "ValueError" in caplog.text
        assert "test_in_the_pipeline.py" in caplog.text
        assert "about my" not in caplog.text.replace('raise ValueError("about my secret")', "")

    def test_what_a_rule_drops_is_taken_back(self, counts: Counts) -> None:
        """
        A record that waits is taken back if its trace, read again, gives a pair that a rule drops.
        """

        def no_errors(pair: Pair, _: Trace) -> Pair | Dropped:
            return Dropped("exclude") if "sorry" in pair.answer else pair

        kept = Kept()
        limits = Limits.for_processor()
        pipeline = Pipeline(limits, window_s=0, rules=(no_errors,), counts=counts, sink=kept)
        run = make_span(trace=1, span=1, attributes={"gen_ai.operation.name": "invoke_agent"})
        pipeline.accept([run, llm_span("a", "one", trace=1, span=2, parent=1)], now_s=0)
        pipeline.tick(now_s=100)
        pipeline.accept([llm_span("a", "sorry", trace=1, span=3, parent=1, start_s=2, end_s=3)], now_s=101)
        for now_s in range(101, 500, 10):
            pipeline.tick(now_s=now_s)

        assert len(kept.puts) == 1
        assert kept.superseded == [record_id(trace_id(1), span_id(1), 0)]
