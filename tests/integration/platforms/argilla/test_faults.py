"""Bad days in front of a real Argilla: whatever happens to a request, each record is there once.

`benchmarks/faults.py argilla` does the same with more records and kills, and with an application at work.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from random import Random

import pytest
from servers.argilla import Stage

from spanlabel.delivery import Outbox, Tally
from spanlabel.testing import FAULTS, Fault, FaultProxy, make_record

pytestmark = pytest.mark.integration

N = 400
KILLS = 5
AWAY_S = 3.0


def _every_third_write(fault: Fault, *, at_most: int = 1_000) -> Callable[[str, str, int], Fault | None]:
    writes = 0

    def plan(_method: str, path: str, _n: int) -> Fault | None:
        nonlocal writes
        if not path.endswith("/records/bulk"):
            return None
        writes += 1
        return fault if writes % 3 == 1 and writes <= at_most else None

    return plan


class TestOnce:
    @pytest.mark.parametrize("name", FAULTS)
    def test_each_third_write(self, stage: Stage, outbox: Outbox, deliver: Callable[..., None], name: str) -> None:
        """
        None is lost and none is there twice, and their order stays, though each third write is spoiled; of the refusals
        for size, which lead to more and smaller ones, some.
        """
        records = [make_record(n) for n in range(N)]
        plan = _every_third_write(FAULTS[name], at_most=10 if name == "413" else 1_000)
        with FaultProxy(stage.server.url, plan) as proxy:
            deliver(stage.settings(api_url=proxy.url), records)
            spoiled = sum(1 for _, _, fault in proxy.requests if fault)

        assert list(stage.stored()) == [record.id for record in records]
        assert outbox.tally("d") == Tally(made=N, delivered=N)
        assert spoiled >= 2

    def test_refused(self, stage: Stage, outbox: Outbox, deliver: Callable[..., None]) -> None:
        """
        The same where nobody answers for a while in the middle of it.
        """
        records = [make_record(n) for n in range(N)]
        with FaultProxy(stage.server.url) as proxy:
            deliver(stage.settings(api_url=proxy.url), records[:100])
            is_away = threading.Event()

            def away() -> None:
                with proxy.refuse():
                    is_away.set()
                    time.sleep(AWAY_S)

            thread = threading.Thread(target=away)
            thread.start()
            is_away.wait()
            deliver(stage.settings(api_url=proxy.url), records[100:])
            thread.join()

        assert list(stage.stored()) == [record.id for record in records]
        assert outbox.tally("d") == Tally(made=N, delivered=N)

    def test_a_tenth_of_all_requests(self, stage: Stage, deliver: Callable[..., None]) -> None:
        """
        The same where a tenth of all requests goes wrong in some way: looking for records, too, and the making of
        the dataset.
        """
        records = [make_record(n) for n in range(500)]
        kinds = [FAULTS[name] for name in ("reset after", "503", "truncated", "reset before", "500")]
        chance = Random(7)  # noqa: S311  the same faults each time
        with FaultProxy(stage.server.url) as proxy:
            proxy.plan = lambda *_: chance.choice(kinds) if chance.random() < 0.1 else None
            deliver(stage.settings(api_url=proxy.url), records)

        assert sorted(stage.stored()) == sorted(record.id for record in records)


class TestKilled:
    def test_at_random_moments(self, stage: Stage, outbox: Outbox, deliver: Callable[..., None]) -> None:
        """
        The delivering process is killed at random moments under load; none is lost and none is there twice.
        """
        records = [make_record(n) for n in range(400)]
        outbox.put(records, ["d"], now_s=time.time())
        stage.open()
        chance = Random(11)  # noqa: S311  the same moments each time
        died_at: list[int] = []
        # Some may die before they could do anything; on a slow machine many do.
        while len(died_at) < KILLS or (len(set(died_at)) < 3 and len(died_at) < 10 * KILLS):
            arguments = [str(outbox.path), stage.server.url, stage.server.api_key, stage.name]
            with subprocess.Popen([sys.executable, "-c", _CHILD, *arguments], stdout=subprocess.PIPE) as child:
                assert child.stdout is not None
                is_open = child.stdout.readline() == b"open\n"
                time.sleep(chance.uniform(0.0, 1.5))
                child.kill()
            assert is_open
            died_at.append(outbox.tally("d").delivered)
        deliver(stage.settings(), [])

        assert sorted(stage.stored()) == sorted(record.id for record in records)
        assert outbox.tally("d") == Tally(made=400, delivered=400)
        assert len(set(died_at)) >= 3, "they died before they could do anything"


_CHILD = """
import sys, time
from pathlib import Path
from spanlabel.delivery import Outbox, Worker
from spanlabel.platforms.argilla import ArgillaSettings, ArgillaWriter
path, url, key, name = sys.argv[1:]
settings = ArgillaSettings(api_url=url, api_key=key, dataset=name)
class Writer(ArgillaWriter):
    batch_size = 5
    def open(self):
        super().open()
        print("open", flush=True)
worker = Worker(Outbox(Path(path), max_bytes=200_000_000), "d", lambda: Writer(settings))
while True:
    time.sleep(min(worker.step() or 0.01, 0.1))
"""
