"""`spanlabel serve --source kafka` as an operator runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from servers.kafka_traffic import producer, send_traces
from servers.patience import PATIENCE_S
from servers.patience import until as wait_until
from servers.serving import START, run_receiver

from .conftest import Group

pytestmark = pytest.mark.integration


def test_records_out_of_topics(group: Group, tmp_path: Path) -> None:
    """What lies in the topics becomes records; /readyz says when partitions are there; after SIGTERM a second start
    goes on where the first one was.
    """
    home = tmp_path / "home"
    home.mkdir()
    to = producer(group.kafka.brokers)
    arguments = ("--source", "kafka", "--brokers", group.kafka.brokers)
    settings = {"kafka_topics": f"{group.spans},{group.logs}", "kafka_group": group.name}
    send_traces(to, group.spans, range(20))
    with run_receiver(home, *arguments, **settings) as receiver:
        wait_until(lambda: len(receiver.prompts()) == 20, "20 records")
        assert receiver.get("/readyz")[0] == 200
        assert receiver.post(b"{}")[0] == 503
        assert receiver.stop() == 0
        assert "local: 20 delivered, 0 waiting" in receiver.log
        send_traces(to, group.spans, range(20, 25))
        receiver.start()
        wait_until(lambda: len(receiver.prompts()) == 25, "25 records")
        assert receiver.stop() == 0
        assert receiver.log.splitlines()[-1].endswith('"message": "local: 25 delivered, 0 waiting"}'), receiver.log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--brokers", "127.0.0.1:1"), "127.0.0.1:1"),
        (("--brokers", ""), "kafka_brokers: is missing: say where Kafka is, such as localhost:9092"),
        ((), "source kafka needs kafka_brokers, such as localhost:9092"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """A broker that is not there, or none, ends it with one line that says so."""
    done = subprocess.run(
        [sys.executable, "-c", START, "serve", "--source", "kafka", "--http", "off", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr.count("Error: ")) == (2, 1), done.stderr
    assert message in done.stderr
