"""A process that appends to a journal under load and says on standard output what was acknowledged.

`python journal_child.py FOLDER FSYNC MAX_BYTES START`. Several threads append entries with numbers from START on; the
main thread takes, says what each entry needs, and releases: most traces soon, nine of them never. A line `+<n>` is
an entry that was acknowledged, `-<n>` one whose trace is about to be released, `*<n>` how many entries were moved.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path

from spanlabel.journal import Fsync, Journal


def say(line: str) -> None:
    os.write(1, line.encode())


def send(journal: Journal, start: int) -> None:
    slots = threading.Semaphore(20)
    for n in range(start, start + 1_000_000):

        def done(error: Exception | None, n: int = n) -> None:
            if error is None:
                say(f"+{n}\n")
            slots.release()

        slots.acquire()
        size = random.choice((10, 1_000, 10_000, 100_000))  # noqa: S311 - no secret
        journal.append(n % 256, b"%d:" % n + b"x" * size, done)


def main() -> None:
    folder, fsync, max_bytes, start = sys.argv[1:]
    journal = Journal(
        Path(folder), fsync=Fsync(fsync), max_bytes=int(max_bytes), segment_bytes=1 << 20, memory_bytes=1 << 20
    )
    journal.open()
    forgotten = set(journal.released_ids())
    for thread in range(3):
        threading.Thread(target=send, args=(journal, int(start) + thread * 1_000_000), daemon=True).start()
    held: list[int] = []
    while True:
        entry = journal.take(1.0)
        if entry is None:
            continue
        n = int(entry.body.split(b":")[0])
        trace_id = f"{n:032x}"
        journal.needs(entry, () if trace_id in forgotten else (trace_id,))
        # Few, or a quick machine fills the journal with them, and nothing more is acknowledged.
        if n % 1_000_000 >= 300 or n % 100:
            held.append(n)
        if len(held) >= 50:
            say("".join(f"-{n}\n" for n in held) + f"*{journal.state().moved}\n")
            journal.release([f"{n:032x}" for n in held])
            held = []


main()
