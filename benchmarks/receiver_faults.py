"""Bad days of `spanlabel serve` behind a real Collector that sends all the time: lost, doubled, refused.

Runs of four spans come in requests of their own, in any order, a tenth of the requests twice; the Collector keeps all
it is given until the receiver has it. At the end of each day the store itself is asked what it has.

killed-grpc, killed-http [--kills 100]
    SIGKILL at random moments: a quarter while it starts and reads its journal again, half within 3 s, a quarter after
    6 to 12 s, when runs are decided and delivered. `root_grace_s` is 3, with gRPC 6: longer than the Collector's
    longest pause (1.5 s; with gRPC, whose connections have a back-off of their own, about 4 s), counted from when the
    receiver is up again, for what was there before is gathered anew then. `idle_s` is 60: a run whose root is late is
    never read without it. Budgets are so small that runs are forgotten and files removed meanwhile.
late
    Half of each run comes when the other half has long been decided and delivered.
argilla, label-studio
    The platform is away for 30 s.
full-journal, full-disk
    There is no room, in the journal's budget or on the disk; then there is.
upgrade
    SIGTERM with the platform away and much unread; another start.
open, over [--gigabytes 3]
    Much more than `max_bytes` (256 MiB) in runs that stay open, or are soon over: resident memory.

    python benchmarks/receiver_faults.py [DAY ...]

Exit code 1 where something is lost, doubled, wrong, or larger than 800 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "integration"))

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from servers.collector import NEWEST, Collector, build_collector, free_port, run_collector
from servers.patience import until
from servers.runs import SPANS, Found, Traffic, body_of, found_in, retrying, spans_of
from servers.serving import Receiver, run_receiver

from spanlabel.journal.frame import HEADER_BYTES, read_frame
from spanlabel.testing import FaultProxy

AWAY_S = 30.0
SETTLED_S = 15.0
"""Longer than any wait of a receiver here: what would come twice has come then."""

GRACE_S = {"grpc": 6, "http": 3}
KILLED = {"idle_s": 60, "window_s": 1, "max_bytes": 24_000_000, "journal_max_bytes": 400_000_000}


@dataclass
class Day:
    """A receiver, and a Collector in front of it.

    Attributes:
        receiver: Running.
        collector: Running.
        address: Where the Collector listens.
    """

    receiver: Receiver
    collector: Collector
    address: str
    way: str

    def failed(self) -> str:
        """What the Collector says that it could not send or keep; "" if nothing."""
        name = f"otlp_{self.way}/spanlabel"
        names = ("exporter_send_failed_spans", "exporter_enqueue_failed_spans")
        said = {one: n for one in names if (n := self.collector.metric(one, name))}
        dropped = self.collector.log.read_text().count("Dropping data")
        return " ".join(f"{one} {n:.0f}" for one, n in {**said, "dropped": dropped}.items() if n)

    def retries(self) -> int:
        """How often it had to send again."""
        return self.collector.log.read_text().count("Exporting failed. Will retry")

    def wait(self, runs: int) -> Found:
        """Wait until every run has its record, and then for what comes twice."""
        home = self.receiver.home
        with contextlib.suppress(AssertionError):
            until(lambda: found_in(home, runs).lost == 0, "every run has a record")
        time.sleep(SETTLED_S)
        return found_in(home, runs)

    def report(self, name: str, runs: int, found: Found, said: str) -> bool:
        """Print how it went, and tell whether it went as promised."""
        failed = self.failed()
        print(
            f"{name:12} {runs} runs: lost {found.lost}, doubled {found.doubled}, wrong {found.wrong}; {said}"
            + (f"; Collector: {failed}" if failed else ""),
            flush=True,
        )
        return not (found.lost or found.doubled or found.wrong or failed)


@contextlib.contextmanager
def a_day(way: str = "http", *, home: Path | None = None, text: str = "", **settings: object) -> Iterator[Day]:
    """Start both. *text* is spanlabel.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        home = home or Path(folder) / "home"
        home.mkdir(exist_ok=True)
        (home / "spanlabel.yaml").write_text(text)
        listens = f"127.0.0.1:{free_port()}"
        with run_receiver(home, **settings) as receiver:
            to = f"127.0.0.1:{receiver.grpc if way == 'grpc' else receiver.http}"
            config = retrying(way, Path(folder), listens=listens, to=to)
            with run_collector(build_collector(NEWEST), config, log=Path(folder) / "collector.log") as collector:
                yield Day(receiver, collector, listens, way)


def killed(way: str, kills: int, pace: float) -> bool:
    """Kill it again and again."""
    chance, arrived, states, early = random.Random(11), Arrived(), set[int](), 0  # noqa: S311  the same each time
    begun_s = time.monotonic()
    with a_day(way, root_grace_s=GRACE_S[way], **KILLED) as day:
        home = day.receiver.home
        with Traffic(day.address, pace=pace, text_bytes=2_000) as traffic:
            start_s = 2.0
            for n in range(kills):
                if n % 4 == 0:
                    early += 1
                    time.sleep(chance.uniform(0, start_s))
                else:
                    launched_s = time.monotonic()
                    until(day.receiver.is_up, "the receiver listens")
                    start_s = time.monotonic() - launched_s
                    time.sleep(chance.uniform(6, 12) if n % 4 == 3 else chance.uniform(0, 3))
                day.receiver.kill()
                arrived.look(home)
                states.add(found_in(home, traffic.runs).records)
                day.receiver.launch()
        found = day.wait(traffic.runs)
        day.receiver.kill()
        arrived.look(home)
        return day.report(
            f"killed-{way}",
            traffic.runs,
            found,
            f"{kills} kills, {early} of them early, {len(states)} states of the store; {traffic.spans:,} spans sent, "
            f"{arrived.spans - traffic.spans:+,} redelivered, {day.retries():,} retries, "
            f"{arrived.ids - SPANS * traffic.runs:+} ids missing; {time.monotonic() - begun_s:.0f} s",
        )


class Arrived:
    """Counts spans that were written into a journal, by reading its files before the next start."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._ids: set[bytes] = set()
        self.spans = 0

    @property
    def ids(self) -> int:
        """Different ones."""
        return len(self._ids)

    def look(self, home: Path) -> None:
        """Read files that are new; each was written to in one life only."""
        for path in (home / "journal").glob("*.journal"):
            if path.name in self._seen:
                continue
            self._seen.add(path.name)
            with path.open("rb") as file:
                size, offset = path.stat().st_size, HEADER_BYTES
                while (frame := read_frame(file.fileno(), offset, size)) is not None:
                    self._count(frame.body)
                    offset = frame.end

    def _count(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scoped in group.scope_spans:
                self.spans += len(scoped.spans)
                self._ids.update(span.span_id for span in scoped.spans)


def late() -> bool:
    """Send the second half of each run when the first has its record."""
    runs = 200
    with a_day(root_grace_s=1, idle_s=60, window_s=0.5) as day:
        for half in ((0, 1), (2, 3)):
            for n in range(0, 2 * runs, 2):  # their agent's span has the messages: the first half gives a record
                day.receiver.insist(body_of([spans_of(n)[index] for index in half]))
            until(lambda: len(day.receiver.prompts()) >= runs, "a record of each")
            time.sleep(5)
        for n in range(1, 2 * runs, 2):  # here it comes from the second half only
            day.receiver.insist(body_of([spans_of(n)[index] for index in (0, 1)]))
        time.sleep(5)
        before = len(day.receiver.prompts())
        for n in range(1, 2 * runs, 2):
            day.receiver.insist(body_of([spans_of(n)[index] for index in (2, 3)]))
        found = day.wait(2 * runs)
        return day.report("late", 2 * runs, found, f"{before} records before the second halves of {runs}")


def platform_away(name: str, pace: float) -> bool:
    """Take the platform away for a while."""
    from faults import argilla, label_studio

    with contextlib.ExitStack() as stack:
        platform = (argilla if name == "argilla" else label_studio)(stack)
        proxy = stack.enter_context(FaultProxy(platform.url))
        title = f"day-{time.time_ns()}"
        destination = {"name": "d", "platform": name} | platform.settings(title, proxy.url)
        day = stack.enter_context(
            a_day(text=f"destinations: [{destination!r}]\n", root_grace_s=2, idle_s=60, window_s=0.5)
        )
        with Traffic(day.address, pace=pace) as traffic:
            time.sleep(10)
            before = len(platform.stored(title))
            with proxy.refuse():
                time.sleep(AWAY_S)
            time.sleep(10)
        with contextlib.suppress(AssertionError):
            until(lambda: len(set(platform.stored(title))) >= traffic.runs, "all delivered")
        time.sleep(SETTLED_S)
        there = platform.stored(title)
        found = Found(len(there), traffic.runs - len(set(there)), len(there) - len(set(there)), 0)
        retries = day.retries()
        said = f"{before} before, away for {AWAY_S:.0f} s; {retries} requests refused by the receiver"
        return day.report(name, traffic.runs, found, said) and not retries


def full_journal(pace: float) -> bool:
    """Give it a small budget and send many times as much.

    Each run comes in one request: where there is room for a second half only when the first is forgotten, no receiver
    can put them together.
    """
    settings = {"root_grace_s": 2, "idle_s": 60, "window_s": 0.5, "journal_max_bytes": 2_000_000}
    with a_day(**settings) as day:
        with Traffic(day.address, pace=pace * 4, text_bytes=5_000, is_split=False) as traffic:
            time.sleep(30)
        found = day.wait(traffic.runs)
        return day.report("full-journal", traffic.runs, found, f"{day.retries()} refusals")


def full_disk(pace: float) -> bool:
    """Fill a small disk of its own, and make room again."""
    with mounted(24) as disk, a_day(home=disk / "home", root_grace_s=2, idle_s=60, window_s=0.5) as day:
        others = disk / "others"
        with Traffic(day.address, pace=pace, text_bytes=2_000) as traffic:
            time.sleep(5)
            fill(others)
            time.sleep(20)
            status, ready = day.receiver.get("/readyz")
            refused = day.retries()
            others.unlink()
            time.sleep(5)
        found = day.wait(traffic.runs)
        said = f"{refused} refusals while full, /readyz {status} {ready['wrong']}"
        return day.report("full-disk", traffic.runs, found, said) and bool(refused) and status == 503


def fill(path: Path) -> None:
    """Take all that is left of a disk."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@contextlib.contextmanager
def mounted(megabytes: int) -> Iterator[Path]:
    """A file system of that size; needs the right to mount."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def upgrade(pace: float) -> bool:
    """End it with records undelivered and requests unread, and start it again."""
    with a_day(root_grace_s=2, idle_s=60, window_s=0.5, drain_timeout_s=1, deliver_in="elsewhere") as day:
        with Traffic(day.address, pace=pace * 4) as traffic:
            time.sleep(8)
            code = day.receiver.stop()
            time.sleep(3)
            before = found_in(day.receiver.home, traffic.runs).records
            size = sum(path.stat().st_size for path in (day.receiver.home / "journal").glob("*.journal"))
            day.receiver.settings = {**day.receiver.settings, "deliver_in": "here"}
            day.receiver.start()
            time.sleep(3)
        found = day.wait(traffic.runs)
        said = f"exit code {code}, {before} delivered and {size / 1e6:.1f} MB in the journal then"
        return day.report("upgrade", traffic.runs, found, said) and code == 0


def budget(gigabytes: float, grace_s: float) -> bool:
    """Feed more than it may hold, in runs that are over after so long."""
    from receiver import SPAN_BYTES, SPANS, Template, load_one

    template, requests = Template(), int(gigabytes * 1e9 / SPAN_BYTES / 100)
    settings = {"root_grace_s": grace_s, "idle_s": 600, "window_s": 10, "max_bytes": 256 << 20}
    with (
        tempfile.TemporaryDirectory() as folder,
        run_receiver(Path(folder), journal_max_bytes=16 << 30, **settings) as receiver,
    ):
        peak, refused, is_over = 0.0, 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            while not is_over.wait(0.05):
                peak = max(peak, rss_mb(receiver))

        watching = threading.Thread(target=watch)
        watching.start()
        for _ in range(requests):
            while load_one(receiver.http, body := template.new()) != 200:
                refused += 1
                time.sleep(0.1)
        until(lambda: is_idle(receiver), "everything is read")
        is_over.set()
        watching.join()
    print(
        f"budget       {requests * len(body) / 1e9:.1f} GB in {requests * SPANS:,} spans of runs that are over after "
        f"{grace_s} s, max_bytes 256 MiB: peak RSS {peak:.0f} MB, {refused} requests refused",
        flush=True,
    )
    return peak < 800


def rss_mb(receiver: Receiver) -> float:
    """Its resident memory."""
    assert receiver.process is not None
    pages = int(Path(f"/proc/{receiver.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def is_idle(receiver: Receiver) -> bool:
    """Whether it does nothing for two seconds."""
    assert receiver.process is not None
    stat = Path(f"/proc/{receiver.process.pid}/stat")

    def ticks() -> int:
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(2)
    return ticks() - before < 0.1 * os.sysconf("SC_CLK_TCK")


DAYS: dict[str, Callable[[argparse.Namespace], bool]] = {
    "killed-grpc": lambda given: killed("grpc", given.kills, given.pace),
    "killed-http": lambda given: killed("http", given.kills, given.pace),
    "late": lambda _given: late(),
    "argilla": lambda given: platform_away("argilla", given.pace),
    "label-studio": lambda given: platform_away("label-studio", given.pace),
    "full-journal": lambda given: full_journal(given.pace),
    "full-disk": lambda given: full_disk(given.pace),
    "upgrade": lambda given: upgrade(given.pace),
    "open": lambda given: budget(given.gigabytes, 600),
    "over": lambda given: budget(given.gigabytes, 1),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("days", nargs="*", metavar="DAY", default=list(DAYS), help=" ".join(DAYS))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--pace", type=float, default=20.0, help="runs a second")
    parser.add_argument("--gigabytes", type=float, default=3.0)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are stopped then, too
    good = [DAYS[day](given) for day in given.days]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
