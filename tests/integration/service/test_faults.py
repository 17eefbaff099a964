"""`spanlabel serve` on bad days, behind a real Collector that sends all the time. The long form is a benchmark."""

from __future__ import annotations

import contextlib
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.collector import NEWEST, Collector, build_collector, free_port, run_collector
from servers.patience import until
from servers.runs import SPANS, Found, Traffic, body_of, found_in, retrying, spans_of
from servers.serving import Receiver, run_receiver

pytestmark = pytest.mark.integration

Given = tuple[Receiver, Collector, str]

TAKEN_IN = {"root_grace_s": 3, "idle_s": 60, "window_s": 0.3}
"""A grace that is longer than the Collector's pauses; and no run is read without its root."""


@contextlib.contextmanager
def both(way: str, home: Path, folder: Path, **settings: object) -> Iterator[Given]:
    """A receiver and a Collector before it; gives the address at which the Collector listens."""
    listens = f"127.0.0.1:{free_port()}"
    with run_receiver(home, **(TAKEN_IN | settings)) as receiver:
        to = f"127.0.0.1:{receiver.grpc if way == 'grpc' else receiver.http}"
        config = retrying(way, folder, listens=listens, to=to)
        with run_collector(build_collector(NEWEST), config, log=folder / "collector.log") as collector:
            yield receiver, collector, listens
            assert "Dropping data" not in collector.log.read_text()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def refusals(collector: Collector) -> int:
    return collector.log.read_text().count("Exporting failed. Will retry")


def wait(receiver: Receiver, runs: int) -> Found:
    until(lambda: found_in(receiver.home, runs).lost == 0, f"a record of each of {runs} runs")
    time.sleep(1)  # for one that comes twice
    return found_in(receiver.home, runs)


@pytest.mark.parametrize("way", ["grpc", "http"])
def test_killed_while_the_collector_sends(way: str, tmp_path: Path) -> None:
    """Killed at any moment, also while it starts, and started again: each run gives one record."""
    chance = random.Random(3)  # noqa: S311 - the same each time
    with both(way, tmp_path, tmp_path, root_grace_s=5 if way == "grpc" else 2) as given:
        receiver, collector, listens = given
        with Traffic(listens, pace=40) as traffic:
            for n in range(3):
                if n % 2:
                    until(receiver.is_up, "the receiver listens")
                time.sleep(chance.uniform(0, 1.5))
                receiver.kill()
                receiver.launch()
        assert wait(receiver, traffic.runs) == Found(traffic.runs, 0, 0, 0)
        assert refusals(collector) > 0


def test_the_second_half_comes_when_the_first_is_delivered(tmp_path: Path) -> None:
    """It ends as one record with everything in it, whether or not the first half gave one."""
    with run_receiver(tmp_path, root_grace_s=0.3, idle_s=60, window_s=0.2) as receiver:
        receiver.insist(body_of([one for n in range(20) for one in spans_of(n)[:2]]))
        until(lambda: len(receiver.prompts()) == 10, "a record where the agent's own span has the messages")
        receiver.insist(body_of([one for n in range(20) for one in spans_of(n)[2:]]))
        assert wait(receiver, 20) == Found(20, 0, 0, 0)


def test_upgraded_with_data_waiting(tmp_path: Path) -> None:
    """Ended with requests unread and records undelivered, it has them all at the next start."""
    with both("http", tmp_path, tmp_path, deliver_in="elsewhere", drain_timeout_s=0.5, root_grace_s=0.5) as given:
        receiver, _, listens = given
        with Traffic(listens, pace=100) as traffic:
            time.sleep(2)
            assert receiver.stop() == 0
            assert receiver.prompts() == []
            receiver.settings = {**receiver.settings, "deliver_in": "here"}
            receiver.start()
        assert wait(receiver, traffic.runs) == Found(traffic.runs, 0, 0, 0)


def test_more_than_the_journal_takes(tmp_path: Path) -> None:
    """A journal that has become full of what is decided gives it up, and goes on by itself at once."""
    settings = {"journal_max_bytes": 2_000_000, "root_grace_s": 1}
    with both("http", tmp_path, tmp_path, **settings) as (receiver, _, listens):
        with Traffic(listens, pace=80, text_bytes=6_000, is_split=False) as traffic:
            time.sleep(5)
        assert traffic.runs * SPANS * 3_000 > 2 * 2_000_000
        assert wait(receiver, traffic.runs) == Found(traffic.runs, 0, 0, 0)


def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    """While the disk is full the Collector keeps what comes; when there is room everything arrives, and once."""
    others = small_disk / "others"
    with both("http", small_disk, tmp_path) as (receiver, collector, listens):
        with Traffic(listens, pace=40, text_bytes=1_000) as traffic:
            time.sleep(1)
            with others.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))
            until(lambda: refusals(collector) > 2, "senders are told to come again")
            assert receiver.get("/readyz")[0] == 503
            assert receiver.get("/healthz")[0] == 200
            others.unlink()
        assert wait(receiver, traffic.runs) == Found(traffic.runs, 0, 0, 0)
