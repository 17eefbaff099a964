"""From apps over a real Collector into `spanlabel serve`, and out again as records."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from servers.collector import free_port, run_collector
from servers.patience import until
from servers.serving import Receiver, run_receiver
from servers.traces import make_trace, shuffled

from spanlabel.platforms.local import LocalStore

pytestmark = pytest.mark.integration


PATIENT = {"root_grace_s": 600, "idle_s": 600}
"""No trace is read in halves while a part of it waits in a Collector, however slow the machine is."""
SOON = {"root_grace_s": 5, "idle_s": 5, "window_s": 0.3}


def read_soon(receiver: Receiver) -> None:
    """Start it again, so that it reads what it has."""
    assert receiver.stop() == 0
    receiver.settings = SOON
    receiver.start()


def answers(*receivers: Receiver) -> Counter[tuple[str, str]]:
    """Question and answer of all records of all receivers."""
    found: Counter[tuple[str, str]] = Counter()
    for receiver in receivers:
        if receiver.prompts():
            with LocalStore(receiver.home / "records.db") as store:
                found.update((one.prompt, one.answer) for one in store.records())
    return found


def expected(count: int) -> Counter[tuple[str, str]]:
    return Counter((f"question {number}", f"answer {number}") for number in range(count))


def folder(lab: Any, name: str) -> Path:
    made: Path = lab.folder / name
    made.mkdir()
    return made


def test_nothing_is_lost_while_spanlabel_is_upgraded(program: Path, lab: Any) -> None:
    """Stopped and started with traces that have arrived in part, the rest waiting in the Collector: one record each."""
    requests = shuffled([make_trace(number, 5) for number in range(90)], 15)
    third = len(requests) // 3
    with run_receiver(folder(lab, "spanlabel"), **PATIENT) as spanlabel:
        places = {"14317": str(spanlabel.grpc), "/var/lib/otelcol/spanlabel": str(lab.folder / "queue")}
        with run_collector(program, lab.config("persistent-queue.yaml", places), log=lab.log) as collector:
            lab.send(requests[:third])
            until(
                lambda: collector.metric("exporter_sent_spans", "otlp_grpc/spanlabel") == 15 * third, "a third is there"
            )
            assert spanlabel.stop() == 0
            lab.send(requests[third : 2 * third])
            spanlabel.start()
            lab.send(requests[2 * third :])
            until(lambda: collector.metric("exporter_sent_spans", "otlp_grpc/spanlabel") == 450, "all is there")
        read_soon(spanlabel)
        until(lambda: len(answers(spanlabel)) >= 90, "a record of each trace")
        spanlabel.kill()
        spanlabel.start()
        assert spanlabel.stop() == 0
        assert answers(spanlabel) == expected(90)


def test_over_kafka(balancing: Path, lab: Any, kafka: Any) -> None:
    """Collector, Kafka, two members of spanlabel: one record of each trace, though its spans come in any order."""
    topics = [kafka.make_topic(f"serve_{kind}", 4) for kind in ("spans", "logs")]
    names = {"otlp_spans": topics[0], "otlp_logs": topics[1], "127.0.0.1:9092": kafka.brokers}
    arguments = ("--source", "kafka", "--brokers", kafka.brokers)
    requests = shuffled([make_trace(number, 5) for number in range(90)], 15)
    settings = {"kafka_topics": ",".join(topics), "root_grace_s": 10, "idle_s": 10}
    with ExitStack() as running:
        members = [
            running.enter_context(run_receiver(folder(lab, f"spanlabel-{index}"), *arguments, **settings))
            for index in range(2)
        ]
        running.enter_context(run_collector(balancing, lab.config("kafka.yaml", names), log=lab.log))
        lab.send(requests)
        until(lambda: sum(answers(*members).values()) >= 90, "a record of each trace")
        assert [one.stop() for one in members] == [0, 0]
    assert answers(*members) == expected(90)


def test_each_trace_gives_one_record_while_parts_die(balancing: Path, lab: Any, way: Any) -> None:
    """Three receivers: one is killed under load, then the gateway; spans come twice, and no trace gives two records."""
    outage(balancing, lab, way, count=240)


def outage(balancing: Path, lab: Any, way: Any, *, count: int) -> list[Receiver]:
    """The story of the test above."""
    requests = shuffled([make_trace(number, 8) for number in range(count)], 20)
    third = len(requests) // 3
    gateway = f"127.0.0.1:{free_port()}"
    with ExitStack() as running:
        receivers = [
            running.enter_context(run_receiver(folder(lab, f"spanlabel-{index}"), **PATIENT)) for index in range(3)
        ]
        config, environment = way(lab.folder, gateway, [f"127.0.0.1:{one.grpc}" for one in receivers])
        before = running.enter_context(run_collector(balancing, config, log=lab.log, environment=environment))
        places = {"127.0.0.1:34317": gateway, "/var/lib/otelcol/spanlabel": str(lab.folder / "agent")}
        agent_config = lab.config("agent.yaml", places)
        agent = running.enter_context(run_collector(balancing, agent_config, log=lab.folder / "agent-log"))
        lab.send(requests[:third])
        until(lambda: agent.metric("exporter_sent_spans", "otlp_grpc/gateway") == 20 * third, "a third is on its way")
        receivers[0].kill()
        lab.send(requests[third : 2 * third])
        before.kill()
        lab.send(requests[2 * third :])
        receivers[0].start()
        running.enter_context(run_collector(balancing, config, log=lab.log, environment=environment))
        until(lambda: agent.metric("exporter_sent_spans", "otlp_grpc/gateway") == 8 * count, "all is on its way")
        for one in receivers:
            read_soon(one)
        until(lambda: sum(answers(*receivers).values()) >= count, "a record of each trace")
        assert [one.stop() for one in receivers] == [0, 0, 0]
    assert answers(*receivers) == expected(count)
    return receivers
