from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from spanlabel.errors import StoreError
from spanlabel.journal import Fsync, Journal

pytestmark = pytest.mark.integration

CHILD = Path(__file__).with_name("journal_child.py")
KILLS = 20


def run_and_kill(
    folder: Path, fsync: Fsync, max_bytes: int, start: int, after_s: float
) -> tuple[set[int], set[int], int]:
    """Numbers that were acknowledged, those that were released, and how many were moved."""
    command = [sys.executable, str(CHILD), str(folder), fsync.value, str(max_bytes), str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        killer = threading.Timer(after_s, child.kill)
        killer.start()
        lines += child.stdout.readlines()
        killer.join()
        assert child.wait(20) == -signal.SIGKILL
    whole = [line for line in lines if line.endswith("\n")]
    said = {sign: [int(one[1:]) for one in whole if one[0] == sign] for sign in "+-*"}
    return set(said["+"]), set(said["-"]), max(said["*"], default=0)


@pytest.mark.parametrize("fsync", Fsync)
def test_acknowledged_entries_survive_sigkill(tmp_path: Path, fsync: Fsync) -> None:
    """
    However often a process is killed under load, what it has acknowledged and not released is there, whole, and what
    was released and is still there is known to be released.
    """
    acknowledged: set[int] = set()
    released: set[int] = set()
    moved = 0
    seed = random.Random(6)  # noqa: S311 - no secret
    # So small that entries are moved and files removed all the time.
    max_bytes = 16 << 20
    for kill in range(KILLS):
        came, went, pushed = run_and_kill(tmp_path, fsync, max_bytes, (kill + 1) * 10_000_000, seed.uniform(0.05, 0.8))
        acknowledged |= came
        released |= went
        moved += pushed
    assert len(acknowledged) > 1_000
    assert moved > 0

    journal = Journal(tmp_path, fsync=fsync, max_bytes=max_bytes)
    journal.open()
    state = journal.state()
    there: dict[int, bytes] = {}
    while (entry := journal.take(0.0)) is not None:
        number, _, rest = entry.body.partition(b":")
        assert rest == b"x" * len(rest)
        assert entry.kind == int(number) % 256
        there[int(number)] = rest
    journal.close(20)

    assert acknowledged - released - there.keys() == set()
    assert len(there) < len(acknowledged), "files of released traces are gone"
    assert (state.damaged, state.skipped) == (0, 0)
    assert state.disk_bytes <= max_bytes


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """
    While one process has the folder another is told which one has it; a killed one has it no more.
    """
    command = [sys.executable, str(CHILD), str(tmp_path), "never", str(1 << 26), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        journal = Journal(tmp_path, fsync=Fsync.NEVER, max_bytes=1 << 26)
        with pytest.raises(StoreError, match=rf"is in use by process {child.pid}; stop that one"):
            journal.open()
        child.kill()
        child.wait(20)
    journal.open()
    journal.close(20)
