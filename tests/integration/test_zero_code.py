"""An application that does not know of spanlabel, under `opentelemetry-instrument`: only variables are set."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.patience import PATIENCE_S

from spanlabel.demo.provider import CHAT_MODEL, ScriptedProvider
from spanlabel.demo.script import Script, answered
from spanlabel.demo.sink import OtlpSink
from spanlabel.platforms.local import LocalStore

pytestmark = pytest.mark.integration

QUESTIONS = {"Name a river.": "The Seine.", "And a lake?": "Lake Geneva.", "A sea?": "The Aral Sea, once."}

APP = f"""
import os
from openai import OpenAI

with OpenAI(base_url=os.environ["PROVIDER"], api_key="none", timeout=120) as client:
    for question in {list(QUESTIONS)!r}:
        asked = [{{"role": "user", "content": question}}]
        print(client.chat.completions.create(model={CHAT_MODEL!r}, messages=asked).choices[0].message.content)
"""

# What the tests add at the end of the app: what became of it, as numbers.
EPILOGUE = """
import json
from opentelemetry import _logs, trace
from spanlabel.guest.engines import _engines
from spanlabel.metrics import check_conservation

for provider in (_logs.get_logger_provider(), trace.get_tracer_provider()):
    if hasattr(provider, "force_flush"):  # one that is not configured has none
        provider.force_flush(120_000)
for engine in _engines._by_settings.values():
    assert engine.flush(120)
    counts = engine.counts
    numbers = {metric.name: counts.total(metric) for metric, _ in counts.snapshot()}
    print("spanlabel", json.dumps({"broken": check_conservation(counts), **numbers}))
"""


class Outcome:
    """What an app did.

    Attributes:
        said: What it printed for its user.
        logged: Its lines on standard error.
        engines: The numbers of each of our engines in it.
        records: Question and answer of what was stored.
    """

    def __init__(self, output: str, errors: str, home: Path) -> None:
        lines = output.splitlines()
        self.said = [line for line in lines if not line.startswith("spanlabel ")]
        self.logged = errors.splitlines()
        self.engines: list[dict[str, Any]] = [
            json.loads(line.removeprefix("spanlabel ")) for line in lines if line.startswith("spanlabel ")
        ]
        self.records: dict[str, str] = {}
        if (home / "records.db").exists():
            with LocalStore(home / "records.db") as store:
                self.records = {record.prompt: record.answer for record in store.records()}


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider(Script(answered(question, answer) for question, answer in QUESTIONS.items())) as provider:
        yield provider


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


@pytest.fixture
def run(provider: ScriptedProvider, sink: OtlpSink, tmp_path: Path) -> Callable[..., Outcome]:
    """Runs an app under opentelemetry-instrument with these variables, beside the standard exporter."""
    home = tmp_path / "home"

    def call(app: str = APP, **variables: str) -> Outcome:
        (tmp_path / "app.py").write_text(app + EPILOGUE)
        clean = {n: v for n, v in os.environ.items() if not n.startswith(("SPANLABEL_", "OTEL_", "TRACELOOP_"))}
        given = {
            "PROVIDER": provider.base_url,
            "NO_PROXY": "127.0.0.1",
            "SPANLABEL_HOME": str(home),
            "OTEL_SERVICE_NAME": "shop",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": sink.endpoint,
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        done = subprocess.run(
            [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, "app.py"],
            env=clean | given | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outcome = Outcome(done.stdout, done.stderr, home)
        assert all(engine["broken"] == [] for engine in outcome.engines)
        return outcome

    return call


def test_without_a_word_about_us_nothing_happens(run: Callable[..., Outcome], sink: OtlpSink) -> None:
    """Where spanlabel is merely installed, an instrumented app runs as before: no record, no line, all its spans."""
    outcome = run()
    assert outcome.said == list(QUESTIONS.values())
    assert (outcome.engines, outcome.records, outcome.logged) == ([], {}, [])
    assert len(sink.received()) == 3


def test_as_one_of_the_exporters(run: Callable[..., Outcome], sink: OtlpSink) -> None:
    """OTEL_TRACES_EXPORTER=otlp,spanlabel: each answer is a record, and the other exporter still gets every span."""
    outcome = run(OTEL_TRACES_EXPORTER="otlp,spanlabel")
    assert outcome.said == list(QUESTIONS.values())
    assert outcome.records == QUESTIONS
    assert outcome.logged == []
    assert len(sink.received()) == 3
    [engine] = outcome.engines
    assert engine["SPANS_RECEIVED"] == engine["RECORDS_DELIVERED"] == 3


def test_by_the_hook(run: Callable[..., Outcome], sink: OtlpSink) -> None:
    """SPANLABEL_AUTO_PROCESSOR=1 puts the recommended seat into an app without a line of code."""
    outcome = run(SPANLABEL_AUTO_PROCESSOR="1")
    assert outcome.records == QUESTIONS
    assert outcome.logged == []
    assert len(sink.received()) == 3


def test_hook_and_exporter_together(run: Callable[..., Outcome]) -> None:
    """With both, each span is read once: the exporter stands aside."""
    outcome = run(SPANLABEL_AUTO_PROCESSOR="1", OTEL_TRACES_EXPORTER="spanlabel,otlp", OTEL_BSP_SCHEDULE_DELAY="100")
    assert outcome.records == QUESTIONS
    [engine] = outcome.engines
    assert engine["SPANS_RECEIVED"] == engine["RECORDS_MADE"] == 3


EVENTS = """
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
OpenAIInstrumentor(use_legacy_attributes=False).instrument()
"""


@pytest.mark.parametrize("seat", ["exporters", "hook", "hook and log exporter"])
def test_content_that_comes_in_log_records(seat: str, run: Callable[..., Outcome]) -> None:
    """OTEL_LOGS_EXPORTER=spanlabel, or the hook: where messages are only in log records they are found there."""
    variables = {
        "exporters": {"OTEL_TRACES_EXPORTER": "spanlabel", "OTEL_LOGS_EXPORTER": "spanlabel"},
        "hook": {"OTEL_LOGS_EXPORTER": "console", "SPANLABEL_AUTO_PROCESSOR": "1"},
        "hook and log exporter": {"OTEL_LOGS_EXPORTER": "spanlabel", "SPANLABEL_AUTO_PROCESSOR": "1"},
    }[seat]
    outcome = run(EVENTS + APP, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="openai", **variables)
    assert outcome.records == QUESTIONS
    [engine] = outcome.engines
    assert engine["LOGS_RECEIVED"] >= 6
    assert engine["RECORDS_MADE"] == 3


@pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry.configuration") is None,
    reason="the package opentelemetry-configuration is not installed",
)
def test_by_a_declarative_file(run: Callable[..., Outcome], sink: OtlpSink, tmp_path: Path) -> None:
    """OTEL_CONFIG_FILE: the exporter stands in the file, and its settings come from there as keyword arguments."""
    (tmp_path / "otel.yaml").write_text(f"""
file_format: "1.0"
resource:
  attributes: [{{name: service.name, value: shop}}]
tracer_provider:
  processors:
    - batch: {{exporter: {{otlp_http: {{endpoint: "{sink.endpoint}"}}}}}}
    - batch:
        exporter:
          spanlabel: {{home: "{tmp_path}/elsewhere", min_confidence: 0.5, queue_spans: 100}}
""")
    outcome = run(OTEL_CONFIG_FILE=str(tmp_path / "otel.yaml"))
    assert outcome.said == list(QUESTIONS.values())
    assert "spanlabel" not in "".join(outcome.logged)  # the SDK has a line of its own about the file
    assert outcome.records == {}
    with LocalStore(tmp_path / "elsewhere" / "records.db") as store:
        assert {record.prompt: record.answer for record in store.records()} == QUESTIONS
    assert len(sink.received()) == 3


@pytest.mark.parametrize("seat", ["exporter", "hook"])
def test_a_wrong_setting_switches_only_us_off(seat: str, run: Callable[..., Outcome], sink: OtlpSink) -> None:
    """A mistake in our settings is one line; the app, its tracing and its other exporter go on."""
    variables = {"OTEL_TRACES_EXPORTER": "spanlabel,otlp"} if seat == "exporter" else {"SPANLABEL_AUTO_PROCESSOR": "1"}
    outcome = run(SPANLABEL_PLATFORM="argila", **variables)
    assert outcome.said == list(QUESTIONS.values())
    [line] = outcome.logged
    for told in ("spanlabel is off", "platform", "argila", "SPANLABEL_PLATFORM"):
        assert told in line
    assert len(sink.received()) == 3


@pytest.mark.parametrize("switch", ["SPANLABEL_DISABLED", "OTEL_SDK_DISABLED"])
def test_one_variable_switches_it_off(switch: str, run: Callable[..., Outcome], sink: OtlpSink) -> None:
    """SPANLABEL_DISABLED leaves all other tracing alone; OTEL_SDK_DISABLED switches us off with the rest."""
    outcome = run(OTEL_TRACES_EXPORTER="otlp,spanlabel", SPANLABEL_AUTO_PROCESSOR="1", **{switch: "true"})
    assert outcome.said == list(QUESTIONS.values())
    assert (outcome.engines, outcome.records, outcome.logged) == ([], {}, [])
    assert len(sink.received()) == (3 if switch == "SPANLABEL_DISABLED" else 0)
