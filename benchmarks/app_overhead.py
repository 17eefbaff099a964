"""What spanlabel costs the application that it is a guest of: `python benchmarks/app_overhead.py [rounds]`.

The yardstick is the standard OTLP exporter (HTTP, protobuf, behind its batch processor) sending to a sink in another
process, in the same run. Each figure is CPU time per span beyond a tracer provider without any processor: the median
over the rounds, each of them in a fresh process.

GenAI spans come in runs: an agent's span and the four model calls below it, which become one record. So many there are
to a pair in the recorded corpus (4 107 to 825). A lone call is a trace of its own and becomes a record itself, which
is the most work that a span can make. All records are looked for at the end.

Exit code 1 if a target is missed.
"""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

GENAI_SPANS = 1920
CALLS = 4
OTHER_SPANS = 12_000
LONE_SPANS = 40
BURST = 64
PAUSE_S = 0.05
WARM_UP = 256

BARE, OTLP, OURS, ELSEWHERE = "no processor", "OTLP exporter", "spanlabel", "spanlabel, delivery elsewhere"

WORDS = """
    the of and to in is you that it he was for on are as with his they be at one have this from or had by hot word
    but what some we can out other were all there when up use your how said an each she which do their time if will
    way about many then them write would like so these her long make thing see him two has look more day could
""".split()  # noqa: SIM905 - a hundred words in quotes are no better to read


def text(chance: random.Random, size: int) -> str:
    """Words of *size* characters together, about."""
    return " ".join(chance.choices(WORDS, k=size * 10 // 43))


def genai_attributes(chance: random.Random, n: int) -> dict[str, Any]:
    """13 attributes of one model call, 5 of them about 2 KB: 10 KB in all; no two calls alike."""

    def part(size: int) -> list[dict[str, str]]:
        return [{"type": "text", "content": text(chance, size)}]

    history = [{"role": "user", "parts": part(900)}, {"role": "assistant", "parts": part(600)}]
    question = {"role": "user", "parts": [{"type": "text", "content": f"{text(chance, 400)}, {n}?"}]}
    tools = [
        {"type": "function", "name": f"tool_{k}", "description": text(chance, 250),
         "parameters": {"type": "object", "properties": {"what": {"type": "string", "description": text(chance, 150)}}}}
        for k in range(4)
    ]  # fmt: skip
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": f"chatcmpl-{n:09}",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 400,
        "gen_ai.system_instructions": json.dumps(part(1950)),
        "gen_ai.input.messages": json.dumps([*history, question]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": part(1950), "finish_reason": "stop"}]),
        "gen_ai.tool.definitions": json.dumps(tools),
        "app.retrieved": text(chance, 2000),
    }


OTHER_ATTRIBUTES = {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "url.full": "https://shop.example/api/v1/baskets/7f1c?expand=items",
    "server.address": "shop.example",
    "server.port": 443,
    "network.protocol.version": "1.1",
}


def measure(mode: str, home: Path, endpoint: str) -> dict[str, float]:
    """Run in a process of its own: microseconds per span, of the app's thread and of the process."""
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(shutdown_on_exit=False)
    if mode == OTLP:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    elif mode != BARE:
        from spanlabel import AnnotationSpanProcessor

        processor = AnnotationSpanProcessor(home=home)
        provider.add_span_processor(processor)
    tracer = provider.get_tracer("benchmark")
    chance = random.Random(1)  # noqa: S311 - nobody is to be kept from guessing the words
    calls = [genai_attributes(chance, n) for n in range(WARM_UP + GENAI_SPANS)]

    def call(attributes: dict[str, Any]) -> None:
        span = tracer.start_span("chat gpt-4o-mini")
        span.set_attributes(attributes)
        span.end()

    def request() -> None:
        with tracer.start_as_current_span("POST /checkout"):
            for _ in range(9):
                tracer.start_span("GET", attributes=OTHER_ATTRIBUTES).end()

    found: dict[str, float] = {}

    def run(name: str, work: Sequence[Any], spans_each: int, burst: int = BURST, pause_s: float = PAUSE_S) -> None:
        provider.force_flush()
        app_s, began_s = 0.0, time.process_time()
        for start in range(0, len(work), burst):
            thread_s = time.thread_time()
            for job in work[start : start + burst]:
                job()
            app_s += time.thread_time() - thread_s
            time.sleep(pause_s)
        assert provider.force_flush()
        found[f"{name} app"] = 1e6 * app_s / len(work) / spans_each
        found[f"{name} process"] = 1e6 * (time.process_time() - began_s) / len(work) / spans_each

    def agent(attributes: Sequence[dict[str, Any]]) -> None:
        name = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop"}
        with tracer.start_as_current_span("invoke_agent shop", attributes=attributes[0] | name):
            for one in attributes[1:]:
                call(one)

    for attributes in calls[:WARM_UP]:
        call(attributes)
    runs = [calls[start : start + CALLS + 1] for start in range(WARM_UP, len(calls), CALLS + 1)]
    gc.collect()
    gc.freeze()  # what was prepared for the measurement is not the processors' to clean up
    run("run", [lambda a=attributes: agent(a) for attributes in runs], CALLS + 1, BURST // (CALLS + 1))
    run("genai", [lambda a=attributes: call(a) for attributes in calls[WARM_UP:]], 1)
    run("other", [request] * (OTHER_SPANS // 10), 10)
    run("lone", [lambda: tracer.start_span("GET", attributes=OTHER_ATTRIBUTES).end()] * LONE_SPANS, 1, 1, 0.07)
    if mode in {OURS, ELSEWHERE}:
        assert processor._engine is not None  # noqa: SLF001 - nothing may have been dropped
        from spanlabel.metrics import Metric, check_conservation

        counts = processor._engine.counts  # noqa: SLF001
        assert counts.total(Metric.SPANS_DECIDED, reason="queue_full") == 0
        assert counts.total(Metric.RECORDS_MADE) == len(calls) + len(runs)
        assert mode == ELSEWHERE or check_conservation(counts) == []
        stored = stored_records(home)
        assert stored == len(calls) + len(runs), f"{stored} records are in the store"
    provider.shutdown()
    return found


def stored_records(home: Path) -> int:
    from spanlabel.platforms.local import LocalStore

    with LocalStore(home / "records.db") as store:
        return store.count()


def serve(home: str) -> None:
    """Run in a process of its own: the OTLP sink, or with *home* the delivery of its outbox."""
    if not home:
        from spanlabel.demo.sink import OtlpSink

        with OtlpSink() as sink:
            print(sink.endpoint, flush=True)
            sys.stdin.read()
        return
    from functools import partial
    from threading import Event, Thread

    from spanlabel.delivery import Outbox, Worker
    from spanlabel.platforms.local import LocalSettings, make_writer

    outbox = Outbox(Path(home) / "outbox.db", max_bytes=1 << 30)
    worker = Worker(outbox, "local", partial(make_writer, LocalSettings(), Path(home)))
    worker.step()  # from now on the delivery is ours
    stop = Event()
    thread = Thread(target=worker.run, args=(stop,))
    thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    worker.wake()
    thread.join()
    worker.close()


@contextmanager
def server(home: str = "") -> Iterator[str]:
    """Yields the first line that a serving process says."""
    with subprocess.Popen(
        [sys.executable, __file__, "--serve", home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


def measured(mode: str, endpoint: str) -> dict[str, float]:
    """Measure in a fresh process with a fresh home."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLABEL_", "OTEL_"))}
    with tempfile.TemporaryDirectory() as home:

        def run() -> dict[str, float]:
            command = [sys.executable, __file__, "--measure", mode, home, endpoint]
            done = subprocess.run(command, env=clean, cwd=home, stdout=subprocess.PIPE, text=True, check=True)
            found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            return found

        if mode != ELSEWHERE:
            return run()
        with server(home):
            return run()


def main(rounds: int) -> int:
    modes = (BARE, OTLP, OURS, ELSEWHERE)
    results: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
    with server() as endpoint:
        for round_ in range(rounds):
            for mode in modes:
                results[mode].append(measured(mode, endpoint))
            print(f"round {round_ + 1} of {rounds} done", file=sys.stderr)

    def cost(mode: str, what: str) -> float:
        """Microseconds per span beyond the bare provider's, the median of the rounds."""
        return median(one[what] - bare[what] for one, bare in zip(results[mode], results[BARE], strict=True))

    bare = {what: median(one[what] for one in results[BARE]) for what in results[BARE][0]}
    print(f"CPU microseconds per span, median of {rounds} rounds; beyond a provider without processors, which takes")
    print(f"{bare['run app']:.1f} per GenAI span and {bare['other app']:.1f} per other span\n")
    heads = ("GenAI span of a run", "lone GenAI span", "other span")
    print(f"{'':32}{''.join(f'{head:>22}' for head in heads)}{'lone other span':>18}")
    print(f"{'':32}{''.join(f'{who:>11}' for who in ('app thread', 'process') * 3)}{'app thread':>18}")
    columns = [f"{name} {who}" for name in ("run", "genai", "other") for who in ("app", "process")]
    for mode in modes[1:]:
        figures = "".join(f"{cost(mode, what):11.1f}" for what in columns)
        print(f"{mode:32}{figures}{cost(mode, 'lone app'):18.1f}")
    yardstick = cost(OTLP, "run process")
    targets = [
        ("app's thread, GenAI span, of OTLP's process cost", cost(OURS, "run app") / yardstick, 1 / 5, "x"),
        ("whole process, GenAI span, of OTLP's", cost(OURS, "run process") / yardstick, 1.0, "x"),
        ("app's thread, other span (start and end)", cost(OURS, "other app"), 2.0, " us"),
    ]
    print()
    failed = False
    for name, value, target, unit in targets:
        passed = value <= target
        failed |= not passed
        print(f"{name:50}{value:6.2f}{unit:3} target {target:.2f}{unit:3} {'PASS' if passed else 'FAIL'}")
    return int(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]), sys.argv[4])))
    elif sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
