"""A consumer group on a real Kafka: what gets lost or doubled when members are killed, and what a span costs.

Spans lie in 8 partitions, five to a trace, each a message of its own, mixed with those of 200 other traces; each member
is a process with an outbox and a local store of its own. CPU is what all members used from their start to their end,
records stored, without the imports.

    python benchmarks/kafka.py kills   [--spans 200000] [--members 3] [--every 6]
    python benchmarks/kafka.py members [--spans 100000] [--rounds 3]
    python benchmarks/kafka.py sizes   [--sizes 10000 100000 1000000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "integration"))

from servers.kafka import KafkaServer, run_kafka
from servers.kafka_group import Group
from servers.kafka_traffic import producer, span, spans_message, trace_id

SPANS = 5
FIRST = 10_000_000
"""Number of the first trace, so that all have as many digits."""
WORDS = "A sentence of an answer that is neither long nor short. " * 20
WAITS = {"GRACE_S": "10", "IDLE_S": "120"}
"""Those of the receiver."""
PATIENCE_S = 1_800.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["kills", "members", "sizes"])
    parser.add_argument("--spans", type=int)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--every", type=float, default=6.0, help="seconds between two kills")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="spanlabel-kafka-bench-") as folder,
        run_kafka(log_folder=Path(folder)) as kafka,
    ):
        if given.what == "kills":
            kills(kafka, Path(folder), (given.spans or 200_000) // SPANS, given.members, given.every)
        elif given.what == "members":
            members(kafka, Path(folder), (given.spans or 100_000) // SPANS, given.rounds)
        else:
            sizes(kafka, Path(folder), [size // SPANS for size in given.sizes], given.rounds)


def kills(kafka: KafkaServer, folder: Path, traces: int, at_work: int, every_s: float) -> None:
    """Kill a random member again and again while spans come, and start it anew in its home a little later."""
    dice = random.Random(1)  # noqa: S311  no secret
    with topics(kafka, folder) as group:
        sender = threading.Thread(target=send, args=(group, traces, traces / 60))
        for _ in range(at_work):
            group.join(**WAITS)
        sender.start()
        killed = 0
        begun_s = time.monotonic()
        while sender.is_alive() or (stored(group) < traces and time.monotonic() - begun_s < PATIENCE_S):
            time.sleep(every_s)
            if sender.is_alive():
                victim = dice.choice(group.members)
                victim.kill()
                killed += 1
                group.join(instead_of=victim, **WAITS)
                if killed == 3:
                    group.join(**WAITS)
        for member in group.members:
            member.leave()
        took_s = time.monotonic() - begun_s
        found = [record for store in group.stored() for record in store.values()]
        by_trace: dict[str, set[str]] = {}
        for record in found:
            by_trace.setdefault(record.trace_id, set()).add(record.id)
        wanted = {trace_id(FIRST + n): f"Answer {FIRST + n}. {WORDS}".strip() for n in range(traces)}
        torn = sum(record.answer != wanted[record.trace_id] for record in found)
        print(f"{traces * SPANS} spans, {traces} traces, {len(group.members)} members, {killed} kills, {took_s:.0f} s")
        print(f"lost {len(wanted.keys() - by_trace.keys())}")
        print(f"doubled (a second id for a trace) {sum(len(ids) > 1 for ids in by_trace.values())}, torn {torn}")
        again = sum(n > 1 for n in Counter(record.id for record in found).values())
        print(f"decided by two members, with the same id: {again}")


def members(kafka: KafkaServer, folder: Path, traces: int, rounds: int) -> None:
    """One member, then three, on the same topics; alternating."""
    costs: dict[int, list[float]] = {1: [], 3: []}
    with topics(kafka, folder) as group:
        send(group, traces)
        for _ in range(rounds):
            for number, found in costs.items():
                found.append(cost_us(again(group), number, traces))
                print(f"{number} members: {found[-1]:.0f} us CPU a span", flush=True)
    one, three = (statistics.median(found) for found in costs.values())
    print(f"median of {rounds}: 1 member {one:.0f}, 3 members {three:.0f} us a span, ratio {three / one:.2f}")


def sizes(kafka: KafkaServer, folder: Path, numbers: list[int], rounds: int) -> None:
    """One member on topics of different sizes; the largest ones in the middle of each round."""
    costs: dict[int, list[float]] = {number: [] for number in numbers}
    groups = {}
    for number in numbers:
        with topics(kafka, folder) as group:
            send(group, number)
            groups[number] = group
    for _ in range(rounds):
        for number, found in costs.items():
            found.append(cost_us(again(groups[number]), 1, number))
            print(f"{number * SPANS} spans: {found[-1]:.0f} us CPU a span", flush=True)
    medians = {number: statistics.median(found) for number, found in costs.items()}
    for number, median in medians.items():
        print(f"median of {rounds}: {number * SPANS} spans: {median:.0f} us a span")
    print(f"largest over smallest cost: {max(medians.values()) / min(medians.values()):.2f}")


def cost_us(group: Group, number: int, traces: int) -> float:
    """Microseconds of CPU a span, over so many members that read everything from the beginning."""
    for _ in range(number):
        group.join(**WAITS)
    until_s = time.monotonic() + PATIENCE_S
    while stored(group) < traces:
        assert time.monotonic() < until_s, stored(group)
        time.sleep(1)
    told = [member.leave() for member in group.members]
    assert stored(group) == traces
    return float(sum(one["cpu_s"] for one in told) / (traces * SPANS) * 1e6)


@contextmanager
def topics(kafka: KafkaServer, folder: Path) -> Iterator[Group]:
    mark = uuid4().hex[:6]
    own = folder / mark
    own.mkdir()
    group = Group(kafka, own, kafka.make_topic(f"spans-{mark}"), kafka.make_topic(f"logs-{mark}"), f"group-{mark}")
    try:
        yield group
    finally:
        for member in group.members:
            if member.process.poll() is None:
                member.kill()


def again(group: Group) -> Group:
    """The same topics for a group that has read nothing of them."""
    mark = uuid4().hex[:6]
    folder = group.folder / mark
    folder.mkdir()
    return Group(group.kafka, folder, group.spans, group.logs, f"group-{mark}")


def send(group: Group, traces: int, pace: float | None = None) -> None:
    """Send the spans of so many traces, those of 200 at a time in any order; *pace* is traces a second."""
    to, begun_s = producer(group.kafka.brokers), time.monotonic()
    dice = random.Random(2)  # noqa: S311  no secret
    made = [spans_message([span(FIRST, n, spans=SPANS, text=WORDS)]) for n in range(SPANS)]
    number, ids = str(FIRST).encode(), bytes.fromhex(trace_id(FIRST))
    for begin in range(0, traces, 200):
        parts = [(trace, n) for trace in range(begin, min(traces, begin + 200)) for n in range(SPANS)]
        dice.shuffle(parts)
        for trace, n in parts:
            key = trace_id(FIRST + trace)
            message = made[n].replace(ids, bytes.fromhex(key)).replace(number, str(FIRST + trace).encode())
            while True:
                try:
                    to.produce(group.spans, message, key=key.encode())
                    break
                except BufferError:
                    to.poll(0.05)
        to.poll(0)
        if pace is not None:
            time.sleep(max(0.0, begun_s + begin / pace - time.monotonic()))
    to.flush(60)


def stored(group: Group) -> int:
    """How many records the members have stored, over all; one that two of them have counts once."""
    found = set()
    for member in group.members:
        try:
            with closing(sqlite3.connect(f"file:{member.home / 'records.db'}?mode=ro", uri=True)) as db:
                found.update(db.execute("SELECT id FROM records"))
        except sqlite3.Error:
            continue
    return len(found)


if __name__ == "__main__":
    main()
