"""Delivery with real processes: killed, forked, many at once, out of disk."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from servers.patience import PATIENCE_S

from spanlabel.delivery import Outbox, Worker
from spanlabel.platforms.local import LocalStore, LocalWriter
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration

PUT_AND_DELIVER = """
import sys, threading, time
from pathlib import Path
from spanlabel.delivery import Outbox, Worker
from spanlabel.platforms.local import LocalWriter
from spanlabel.testing import make_record

home, first, deliver = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "deliver"
outbox = Outbox(home / "outbox.db", max_bytes=100_000_000)
if deliver:
    worker = Worker(outbox, "d", lambda: LocalWriter(home / "records.db"))
    threading.Thread(target=worker.run, args=(threading.Event(),), daemon=True).start()
for number in range(first, first + 1_000_000, 5):
    outbox.put([make_record(n, answer="x" * 2_000) for n in range(number, number + 5)], ["d"], now_s=time.time())
    if deliver:
        worker.wake()
    print(number + 4, flush=True)
"""


def _start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _run(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def outbox(home: Path) -> Iterator[Outbox]:
    outbox = Outbox(home / "outbox.db", max_bytes=100_000_000)
    yield outbox
    outbox.close()


def _deliver(outbox: Outbox, home: Path) -> None:
    worker = Worker(outbox, "d", lambda: LocalWriter(home / "records.db"))
    assert worker.flush(120.0)
    worker.close()


def test_killed_while_putting_and_delivering(home: Path, outbox: Outbox) -> None:
    """
    An app is killed (SIGKILL) twelve times in the middle of its work. Everything that was put before is delivered by
    whoever comes next, once, and everything is accounted for.
    """
    moment = random.Random(20_250_615)  # noqa: S311  not for secrets
    acknowledged: set[int] = set()
    for life in range(12):
        first = life * 1_000_000
        with _start(PUT_AND_DELIVER, home, first, "deliver") as child:
            assert child.stdout is not None
            for _ in range(moment.randrange(1, 60)):
                acknowledged.update(range(first, int(child.stdout.readline()) + 1))
            child.kill()
            for line in child.stdout:  # said before it died
                acknowledged.update(range(first, int(line) + 1))
    _deliver(outbox, home)

    with LocalStore(home / "records.db") as store:
        stored = [record.id for record in store.records()]
    assert len(acknowledged) > 500
    assert len(stored) == len(set(stored))
    assert {make_record(number).id for number in acknowledged} <= set(stored)
    tally = outbox.tally("d")
    assert tally.made == tally.delivered == len(stored)


def test_killed_while_only_putting(home: Path, outbox: Outbox) -> None:
    """
    An app that never gets to deliver loses nothing either.
    """
    with _start(PUT_AND_DELIVER, home, 0, "keep") as child:
        assert child.stdout is not None
        last = [int(child.stdout.readline()) for _ in range(20)][-1]
        child.kill()

    assert not (home / "records.db").exists()
    assert outbox.tally("d").waiting >= last + 1
    _deliver(outbox, home)
    with LocalStore(home / "records.db") as store:
        assert {make_record(number).id for number in range(last + 1)} <= {record.id for record in store.records()}


def test_many_processes_begin_at_once(home: Path, outbox: Outbox) -> None:
    """
    The workers of a server start together on a new home. Each puts and delivers; every record is there once.
    """
    code = """
import sys, time
from pathlib import Path
from spanlabel.delivery import Outbox, Worker
from spanlabel.platforms.local import LocalWriter
from spanlabel.testing import make_record

home, first = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
outbox = Outbox(home / "outbox.db", max_bytes=100_000_000)
worker = Worker(outbox, "d", lambda: LocalWriter(home / "records.db"))
for number in range(first, first + 40):
    outbox.put([make_record(number)], ["d"], now_s=time.time())
    worker.step()
worker.close()
outbox.close()
"""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home), str(100 * number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    ends = [child.communicate("go\n", timeout=PATIENCE_S) for child in children]

    assert [stderr for _, stderr in ends] == [""] * 6
    _deliver(outbox, home)
    tally = outbox.tally("d")
    assert tally.made == tally.delivered == 240
    with LocalStore(home / "records.db") as store:
        assert store.count() == 240


def test_fork_while_everything_is_open(home: Path) -> None:
    """
    A server that forks its workers after spanlabel was in use: each child puts records of its own, holds neither the
    parent's connection nor its lock, and is not stuck behind what a thread of the parent was doing.
    """
    code = """
import os, sys, threading, time, warnings
from pathlib import Path
from spanlabel.delivery import Outbox, Worker
from spanlabel.delivery.lock import DeliveryLock
from spanlabel.platforms.local import LocalWriter
from spanlabel.testing import make_record

warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads forks is what is tested
home = Path(sys.argv[1])
outbox = Outbox(home / "outbox.db", max_bytes=100_000_000)
worker = Worker(outbox, "d", lambda: LocalWriter(home / "records.db"))
outbox.put([make_record(0)], ["d"], now_s=time.time())
worker.step()
assert worker._lock.is_held

entered, leave = threading.Event(), threading.Event()
def hold():
    with outbox._handle.use(), worker._turn:
        entered.set()
        leave.wait(120)
thread = threading.Thread(target=hold)
thread.start()
entered.wait(120)

children = []
for number in range(1, 4):
    if child := os.fork():
        children.append(child)
        continue
    outbox.put([make_record(number)], ["d"], now_s=time.time())
    stood_by = worker.step() is not None and worker.state.value == "elsewhere" and not worker._lock.is_held
    time.sleep(1.0 if number == 3 else 0.0)  # outlives the parent's lock
    os._exit(0 if stood_by else 1)
leave.set()
thread.join()
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children[:2]]
outbox.put([make_record(4)], ["d"], now_s=time.time())
assert worker.flush(120)
worker.close()
lock = DeliveryLock(outbox.path, "d")
print(codes, lock.acquire(), os.waitstatus_to_exitcode(os.waitpid(children[2], 0)[1]))
"""
    assert _run(code, home) == "[0, 0] True 0\n"
    with closing(sqlite3.connect(home / "outbox.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT count(*) FROM records").fetchall() == [(5,)]


def test_the_disk_is_full_for_a_while(home: Path) -> None:
    """
    When files can grow no more, putting says so and loses nothing of what was put; with room again all goes on.
    """
    code = """
import resource, sys
from pathlib import Path
from spanlabel.delivery import Outbox, Worker
from spanlabel.errors import StoreError
from spanlabel.platforms.local import LocalWriter
from spanlabel.testing import make_record

home = Path(sys.argv[1])
outbox = Outbox(home / "outbox.db", max_bytes=100_000_000)
outbox.put([make_record(0)], ["d"], now_s=0.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
taken = 1
try:
    for number in range(1, 500):
        outbox.put([make_record(number, answer="x" * 5_000)], ["d"], now_s=0.0)
        taken += 1
except StoreError as error:
    print(str(error).removeprefix(str(outbox.path)))
assert outbox.tally("d").waiting == taken
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
outbox.put([make_record(1_000)], ["d"], now_s=0.0)
worker = Worker(outbox, "d", lambda: LocalWriter(home / "records.db"))
assert worker.flush(120)
print(taken > 3, outbox.tally("d").delivered == taken + 1)
"""
    said, whole = _run(code, home).splitlines()

    assert said.startswith(": the disk failed to read or write it; see the system's log, and whether the disk is full")
    assert whole == "True True"
