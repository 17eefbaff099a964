"""One timer for each held trace."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from math import inf

from .held import HeldTrace


class Timers:
    """Timers that may be set earlier at any time, and later only when they have run out.

    A trace that changes moves its due time back with every span; its timer is left alone then, and found to
    be early when it runs out. So a span costs no heap operation. Entries that were overtaken by an earlier
    one, or whose trace is gone, are skipped when they come up; the heap is rebuilt when most are of that kind.

    Args:
        traces: All held traces by id; the owner's own dictionary, which changes.
    """

    def __init__(self, traces: Mapping[str, HeldTrace]) -> None:
        self._traces = traces
        # Ids and not traces, so that an entry never keeps alive what has left.
        self._heap: list[tuple[float, str]] = []

    def set_earlier(self, trace: HeldTrace, at_s: float) -> None:
        """Let the timer of *trace* run out at *at_s*, unless it runs out before."""
        if at_s >= trace.timer_s:
            return
        trace.timer_s = at_s
        if len(self._heap) > 2 * len(self._traces) + 1000:
            self._heap = [(t.timer_s, t.trace_id) for t in self._traces.values() if t.timer_s < inf]
            heapify(self._heap)
        else:
            heappush(self._heap, (at_s, trace.trace_id))

    def pop(self, now_s: float) -> HeldTrace | None:
        """The next trace whose timer has run out; its timer is no longer set. None if there is none."""
        trace = self._first()
        if trace is None or trace.timer_s > now_s:
            return None
        heappop(self._heap)
        trace.timer_s = inf
        return trace

    def next_s(self) -> float:
        """When the next timer runs out; inf if none is set."""
        trace = self._first()
        return inf if trace is None else trace.timer_s

    def _first(self) -> HeldTrace | None:
        while self._heap:
            at_s, trace_id = self._heap[0]
            trace = self._traces.get(trace_id)
            if trace is not None and trace.timer_s == at_s:
                return trace
            heappop(self._heap)
        return None
