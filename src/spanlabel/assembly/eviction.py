"""Which traces go first when too much is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop

from .held import HeldTrace
from .limits import Limits


def heaviest_first(traces: Iterable[HeldTrace], limits: Limits, *, now_s: float) -> Iterator[HeldTrace]:
    """Traces by their impact: bytes, weighed up to four times with age."""
    heap = [(-trace.impact(now_s, limits), n, trace) for n, trace in enumerate(traces)]
    heapify(heap)
    while heap:
        yield heappop(heap)[2]


def emptiest_first(traces: Iterable[HeldTrace], limits: Limits, *, now_s: float) -> Iterator[HeldTrace]:
    """Traces without content, oldest first, then the others by impact.

    For too many traces, not too many bytes: letting go of traffic that is not GenAI costs nothing, and most
    traces behind a Collector are of that kind.

    Args:
        traces: The oldest first.
        limits: For the impact.
        now_s: For the impact.
    """
    full = []
    for trace in traces:
        if trace.has_content:
            full.append(trace)
        else:
            yield trace
    yield from heaviest_first(full, limits, now_s=now_s)
