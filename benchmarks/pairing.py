"""What it costs to make pairs of spans: `python benchmarks/pairing.py [rounds]`.

1. Span to Pair on the recorded corpus (`tests/corpus`): CPU time per span, the median of the rounds. `json.loads` of
   the same texts stands beside it, in the same rounds, because a machine's speed changes from minute to minute.
2. Growth: 100 to 100 000 traces of two spans each through one pipeline, arriving over simulated time. What a span costs
   must not depend on how many came before it, once there are decided traces that linger for late spans (bounded: full
   after some 30 000 of these), which cost cold memory.
3. What no dialect knows: recognizing such a span with all dialects, beside the same with one.

Exit code 1 if a target is missed.
"""

from __future__ import annotations

import gc
import json
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

from spanlabel.assembly import Limits
from spanlabel.dialects import DIALECTS, READERS, Readers
from spanlabel.metrics import Counts, Metric
from spanlabel.model import Log, Ready, Span, Trace
from spanlabel.pairing import reconstruct
from spanlabel.pipeline import Pipeline
from spanlabel.testing import llm_span, make_span
from spanlabel.wire.otlp_json import read_document

CORPUS = Path(__file__).parents[1] / "tests" / "corpus" / "dev.tar.xz"
SIZES = (100, 1_000, 10_000, 100_000)
WINDOW = 20
TRACES_PER_SECOND = 50


def documents() -> Iterator[tuple[str, Mapping[str, object]]]:
    """Each recorded document with the name of its case."""
    with tarfile.open(CORPUS) as archive:
        for member in archive:
            name = Path(member.name).name
            file = archive.extractfile(member) if name.endswith(".jsonl") else None
            for line in file or ():
                yield name.removesuffix(".jsonl").removesuffix(".logs"), json.loads(line)


def recorded() -> tuple[list[Span], dict[str, list[Log]]]:
    """All spans of the corpus, and the log records by span."""
    spans: list[Span] = []
    logs: dict[str, list[Log]] = defaultdict(list)
    for _, document in documents():
        decoded = read_document(document)
        spans.extend(decoded.spans)
        for log in decoded.logs:
            logs[log.span_id].append(log)
    return spans, logs


def cpu_s(work: Callable[[], object]) -> float:
    gc.collect()
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def span_to_pair(rounds: int) -> dict[str, float]:
    """Microseconds per span, by what was done."""
    spans, logs = recorded()
    by_trace: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda s: (s.start_ns, s.span_id)):
        by_trace[span.trace_id].append(span)
    texts = [v for s in spans for v in s.attributes.values() if isinstance(v, str) and v[:1] in '[{"']

    def parse() -> None:
        for text in texts:
            try:
                json.loads(text)
            except ValueError:
                continue

    windows = [list(by_trace.items())[start : start + WINDOW] for start in range(0, len(by_trace), WINDOW)]

    def read_and_pair() -> tuple[float, float]:
        """Window by window, as the pipeline does; nothing is held longer."""
        reading_s = pairing_s = 0.0
        for window in windows:
            began_s = time.process_time()
            traces = [
                Trace(trace_id, tuple([READERS.read(s, tuple(logs.get(s.span_id, ()))) for s in these]), Ready.DRAINED)
                for trace_id, these in window
            ]
            read_s = time.process_time()
            reconstruct(traces)
            reading_s += read_s - began_s
            pairing_s += time.process_time() - read_s
        return reading_s, pairing_s

    gc.collect()
    gc.freeze()  # what the benchmark made is not for the readers to clean up
    found: dict[str, list[float]] = {"json.loads of its texts": [], "reading": [], "pairing": []}
    for _ in range(rounds + 1):
        for name, spent_s in zip(found, (cpu_s(parse), *read_and_pair()), strict=True):
            found[name].append(1e6 * spent_s / len(spans))
    gc.unfreeze()
    return {name: median(figures[1:]) for name, figures in found.items()}  # the first round warms up


def trace(number: int) -> list[Span]:
    """An agent's span that says nothing, and the model call below it."""
    start_s = number / TRACES_PER_SECOND
    root = make_span(trace=number + 1, span=2 * number + 1, start_s=start_s, end_s=start_s + 2)
    call = llm_span(
        f"What is {number} and one?",
        f"{number + 1}",
        system="Answer briefly.",
        trace=number + 1,
        span=2 * number + 2,
        parent=2 * number + 1,
        start_s=start_s,
        end_s=start_s + 1,
    )
    return [call, root]


def growth(traces: int) -> float:
    """Microseconds per span when so many traces go through one pipeline."""
    counts = Counts()
    pipeline = Pipeline(Limits.for_receiver(), window_s=5, rules=(), counts=counts)
    total_s, pairs = 0.0, 0
    for start in range(0, traces, 1_000):
        batches = [trace(number) for number in range(start, min(start + 1_000, traces))]
        gc.collect()
        gc.freeze()  # what the benchmark made is not the pipeline's to clean up
        began_s = time.process_time()
        for number, spans in enumerate(batches, start):
            now_s = number / TRACES_PER_SECOND
            pipeline.accept(spans, now_s=now_s)
            pairs += len(pipeline.tick(now_s=now_s))
        total_s += time.process_time() - began_s
    began_s = time.process_time()
    pairs += len(pipeline.drain(now_s=traces / TRACES_PER_SECOND))
    total_s += time.process_time() - began_s
    gc.unfreeze()
    assert pairs == traces, f"{pairs} pairs of {traces} traces"
    assert counts.total(Metric.SPANS_RECEIVED) == 2 * traces
    return 1e6 * total_s / (2 * traces)


def recognizing(readers: Readers) -> float:
    """Microseconds to see that a span with 6 attributes is nobody's."""
    keys = ("http.request.method", "http.route", "url.full", "server.address", "server.port", "user_agent.original")
    spans = [make_span(span=n, name=f"GET /{n % 50}", attributes=dict.fromkeys(keys, "x")) for n in range(1, 20_001)]
    return min(1e6 * cpu_s(lambda: [readers.mask(span) for span in spans]) / len(spans) for _ in range(5))


def main(rounds: int) -> int:
    costs = span_to_pair(rounds)
    for name, figure in costs.items():
        print(f"{name:40}{figure:8.1f} us per span of the corpus")
    total = costs["reading"] + costs["pairing"]
    yardstick = costs["json.loads of its texts"]
    print(f"{'Span to Pair':40}{total:8.1f} us = {total / yardstick:.1f} x json.loads\n")

    curve = {size: median(growth(size) for _ in range(3 if size < SIZES[-1] else 1)) for size in SIZES}
    for size, figure in curve.items():
        print(f"{size:>7} traces through a pipeline{figure:14.1f} us per span")
    steepness = curve[SIZES[-1]] / curve[10_000]

    alone, together = recognizing(Readers(DIALECTS[:1])), recognizing(READERS)
    print(f"\n{'a span that is nobody' + chr(39) + 's, one dialect':40}{alone:8.2f} us")
    print(f"{'the same, ' + str(len(DIALECTS)) + ' dialects':40}{together:8.2f} us\n")

    failed = False
    for name, value, target, unit in (
        ("Span to Pair", total, 40.0, " us"),
        ("100 000 traces, of 10 000 traces' cost per span", steepness, 1.25, "x"),
        ("all dialects, of one dialect's cost", together / alone, 1.5, "x"),
    ):
        passed = value <= target
        failed |= not passed
        print(f"{name:50}{value:7.2f}{unit:3} target {target:.2f}{unit:3} {'PASS' if passed else 'FAIL'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
