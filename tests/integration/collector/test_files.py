"""Each file of `collector/` on a real Collector, of both sets of modules."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from servers.collector import FOLDER, NEWEST, build_collector, free_port, run_collector, validate
from servers.otlp_sink import otlp_sink
from servers.patience import until
from servers.traces import make_trace

from spanlabel.dialects import READERS, is_genai
from spanlabel.wire.otlp_json import read_document

pytestmark = pytest.mark.integration

FILES = sorted(path.name for path in FOLDER.glob("*.yaml") if not path.name.startswith("manifest"))
ONLY_WITH_ALL_PARTS = {"load-balancing.yaml", "routing-per-backend.yaml"}
QUEUE = "queue_size: 268435456"
SPANLABEL = "otlp_grpc/spanlabel"


def spans_in(documents: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one.trace_id, one.span_id) for document in documents for one in read_document(document).spans}


def genai_in(documents: list[dict[str, Any]]) -> set[tuple[str, str]]:
    found = (one for document in documents for one in read_document(document).spans if is_genai(one))
    return {(one.trace_id, one.span_id) for one in found}


def logs_of(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A record with content, and one without, for each trace."""
    found = []
    for document in documents:
        span = document["resourceSpans"][0]["scopeSpans"][0]["spans"][-1]
        ids = {"traceId": span["traceId"], "spanId": span["spanId"], "timeUnixNano": span["startTimeUnixNano"]}
        records = [{**ids, "eventName": "gen_ai.choice"}, {**ids, "body": {"stringValue": "GET / 200"}}]
        found.append({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_collector_accepts_a_file_as_it_lies_there(program: Path, name: str) -> None:
    """Nothing needs to be changed for a file to be valid."""
    if name in ONLY_WITH_ALL_PARTS and program == build_collector(NEWEST):
        assert "unknown type" in validate(program, FOLDER / name)  # once it is known, the file can be tried there too
    else:
        assert validate(program, FOLDER / name) == ""


def test_the_copy_for_spanlabel_holds_all_that_it_reads(
    program: Path, recorded: list[dict[str, Any]], lab: Any
) -> None:
    """Fan-out: the backend has every span and log record ever recorded, spanlabel those that it reads."""
    traces = [one for one in recorded if "resourceSpans" in one]
    logs = [log for document in recorded for log in read_document(document).logs]
    everything, wanted = spans_in(traces), genai_in(traces)
    content = sorted((log.trace_id, log.span_id) for log in logs if READERS.knows(log))
    with otlp_sink() as backend, otlp_sink() as spanlabel:
        config = lab.config("fan-out.yaml", {"127.0.0.1:24317": backend.grpc, "127.0.0.1:14317": spanlabel.grpc})
        with run_collector(program, config, log=lab.log):
            lab.send(recorded)
            until(lambda: set(backend.spans) >= everything, "every span at the backend")
            until(lambda: set(spanlabel.spans) >= wanted, "every GenAI span at spanlabel")
            until(lambda: len(backend.logs) >= len(logs), "every log record at the backend")
            until(lambda: len(spanlabel.logs) >= len(content), "every record with content at spanlabel")
    assert sorted(spanlabel.logs) == content
    assert len(set(spanlabel.spans) - wanted) < (len(everything) - len(wanted)) / 20


def test_an_absent_spanlabel_is_not_felt(program: Path, lab: Any) -> None:
    """Fan-out: while spanlabel is away and its queue overflows, apps see no error and the backend has every span."""
    port = free_port()
    documents = [make_trace(number, 10) for number in range(600)]
    with ExitStack() as running:
        backend = running.enter_context(otlp_sink())
        places = {"127.0.0.1:24317": backend.grpc, "127.0.0.1:14317": f"127.0.0.1:{port}", QUEUE: "queue_size: 2000000"}
        config = lab.config("fan-out.yaml", places)
        collector = running.enter_context(run_collector(program, config, log=lab.log))
        lab.send(documents)  # 8 MB
        until(lambda: set(backend.spans) == spans_in(documents), "every span at the backend")
        until(lambda: "sending queue is full" in collector.log.read_text(), "spanlabel's queue overflows")
        spanlabel = running.enter_context(otlp_sink(grpc_port=port))
        later = [make_trace(number, 1) for number in range(1_000, 1_010)]
        until(lambda: len(spanlabel.spans) > 0, "what was waiting comes when spanlabel is back")
        lab.send(later)
        until(lambda: set(spanlabel.spans) >= genai_in(later), "and what is sent from then on")
        assert set(spanlabel.spans) < genai_in(documents + later)
        assert collector.metric("exporter_enqueue_failed_spans", SPANLABEL) > 0
        assert collector.metric("exporter_enqueue_failed_spans", "otlp_grpc/backend") == 0
        assert set(backend.spans) >= spans_in(documents)


def test_nothing_is_missing_after_the_collector_was_killed(program: Path, lab: Any) -> None:
    """Persistent queue: what an app was told is taken arrives, though the Collector was killed with it in its hands."""
    documents = [make_trace(number, 5) for number in range(200)]
    logs = logs_of(documents)
    with otlp_sink() as spanlabel:
        spanlabel.refuses = True
        places = {"127.0.0.1:14317": spanlabel.grpc, "/var/lib/otelcol/spanlabel": str(lab.folder / "queue")}
        config = lab.config("persistent-queue.yaml", places)
        with run_collector(program, config, log=lab.log) as collector:
            lab.send(documents + logs)
            collector.kill()
        spanlabel.refuses = False
        assert spanlabel.spans == []
        with run_collector(program, config, log=lab.log):
            until(lambda: set(spanlabel.spans) == genai_in(documents), "every span")
            until(lambda: len(set(spanlabel.logs)) == len(documents), "a log record of each trace")


def test_each_trace_has_one_of_three_receivers(balancing: Path, lab: Any, way: Any) -> None:
    """Agent and gateway: spans and log records of a trace, though sent apart, come to the same receiver, and once."""
    documents = [make_trace(number, 5) for number in range(150)]
    gateway = f"127.0.0.1:{free_port()}"
    with ExitStack() as running:
        sinks = [running.enter_context(otlp_sink()) for _ in range(3)]
        config, environment = way(lab.folder, gateway, [sink.grpc for sink in sinks])
        running.enter_context(run_collector(balancing, config, log=lab.log, environment=environment))
        places = {"127.0.0.1:34317": gateway, "/var/lib/otelcol/spanlabel": str(lab.folder / "agent")}
        running.enter_context(run_collector(balancing, lab.config("agent.yaml", places), log=lab.folder / "agent-log"))
        lab.send(documents + logs_of(documents))
        until(lambda: sum(len(sink.spans) for sink in sinks) >= len(genai_in(documents)), "every span")
        until(lambda: sum(len(sink.logs) for sink in sinks) >= len(documents), "a log record of each trace")
    assert sorted(span for sink in sinks for span in sink.spans) == sorted(genai_in(documents))
    where: dict[str, set[int]] = defaultdict(set)
    for index, sink in enumerate(sinks):
        for trace_id, _ in (*sink.spans, *sink.logs):
            where[trace_id].add(index)
    shares = [index for [index] in where.values()]  # fails where a trace is at two
    assert min(shares.count(index) for index in range(3)) > 20


def test_each_trace_lies_in_one_partition(program: Path, kafka: Any, lab: Any) -> None:
    """Kafka: spans and log records of a trace lie in the same partition of their topics, large ones too."""
    from confluent_kafka import Consumer

    suffix = program.parent.name
    topics = {f"otlp_{kind}": kafka.make_topic(f"otlp_{kind}_{suffix}", 4) for kind in ("spans", "logs")}
    documents = [make_trace(number, 5) for number in range(100)]
    large = documents[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][1]
    large["attributes"][1]["value"]["stringValue"] = "x" * 900_000
    config = lab.config("kafka.yaml", topics | {"127.0.0.1:9092": kafka.brokers})
    where: dict[str, set[int]] = defaultdict(set)
    spans: set[tuple[str, str]] = set()
    logs: set[str] = set()
    consumer = Consumer({"bootstrap.servers": kafka.brokers, "group.id": suffix, "auto.offset.reset": "earliest"})
    consumer.subscribe(list(topics.values()))

    def has_all() -> bool:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            if message.topic() == topics["otlp_spans"]:
                request = trace_service_pb2.ExportTraceServiceRequest.FromString(message.value())
                groups = [scope.spans for resource in request.resource_spans for scope in resource.scope_spans]
                spans.update((one.trace_id.hex(), one.span_id.hex()) for group in groups for one in group)
            else:
                parsed = logs_service_pb2.ExportLogsServiceRequest.FromString(message.value())
                groups = [scope.log_records for resource in parsed.resource_logs for scope in resource.scope_logs]
                logs.update(one.trace_id.hex() for group in groups for one in group)
            for group in groups:
                for one in group:
                    where[one.trace_id.hex()].add(message.partition())
        return spans == genai_in(documents) and len(logs) == len(documents)

    try:
        with run_collector(program, config, log=lab.log):
            lab.send(documents + logs_of(documents))
            until(has_all, "every span and log record in Kafka", pause=lambda _: None)
    finally:
        consumer.close()
    assert {len(one) for one in where.values()} == {1}


def test_what_is_written_to_files_gives_the_same_records_later(
    program: Path, recorded: list[dict[str, Any]], lab: Any
) -> None:
    """Files: what the Collector keeps gives the same records as what was sent, though the rest was filtered out."""
    sent, kept = lab.folder / "sent.jsonl", lab.folder / "kept"
    sent.write_text("".join(json.dumps(one) + "\n" for one in recorded))
    with run_collector(
        program, lab.config("files.yaml", {"/var/lib/otelcol/genai": str(kept)}), log=lab.log
    ) as running:
        lab.send(recorded)
        running.terminate()  # the last batch is written before it ends
    assert {path.name for path in kept.iterdir()} == {"traces.jsonl", "logs.jsonl"}
    expected = records_of(sent)
    assert records_of(kept) == expected
    assert len(expected) > 500


def records_of(place: Path) -> dict[str, Any]:
    """What `extract` makes of a file or folder, by id."""
    command = [str(Path(sys.executable).with_name("spanlabel")), "extract", str(place), "--format", "jsonl"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={"HOME": str(place.parent)})
    found = [json.loads(line) for line in done.stdout.splitlines()]
    by_id = {one["id"]: (one["prompt"], one["answer"], one["answers"], one["messages"]) for one in found}
    assert len(by_id) == len(found)
    return by_id


def test_a_token_is_sent_over_tls_and_may_change(program: Path, lab: Any) -> None:
    """Token and TLS: requests are compressed by zstd and carry the token of the file, a new one when that changes."""
    certificate, key, token = (lab.folder / name for name in ("spanlabel-ca.pem", "key.pem", "spanlabel-token"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
         str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    token.write_text("the-first")
    with otlp_sink(certificate=(certificate, key)) as spanlabel:
        spanlabel.token = "Bearer the-first"
        places = {
            "spanlabel.example.com:4318": spanlabel.http,
            "/etc/otelcol/spanlabel-ca.pem": str(certificate),
            "/etc/otelcol/spanlabel-token": str(token),
        }
        with run_collector(program, lab.config("token-and-tls.yaml", places), log=lab.log) as collector:
            first = [make_trace(number, 3) for number in range(10)]
            lab.send(first)
            until(lambda: set(spanlabel.spans) == genai_in(first), "every span")
            assert {one["content-encoding"] for one in spanlabel.headers} == {"zstd"}
            spanlabel.token = "Bearer the-second"
            lab.send([make_trace(50, 3)])
            until(lambda: collector.metric("exporter_send_failed_spans", "otlp_http/spanlabel") == 3, "lost for good")
            token.write_text("the-second")
            numbers = iter(range(100, 10_000))

            def came_with_it() -> bool:  # one that still has the old token is lost
                lab.send([make_trace(next(numbers), 1)])
                return len(spanlabel.spans) > 30

            until(came_with_it, "spans with the new token")
            assert spanlabel.headers[-1]["authorization"] == "Bearer the-second"


def test_what_waits_can_be_seen(program: Path, lab: Any) -> None:
    """The Collector's own metrics, by the names that the page says, show what waits for spanlabel and what it had."""
    with otlp_sink() as backend, otlp_sink() as spanlabel:
        spanlabel.refuses = True
        config = lab.config("fan-out.yaml", {"127.0.0.1:24317": backend.grpc, "127.0.0.1:14317": spanlabel.grpc})
        with run_collector(program, config, log=lab.log) as collector:
            lab.send([make_trace(number, 3) for number in range(10)])
            until(lambda: collector.metric("exporter_queue_size", SPANLABEL) > 0, "something waits")
            assert collector.metric("exporter_queue_capacity", SPANLABEL) == 2 * 268_435_456  # of traces and of logs
            assert collector.metric("exporter_sent_spans", SPANLABEL) == 0
            spanlabel.refuses = False
            until(lambda: collector.metric("exporter_sent_spans", SPANLABEL) == 30, "all are sent")
            until(lambda: collector.metric("exporter_queue_size", SPANLABEL) == 0, "nothing waits")
