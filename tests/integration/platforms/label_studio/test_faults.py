"""Bad days in front of a real Label Studio: whatever happens to a request, each record is there once.

`benchmarks/faults.py label_studio` does the same with an application at work, and kills more often.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from random import Random

import pytest
from servers.label_studio import Stage

from spanlabel.delivery import Outbox, Tally, Worker
from spanlabel.errors import ConfigError, TryLater
from spanlabel.ports import Outcome
from spanlabel.testing import FAULTS, Bad, Fault, FaultProxy, make_record

pytestmark = pytest.mark.integration

N = 600
KILLS = 5


def _imports(*which: int, fault: Fault) -> Callable[[str, str, int], Fault | None]:
    """A plan that spoils these imports, counted from 0, and nothing else."""
    seen = 0

    def plan(method: str, path: str, _: int) -> Fault | None:
        nonlocal seen
        if method != "POST" or "/import" not in path:
            return None
        seen += 1
        return fault if seen - 1 in which else None

    return plan


class TestOnce:
    @pytest.mark.parametrize("name", FAULTS)
    def test_some_imports(self, stage: Stage, outbox: Outbox, deliver: Callable[..., Worker], name: str) -> None:
        """
        None is lost and none is there twice, whatever happens to imports on their way.
        """
        records = [make_record(n) for n in range(N)]
        with FaultProxy(stage.server.url, _imports(0, 2, 3, fault=FAULTS[name])) as proxy:
            deliver(stage.settings(url=proxy.url), records)

        assert stage.ids() == [record.id for record in records]
        assert outbox.tally("d") == Tally(made=N, delivered=N)

    def test_refused_connections(self, stage: Stage, outbox: Outbox, deliver: Callable[..., Worker]) -> None:
        """
        The same while the server is away in the middle of it.
        """
        records = [make_record(n) for n in range(N)]
        with FaultProxy(stage.server.url) as proxy:
            deliver(stage.settings(url=proxy.url), records[:200])
            back = threading.Event()

            def away() -> None:
                with proxy.refuse():
                    back.wait(2.0)

            thread = threading.Thread(target=away)
            thread.start()
            deliver(stage.settings(url=proxy.url), records[200:])
            thread.join()

        assert stage.ids() == [record.id for record in records]

    def test_a_quarter_of_all_requests(self, stage: Stage, deliver: Callable[..., Worker]) -> None:
        """
        The same where a quarter of all requests, looks and questions for the project too, goes wrong in some way.
        """
        records = [make_record(n) for n in range(1_000)]
        kinds = [FAULTS[name] for name in ("reset after", "503", "truncated", "reset before", "429", "HTML")]
        chance = Random(7)  # noqa: S311  the same faults each time
        with FaultProxy(stage.server.url) as proxy:
            deliver(stage.settings(url=proxy.url), records[:1])
            proxy.plan = lambda *_: chance.choice(kinds) if chance.random() < 0.25 else None
            deliver(stage.settings(url=proxy.url), records)
            spoiled = sum(1 for _, _, fault in proxy.requests if fault)

        assert stage.ids() == [record.id for record in records]
        assert spoiled > 5

    def test_a_server_that_is_slow(self, stage: Stage) -> None:
        """
        A batch that is committed only after we have given up on it is found, though the first look is too early.
        """
        batch = [make_record(n) for n in range(50)]
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(url=proxy.url)
            writer._pause = time.sleep  # as long as it really waits
            proxy.plan = _imports(0, fault=Fault(Bad.DELAY, seconds=12.0))
            with pytest.raises(TryLater, match="did not answer in time"):
                writer.write(batch, timeout_s=1.0)
            assert stage.ids() == []
            outcomes = writer.write(batch, timeout_s=60, maybe_there={record.id for record in batch})

        assert outcomes == [Outcome.DELIVERED] * 50
        assert stage.ids() == [record.id for record in batch]

    def test_a_process_that_died_after_the_commit(self, stage: Stage) -> None:
        """
        What another process has written before it could note it is found; what it has not is written.
        """
        records = [make_record(n) for n in range(20)]
        stage.open().write(records[:10], timeout_s=60)

        outcomes = stage.open().write(records, timeout_s=60, maybe_there={record.id for record in records})

        assert outcomes == [Outcome.DELIVERED] * 20
        assert stage.ids() == [record.id for record in records]

    def test_two_ways(self, stage: Stage) -> None:
        """
        With `lookup: always` spans that reach spanlabel on two machines make one task.
        """
        batch = [make_record(n) for n in range(250)]
        for _ in range(2):
            stage.open(lookup="always").write(batch, timeout_s=60)

        assert stage.ids() == [record.id for record in batch]


class TestKilled:
    def test_at_random_moments(self, stage: Stage, outbox: Outbox, deliver: Callable[..., Worker]) -> None:
        """
        The delivering process is killed at random moments under load; none is lost and none is there twice.
        """
        records = [make_record(n) for n in range(600)]
        outbox.put(records, ["d"], now_s=time.time())
        stage.open()
        chance = Random(11)  # noqa: S311  the same moments each time
        died_at: list[int] = []
        # Some may die before they could do anything; on a slow machine many do.
        while len(died_at) < KILLS or (len(set(died_at)) < 3 and len(died_at) < 10 * KILLS):
            arguments = [str(outbox.path), stage.server.url, stage.server.token, stage.title]
            with subprocess.Popen([sys.executable, "-c", _CHILD, *arguments], stdout=subprocess.PIPE) as child:
                assert child.stdout is not None
                is_open = child.stdout.readline() == b"open\n"
                time.sleep(chance.uniform(0.0, 1.5))
                child.kill()
            assert is_open
            died_at.append(outbox.tally("d").delivered)
        deliver(stage.settings(), [])

        assert sorted(stage.ids()) == sorted(record.id for record in records)
        assert outbox.tally("d") == Tally(made=600, delivered=600)
        assert len(set(died_at)) >= 3, "they died before they could do anything"


_CHILD = """
import sys, time
from pathlib import Path
from spanlabel.delivery import Outbox, Worker
from spanlabel.platforms.label_studio import LabelStudioSettings, LabelStudioWriter
path, url, key, title = sys.argv[1:]
settings = LabelStudioSettings(url=url, api_key=key, project=title)
class Writer(LabelStudioWriter):
    batch_size = 5
    def open(self):
        super().open()
        print("open", flush=True)
worker = Worker(
    Outbox(Path(path), max_bytes=200_000_000), "d", lambda: Writer(settings, pause=lambda s: time.sleep(s / 10))
)
while True:
    time.sleep(min(worker.step() or 0.01, 0.1))
"""


class TestNoNeedlessLooks:
    def test_a_good_day(self, stage: Stage) -> None:
        """
        Without a fault a batch is one request.
        """
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(url=proxy.url)
            before = len(proxy.requests)
            writer.write([make_record(n) for n in range(500)], timeout_s=60)

            assert len(proxy.requests) - before == 1

    @pytest.mark.parametrize("name", ["429", "reset before"])
    def test_only_where_nobody_knows(self, stage: Stage, name: str) -> None:
        """
        After an answer that says no the batch is sent again at once; after no answer it is looked for, twice.
        """
        batch = [make_record(n) for n in range(10)]
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(url=proxy.url)
            proxy.plan = _imports(0, fault=FAULTS[name])
            with pytest.raises(TryLater):
                writer.write(batch, timeout_s=60)
            before = len(proxy.requests)
            writer.write(batch, timeout_s=60, maybe_there={record.id for record in batch})
            looks = [path for method, path, _ in proxy.requests[before:] if method == "GET"]

        assert len(looks) == (0 if name == "429" else 2)
        assert stage.ids() == [record.id for record in batch]


class TestPoison:
    def test_one_in_a_hundred(self, stage: Stage, outbox: Outbox, deliver: Callable[..., Worker]) -> None:
        """
        Of 100 records with one that Label Studio refuses 99 are there, and the one keeps Label Studio's words.
        """
        records = [make_record(n) for n in range(100)]
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(url=proxy.url)
            spoil = writer._tasks

            def tasks(*given: object) -> object:
                made = spoil(*given)  # type: ignore[arg-type]
                if records[61].id in made:
                    made[records[61].id]["data"]["response"] = None
                return made

            writer._tasks = tasks  # type: ignore[method-assign, assignment]  # our mapping makes no such task
            worker = Worker(outbox, "d", lambda: _Opened(writer))
            before = len(proxy.requests)
            outbox.put(records, ["d"], now_s=time.time())
            while worker.step() is not None:
                pass
            worker.close()
            spent = len(proxy.requests) - before

        assert stage.ids() == [record.id for record in records if record is not records[61]]
        [letter] = outbox.dead_letters("d")
        assert letter.id == records[61].id
        assert letter.error == (
            "refused: data['response']=None is of type 'NoneType', but the object tag Text expects the following "
            "types: ['str', 'int', 'float', 'list']"
        )
        assert spent <= 10
        print(f"requests: {spent}")  # noqa: T201  a figure of the benchmark page

    def test_one_that_is_too_large_for_a_proxy(self, stage: Stage) -> None:
        """
        Where something on the way refuses large requests, smaller ones are sent.
        """
        batch = [make_record(n) for n in range(10)]
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(url=proxy.url)
            proxy.plan = _imports(0, 1, 3, fault=FAULTS["413"])
            outcomes = writer.write(batch, timeout_s=60)

        assert outcomes == [Outcome.DELIVERED] * 10
        assert stage.ids() == [record.id for record in batch]


class _Opened:
    """A writer that is open already."""

    def __init__(self, writer: object) -> None:
        self._writer = writer

    def open(self) -> None:
        """Nothing to do."""

    def __getattr__(self, name: str) -> object:
        return getattr(self._writer, name)


class TestChanges:
    def test_a_deleted_project_is_made_again(self, stage: Stage) -> None:
        """
        Where the project of a title was deleted, a new one is made.
        """
        writer = stage.open()
        stage.server.call("DELETE", f"/api/projects/{stage.project_ids()[0]}/")

        with pytest.raises(TryLater, match="it is made again"):
            writer.write([make_record(1)], timeout_s=60)
        writer.write([make_record(1)], timeout_s=60)

        assert stage.ids() == [make_record(1).id]

    def test_a_deleted_project_that_was_named_by_number(self, stage: Stage) -> None:
        """
        Where the project was chosen by its number, delivery stops and says so.
        """
        stage.open()
        [number] = stage.project_ids()
        writer = stage.open(project_id=number)
        stage.server.call("DELETE", f"/api/projects/{number}/")

        with pytest.raises(ConfigError, match=f"project_id = {number}: the project was deleted"):
            writer.write([make_record(1)], timeout_s=60)

    def test_somebody_changes_the_page(self, stage: Stage) -> None:
        """
        A variable that is added to the project's label configuration is filled, and costs no record.
        """
        writer = stage.open()
        [number] = stage.project_ids()
        config = stage.server.call("GET", f"/api/projects/{number}/")["label_config"]
        more = config.replace("<Header", '<Text name="who" value="$user_id"/><Header', 1)
        stage.server.call("PATCH", f"/api/projects/{number}/", {"label_config": more})

        with pytest.raises(TryLater, match="was read again"):
            writer.write([make_record(1)], timeout_s=60)
        writer.write([make_record(1)], timeout_s=60)

        assert [task["data"]["user_id"] for task in stage.tasks()] == ["not known"]

    def test_somebody_breaks_the_page(self, stage: Stage) -> None:
        """
        A variable that spanlabel cannot fill stops delivery with its name; no record becomes a dead letter for it.
        """
        writer = stage.open()
        [number] = stage.project_ids()
        config = stage.server.call("GET", f"/api/projects/{number}/")["label_config"]
        more = config.replace("<Header", '<Text name="who" value="$weather"/><Header', 1)
        stage.server.call("PATCH", f"/api/projects/{number}/", {"label_config": more})

        with pytest.raises(ConfigError, match="does not know what \\$weather is"):
            writer.write([make_record(1)], timeout_s=60)
