"""The configurations in `collector/`: what their filter lets pass, and what an operator changes in them."""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from spanlabel.cli import main
from spanlabel.config.receiver import ReceiverSettings
from spanlabel.config.settings import Settings
from spanlabel.dialects import DIALECTS, READERS, STRUCTURE_KEYS, is_genai
from spanlabel.metrics import Metric
from spanlabel.wire.decoded import Decoded
from spanlabel.wire.otlp_json import read_document

FOLDER = Path(__file__).parents[3] / "collector"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.startswith("manifest"))
CORPUS = Path(__file__).parents[2] / "corpus"
BEHIND_AN_AGENT = {"load-balancing.yaml", "routing-per-backend.yaml"}

KEYS = "String(Keys(span.attributes))"


def configured(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def filter_of(path: Path) -> Any:
    return configured(path)["processors"]["filter/genai"]


FAN_OUT = filter_of(FOLDER / "fan-out.yaml")
[SPANS] = FAN_OUT["traces"]["span"]
[LOGS] = FAN_OUT["logs"]["log_record"]


def expressions(condition: str, target: str) -> list[re.Pattern[str]]:
    """The regular expressions that a condition holds against one thing."""
    found = re.findall(rf'IsMatch\({re.escape(target)}, ("(?:[^"\\]|\\.)*")\)', condition)
    assert found, f"nothing is held against {target}"
    return [re.compile(json.loads(one)) for one in found]


KEY, SCOPE, NAME = (expressions(SPANS, one) for one in (KEYS, "scope.name", "span.name"))
LOG_NAMES = [expressions(LOGS, one)
             for one in ("log.event_name", 'log.attributes["event.name"]', 'log.attributes["event_name"]')]  # fmt: skip


def matches(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    return any(pattern.search(text) for pattern in patterns)


def key_passes(*keys: str) -> bool:
    return matches(KEY, json.dumps(keys, separators=(",", ":")))


def recorded() -> Iterator[Decoded]:
    for name in ("dev.tar.xz", "unseen.tar.xz"):
        with tarfile.open(CORPUS / name) as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.name.endswith(".jsonl") else None
                for line in opened or ():
                    yield read_document(json.loads(line))


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
def test_whatever_marks_a_dialect_passes_the_filter(dialect: Any) -> None:
    """Whatever spanlabel learns to read reaches it through a Collector, or this test says what the filter lacks."""
    lacking = [key for key in dialect.keys if not key_passes("first", key, "last")]
    lacking += [prefix for prefix in dialect.prefixes if not key_passes(f"{prefix}x")]
    lacking += [scope for scope in dialect.scopes if not matches(SCOPE, scope.replace("*", "x"))]
    lacking += [name for name in dialect.span_names if not matches(NAME, name.replace("*", "x"))]
    lacking += [name for name in dialect.events if name and not all(matches(one, name) for one in LOG_NAMES)]
    assert not lacking


def test_users_and_sessions_pass_too() -> None:
    """A span that only says whose conversation it is passes: it may stand above those with the content."""
    assert [key for key in STRUCTURE_KEYS if not key_passes(key)] == []


def test_all_recorded_spans_that_are_read_pass_the_filter() -> None:
    """Of all recorded spans each that spanlabel reads passes by its attributes, scope or name; hardly another does."""
    missing, passed, held = [], 0, 0
    for document in recorded():
        for span in document.spans:
            passes = key_passes(*span.attributes) or matches(SCOPE, span.scope.name) or matches(NAME, span.name)
            if is_genai(span):
                missing += [] if passes else [(span.name, span.scope.name, sorted(span.attributes))]
            else:
                passed, held = passed + passes, held + (not passes)
    assert missing == []
    assert passed < held / 50, f"{passed} spans pass that nobody reads, {held} do not"


def test_all_recorded_log_records_that_are_read_pass_the_filter() -> None:
    """Content in log records passes by the record's name, or by a body like AWS's."""
    read = [log for document in recorded() for log in document.logs if READERS.knows(log)]
    unnamed = [log for log in read if not matches(LOG_NAMES[0], log.event_name)]
    assert len(read) > 300
    assert 'IsMap(log.body) and (IsMap(log.body["input"]) or IsMap(log.body["output"]))' in " ".join(LOGS.split())
    assert all(isinstance(log.body, dict) for log in unnamed)
    assert all(isinstance(log.body.get("input"), dict) or isinstance(log.body.get("output"), dict) for log in unnamed)


@pytest.mark.parametrize(
    "keys",
    [
        ("http.request.method", "url.path", "user_agent.original", "network.peer.address"),
        ("db.system.name", "db.query.text", "server.address"),
        ("rpc.system", "rpc.grpc.status_code", "messaging.message.id"),
        ("ai_generated", "my.llm.input", "x.input", "inputs", "eventsource", "traceloop", "user.idle"),
    ],
)
def test_what_is_not_genai_stays_where_it_is(keys: tuple[str, ...]) -> None:
    """Spans of web servers, databases and one's own attributes are not sent to spanlabel."""
    assert not key_passes(*keys)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_filtered_in_the_same_way(path: Path) -> None:
    """It is the same filter wherever spans come from apps; behind an agent they are filtered already."""
    if path.name in BEHIND_AN_AGENT:
        assert "filter/genai" not in path.read_text()
        return
    assert filter_of(path) == FAN_OUT
    pipelines = configured(path)["service"]["pipelines"]
    unfiltered = {name for name, one in pipelines.items() if "filter/genai" not in one["processors"]}
    assert unfiltered == ({"traces", "logs"} if path.name == "fan-out.yaml" else set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_says_whom_it_is_for_and_what_to_change(path: Path) -> None:
    """Three lines say whom it is for, and at most two more are to be changed."""
    head, marks = path.read_text().splitlines()[:4], path.read_text().count("# change this")
    assert [line.startswith("# ") for line in head] == [True, True, True, False]
    assert head[0].startswith("# For you if ")
    assert marks in (1, 2)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_compresses_by_default(path: Path) -> None:
    """Each exporter over the network says its compression: left out it is gzip, the slowest."""
    exporters = configured(path)["exporters"]
    if "loadbalancing" in exporters:
        exporters = {"otlp": exporters["loadbalancing"]["protocol"]["otlp"]}
    sending = {name: one for name, one in exporters.items() if name.startswith("otlp") and name != "otlp_grpc/backend"}
    assert {one["compression"] for one in sending.values()} <= {"none", "zstd"}


@pytest.mark.parametrize("name", ["load-balancing.yaml"])
def test_spans_and_logs_of_a_trace_take_the_same_way(name: str) -> None:
    """The load balancer is told to go by trace id for logs as well, which it does not by itself."""
    balancing = configured(FOLDER / name)
    assert balancing["exporters"]["loadbalancing"]["routing_key"] == "traceID"
    assert {tuple(one["exporters"]) for one in balancing["service"]["pipelines"].values()} == {("loadbalancing",)}


def test_each_trace_id_has_exactly_one_receiver() -> None:
    """The ranges of the routing file are disjoint, leave nothing out, and are of one size."""
    connectors = configured(FOLDER / "routing-per-backend.yaml")["connectors"]
    tables = [
        [expressions(row["condition"], "trace_id.string")[0] for row in connectors[name]["table"]]
        for name in ("routing/traces", "routing/logs")
    ]
    assert tables[0] == tables[1]
    ends = [f"{'ab' * 15}{number:02x}" for number in range(256)]
    rows = [{end for end in ends if pattern.search(end)} for pattern in tables[0]]
    assert rows[0].isdisjoint(rows[1])
    assert [len(row) for row in rows] == [85, 85]


def test_the_manifest_holds_exactly_what_the_files_use() -> None:
    """A Collector built from the manifest has each part that a file names, and no other."""
    kinds = {"receivers", "processors", "exporters", "connectors", "extensions"}
    called = {"otlp_grpc": "otlp", "otlp_http": "otlphttp", "file_storage": "filestorage"}
    used = {
        (kind, called.get(part.partition("/")[0], part.partition("/")[0]))
        for path in FILES
        for kind, parts in configured(path).items()
        if kind in kinds
        for part in parts
    }
    for name, missing in (("manifest.yaml", set()), ("manifest-newest.yaml", {"loadbalancing", "routing"})):
        built = {
            (
                kind,
                re.sub(
                    r"(receiver|processor|exporter|connector|extension)$", "", part["gomod"].split()[0].split("/")[-1]
                ),
            )
            for kind, parts in configured(FOLDER / name).items()
            if kind in kinds
            for part in parts
        }
        assert built == {(kind, part) for kind, part in used if part not in missing}


def test_the_page_names_every_file() -> None:
    """Whoever opens the page finds each file of the folder, and none that is not there."""
    named = set(re.findall(r"`([\w-]+\.(?:yaml|service))`|`(Containerfile)`", (FOLDER / "README.md").read_text()))
    there = {path.name for path in FOLDER.iterdir()} - {"README.md"}
    assert {a or b for a, b in named} - {"spanlabel.yaml"} == there


PAGE = (FOLDER / "README.md").read_text()
COMMANDS = re.findall(r"^(?:[A-Z_]+=\S+ )*spanlabel (.*?)(?: +#.*)?$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_of_the_page(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of the page exists, and knows the options that the page gives it."""
    monkeypatch.setattr(sys, "argv", ["spanlabel", *line.split(), "--help"])
    assert main() == 0


@pytest.mark.parametrize("name", sorted(set(re.findall(r"SPANLABEL_([A-Z_]+)", PAGE))))
def test_each_setting_of_the_page(name: str) -> None:
    """Each setting that the page names is one."""
    known = {*Settings.model_fields, *ReceiverSettings.model_fields}
    assert name.lower() in known


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`(spanlabel\.[a-z_.]+)`", PAGE)) - {"spanlabel.yaml", "spanlabel.service"})
)
def test_each_metric_of_the_page(name: str) -> None:
    """Each metric that the page names is one."""
    assert name in {metric.value.name for metric in Metric}
