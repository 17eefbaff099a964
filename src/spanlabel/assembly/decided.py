"""What is remembered of traces that were decided: their ids for long, their spans for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import inf

from .held import HeldTrace
from .limits import Limits


class DecidedIds:
    """Ids of traces that were handed out, the longest unused forgotten first.

    Args:
        capacity: Most ids remembered.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # Not a dict: finding a dict's first key again and again takes longer with each one deleted.
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids)

    def remember(self, trace_id: str) -> None:
        """Remember *trace_id* as the latest."""
        self._ids[trace_id] = None
        self._ids.move_to_end(trace_id)
        if len(self._ids) > self._capacity:
            self._ids.popitem(last=False)

    def forget(self, trace_id: str) -> None:
        """Remember *trace_id* no more."""
        self._ids.pop(trace_id, None)

    def has(self, trace_id: str) -> bool:
        """Whether *trace_id* is remembered; asking makes it the latest."""
        if trace_id not in self._ids:
            return False
        self.remember(trace_id)
        return True


class Lingering:
    """Decided traces whose spans are kept for a while, so that a late span can be read together with them.

    Bounded by bytes, number and age; the one decided first goes first.

    Args:
        limits: `linger_bytes`, `linger_s` and `decided_traces` hold.
        let_go: Called with each trace that is not kept any more.
    """

    def __init__(self, limits: Limits, let_go: Callable[[HeldTrace], None]) -> None:
        self._limits = limits
        self._let_go = let_go
        self._traces: OrderedDict[str, tuple[float, HeldTrace]] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._traces)

    def get(self, trace_id: str) -> HeldTrace | None:
        """The trace if it is still there."""
        entry = self._traces.get(trace_id)
        return None if entry is None else entry[1]

    def keep(self, trace: HeldTrace, now_s: float) -> None:
        """Keep *trace*, decided at *now_s*; at the same or a later time than those before it."""
        if trace.size_bytes > self._limits.linger_bytes:
            self._let_go(trace)
            return
        self._traces[trace.trace_id] = (now_s + self._limits.linger_s, trace)
        self.size_bytes += trace.size_bytes
        self._trim()

    def take(self, trace_id: str) -> HeldTrace:
        """Remove and return a trace that is there; it is not let go."""
        trace = self._traces.pop(trace_id)[1]
        self.size_bytes -= trace.size_bytes
        return trace

    def grow(self, size_bytes: int) -> None:
        """Say that a trace which lingers has grown."""
        self.size_bytes += size_bytes
        self._trim()

    def drop_oldest(self) -> None:
        """Let go of the trace that was decided first."""
        _, (_, trace) = self._traces.popitem(last=False)
        self.size_bytes -= trace.size_bytes
        self._let_go(trace)

    def expire(self, now_s: float) -> None:
        """Let go of what has lingered long enough."""
        while self.next_due_s() <= now_s:
            self.drop_oldest()

    def next_due_s(self) -> float:
        """When the next one has lingered long enough; inf if there is none."""
        return next(iter(self._traces.values()))[0] if self._traces else inf

    def _trim(self) -> None:
        while self.size_bytes > self._limits.linger_bytes or len(self._traces) > self._limits.decided_traces:
            self.drop_oldest()
