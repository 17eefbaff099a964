"""Bad days in front of a real platform, with an application at work: lost, doubled, and what the app feels.

The app ends traced model calls at a steady pace; its processor writes through a proxy on loopback which spoils each
third write in one way, or refuses everybody for half a minute. `killed` is a day of its own: the app only writes into
the outbox, and `spanlabel deliver --follow`, which sends, is killed at random moments, half of them right after an
import has begun. At the end the platform itself is asked what it has.

    python benchmarks/faults.py argilla|label_studio [--records 2000] [--pace 500] [--kills 50] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "integration"))

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from spanlabel import AnnotationSpanProcessor
from spanlabel.delivery import Outbox, Tally
from spanlabel.testing import FAULTS, Fault, FaultProxy

AWAY_S = 30.0
PATIENCE_S = 900.0
WORDS = "A sentence of an answer that is neither long nor short. " * 10


@dataclass(frozen=True)
class Platform:
    """What differs between the platforms."""

    name: str
    url: str
    settings: Callable[[str, str], dict[str, object]]
    """Title and address → the destination's settings."""
    stored: Callable[[str], list[str]]
    """Title → ids of the records that are there, as often as they are there, the oldest first."""
    is_write: Callable[[str, str], bool]
    """Whether a request, by method and path, writes records."""


def main() -> None:
    days = [*FAULTS, "refused", "killed"]
    parser = argparse.ArgumentParser()
    parser.add_argument("platform", choices=["argilla", "label_studio"])
    parser.add_argument("--records", type=int, default=2_000)
    parser.add_argument("--pace", type=float, default=500.0, help="model calls a second")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", nargs="*", choices=days, default=days)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped then, too
    for name in list(os.environ):
        if name.startswith(("SPANLABEL_", "ARGILLA_", "LABEL_STUDIO_", "OTEL_")):
            del os.environ[name]
    with contextlib.ExitStack() as stack:
        platform = (argilla if given.platform == "argilla" else label_studio)(stack)
        for day in given.only:
            if day == "killed":
                killed(platform, given.records, given.kills)
            else:
                bad_day(platform, day, given.records, given.pace)


def bad_day(platform: Platform, day: str, n: int, pace: float) -> None:
    fault = FAULTS.get(day)
    # Each refusal for size makes two smaller requests of one: they would never end.
    plan = None if fault is None else every_third_write(platform, fault, at_most=10 if day == "413" else n)
    with FaultProxy(platform.url, plan) as proxy, App(platform, proxy.url) as app:
        start_s = time.perf_counter()
        if fault is None:
            app.work(n // 4, pace)
            thread = threading.Thread(target=away, args=(proxy,))
            thread.start()
            app.work(n - n // 4, pace)
            thread.join()
        else:
            app.work(n, pace)
        app.wait(n)
        spoiled = sum(1 for *_, fault in proxy.requests if fault)
        said = f"{spoiled} of {len(proxy.requests)} requests spoiled" if fault else f"away for {AWAY_S:.0f} s"
        app.report(day, n, f"{said}, {time.perf_counter() - start_s:.0f} s")


def every_third_write(platform: Platform, fault: Fault, *, at_most: int) -> Callable[[str, str, int], Fault | None]:
    writes = 0

    def plan(method: str, path: str, _n: int) -> Fault | None:
        nonlocal writes
        if not platform.is_write(method, path):
            return None
        writes += 1
        return fault if writes % 3 == 1 and writes <= at_most else None

    return plan


def away(proxy: FaultProxy) -> None:
    with proxy.refuse():
        time.sleep(AWAY_S)


def killed(platform: Platform, n: int, kills: int) -> None:
    """Kill `spanlabel deliver --follow` at random moments while the app goes on."""
    chance = random.Random(11)  # noqa: S311  the same moments each time
    with FaultProxy(platform.url) as proxy, App(platform, proxy.url, deliver_in="elsewhere") as app:
        start_s = time.perf_counter()
        begun = threading.Event()

        def plan(method: str, path: str, _n: int) -> None:
            if platform.is_write(method, path):
                begun.set()

        proxy.plan = plan
        # As long as the app works there is something to kill for.
        is_over = threading.Event()
        worker = threading.Thread(target=app.work_until, args=(is_over, n, 40.0))
        worker.start()
        in_writes = died = 0
        delivered = []
        while died < kills:
            begun.clear()
            with deliverer(app.home) as process:
                is_writing = begun.wait(30)
                if died % 2 and is_writing:
                    begun.clear()
                    in_writes += begun.wait(10)
                    time.sleep(chance.uniform(0.0, 0.3))
                else:
                    time.sleep(chance.uniform(0.0, 8.0))
                process.kill()
                died += 1
            delivered.append(app.tally().delivered)
        is_over.set()
        worker.join()
        with deliverer(app.home):
            app.wait(app.ended)
        moments = len(set(delivered))
        said = f"{died} kills, {in_writes} of them in a write, {moments} different states"
        app.report("killed", app.ended, f"{said}, {time.perf_counter() - start_s:.0f} s")


@contextlib.contextmanager
def deliverer(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(Path(sys.executable).with_name("spanlabel")), "deliver", "--follow"]
    environment = os.environ | {"SPANLABEL_HOME": str(home), "SPANLABEL_CONFIG": str(home / "spanlabel.yaml")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


class App:
    """An application with our processor, which notes how long each `on_end` takes."""

    def __init__(self, platform: Platform, url: str, *, deliver_in: str = "here") -> None:
        self._platform = platform
        self._title = f"day-{time.time_ns()}"
        self.home = Path(tempfile.mkdtemp())
        self.ended = 0
        self._spent_s: list[float] = []
        destination = {"name": "d", "platform": platform.name.replace("_", "-")} | platform.settings(self._title, url)
        config = self.home / "spanlabel.yaml"
        config.write_text(f"deliver_in: {deliver_in}\ndestinations: [{destination!r}]\n")
        os.environ |= {"SPANLABEL_HOME": str(self.home), "SPANLABEL_CONFIG": str(config)}
        spent_s = self._spent_s

        class Timed(AnnotationSpanProcessor):
            def on_end(self, span: ReadableSpan) -> None:
                start_s = time.perf_counter()
                super().on_end(span)
                spent_s.append(time.perf_counter() - start_s)

        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(Timed())
        self._outbox = Outbox(self.home / "outbox.db", max_bytes=500_000_000)

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self._provider.shutdown()
        self._outbox.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def work(self, n: int, pace: float) -> None:
        """End so many model calls, so many a second."""
        start_s, tracer = time.perf_counter(), self._provider.get_tracer("app")
        for number in range(n):
            with tracer.start_as_current_span("chat m") as span:
                attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
                question = f"Question {self.ended}"
                span.set_attributes(attributes | {"gen_ai.prompt": question, "gen_ai.completion": f"{number} {WORDS}"})
            self.ended += 1
            time.sleep(max(0.0, start_s + number / pace - time.perf_counter()))

    def work_until(self, is_over: threading.Event, at_least: int, pace: float) -> None:
        """The same until it is over, and no fewer than so many."""
        while self.ended < at_least or not is_over.is_set():
            self.work(10, pace)

    def tally(self) -> Tally:
        """What the outbox says."""
        return self._outbox.tally("d")

    def wait(self, n: int) -> None:
        """Wait until all of them are made and none waits any more."""
        self._provider.force_flush(10_000)
        end_s = time.monotonic() + PATIENCE_S
        while (tally := self.tally()).made < n or tally.waiting:
            if time.monotonic() > end_s:
                raise SystemExit(f"not done in time: {tally}")
            time.sleep(0.2)

    def report(self, day: str, n: int, said: str) -> None:
        """Print what the platform has, and what the app felt."""
        there = Counter(self._platform.stored(self._title))
        lost, doubled = n - len(there), sum(there.values()) - len(there)
        spent_ms = sorted(1000 * one for one in self._spent_s)
        p50, p99 = spent_ms[len(spent_ms) // 2], spent_ms[int(len(spent_ms) * 0.99)]
        tally = self.tally()
        print(
            f"{self._platform.name:12} {day:13} {n} records: lost {lost}, doubled {doubled}, dead {tally.dead}; "
            f"{said}; on_end p50 {p50:.3f} p99 {p99:.3f} max {spent_ms[-1]:.1f} ms",
            flush=True,
        )
        if lost or doubled or tally.delivered != n:
            raise SystemExit(f"not as promised: {tally}")


def argilla(stack: contextlib.ExitStack) -> Platform:
    from servers.argilla import Stage, run_argilla

    server = stack.enter_context(run_argilla(log_folder=Path(tempfile.mkdtemp())))

    def settings(title: str, url: str) -> dict[str, object]:
        return {"api_url": url, "api_key": server.api_key, "dataset": title}

    def is_write(_method: str, path: str) -> bool:
        return path.endswith("/records/bulk")

    def stored(title: str) -> list[str]:
        return list(Stage(server, title).stored())

    return Platform("argilla", server.url, settings, stored, is_write)


def label_studio(stack: contextlib.ExitStack) -> Platform:
    from servers.label_studio import Stage, run_label_studio

    server = stack.enter_context(run_label_studio(log_folder=Path(tempfile.mkdtemp())))

    def settings(title: str, url: str) -> dict[str, object]:
        return {"url": url, "api_key": server.token, "project": title}

    def is_write(method: str, path: str) -> bool:
        return method == "POST" and "/import" in path

    def stored(title: str) -> list[str]:
        return Stage(server, title).ids()

    return Platform("label_studio", server.url, settings, stored, is_write)


if __name__ == "__main__":
    main()
