"""How quick the journal is, beside a bare loop of `os.write` and `fdatasync` of the same entries on the same disk.

One thread appends, with a bound on what is under way, while another takes what comes; the time runs until the last
entry is acknowledged. The bare loop writes one file, entry by entry, and asks the disk after each (for `never`: not at
all). The rounds alternate; figures are medians, ratios are of medians.

    python benchmarks/journal.py [--folder FOLDER] [--rounds 5] [--mib 256]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from spanlabel.journal import Fsync, Journal

SIZES = {"10 KB": 10_000, "1 MB": 1_000_000}
UNDER_WAY_BYTES = 32 << 20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, default=None, help="on the disk that is to be measured")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=256, help="written in each round")
    given = parser.parse_args()
    print(f"{'entries':8} {'fsync':7} {'journal':>20} {'bare loop':>20} {'ratio':>6}")
    for name, size in SIZES.items():
        for fsync in Fsync:
            # What asks the disk each time is slow with small entries, and needs no more of them.
            n = max(64, (given.mib << 20) // size // (8 if size < 100_000 and fsync is Fsync.ALWAYS else 1))
            ours, bare = [], []
            for _ in range(given.rounds):
                bare.append(timed(given.folder, lambda folder, n=n, size=size, f=fsync: write_bare(folder, f, size, n)))
                ours.append(timed(given.folder, lambda folder, n=n, size=size, f=fsync: append(folder, f, size, n)))
            mine, its = statistics.median(ours), statistics.median(bare)
            print(
                f"{name:8} {fsync.value:7} {rate(n, size, mine):>20} {rate(n, size, its):>20} {its / mine:6.2f}",
                flush=True,
            )


def rate(n: int, size: int, seconds: float) -> str:
    return f"{n * size / seconds / 1e6:5.0f} MB/s {n / seconds:7.0f}/s"


def timed(folder: Path | None, run: Callable[[Path], float]) -> float:
    place = Path(tempfile.mkdtemp(prefix="journal-", dir=folder))
    try:
        return run(place)
    finally:
        shutil.rmtree(place)
        os.sync()  # so that one round does not pay for another


def write_bare(folder: Path, fsync: Fsync, size: int, n: int) -> float:
    body = os.urandom(size)
    descriptor = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT)
    begin = time.perf_counter()
    for _ in range(n):
        os.write(descriptor, body)
        if fsync is not Fsync.NEVER:
            os.fdatasync(descriptor)
    seconds = time.perf_counter() - begin
    os.close(descriptor)
    return seconds


def append(folder: Path, fsync: Fsync, size: int, n: int) -> float:
    body = os.urandom(size)
    journal = Journal(folder, fsync=fsync, max_bytes=1 << 34)
    journal.open()
    slots = threading.Semaphore(max(1, UNDER_WAY_BYTES // size))
    failed: list[Exception] = []

    def done(error: Exception | None) -> None:
        if error is not None:
            failed.append(error)
        slots.release()

    def read() -> None:
        for _ in range(n):
            entry = journal.take(60.0)
            assert entry is not None
            journal.needs(entry, ("a" * 32,))

    reader = threading.Thread(target=read)
    reader.start()
    begin = time.perf_counter()
    for _ in range(n):
        slots.acquire()
        journal.append(1, body, done)
    for _ in range(max(1, UNDER_WAY_BYTES // size)):
        slots.acquire()
    seconds = time.perf_counter() - begin
    reader.join()
    assert not failed
    journal.close(60.0)
    return seconds


main()
