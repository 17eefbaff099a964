"""Gather spans and log records into traces.

The assembler starts no thread, does no I/O and reads no clock: its caller passes the time in, in seconds on
any clock that never goes back. So one test drives a day of traffic in a moment.

What becomes of a span, and the equation that holds after every call::

    spans received = spans held + spans left, summed over `Left`

A span is *received* once for each time that it is given to `add`. It is *held* from then until its trace is
handed out, or is pushed out by a budget; or it *leaves* at once as a duplicate or as a late one that is not
needed or whose trace is gone; or when its trace is cut. What has left can stay in memory in two ways without
being held a second time: with its trace, which lingers for a while so that a late span can be read together
with it, and as mere structure in a trace that was cut. Neither is received again, held again or left again:
when a late span opens its trace again, only the late span counts.

Log records are gathered beside the spans; of them only those that are lost are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf

from spanlabel.model import Log, Ready, Span

from .cutting import cut
from .decided import DecidedIds, Lingering
from .eviction import emptiest_first, heaviest_first
from .gathered import Gathered, Left
from .held import HeldTrace, fingerprint_of
from .limits import Limits
from .timers import Timers


class Assembler:
    """Holds traces until they are ready.

    Not thread-safe: the pipeline owns it and calls it under one lock. Call `take_ready` after each `add`:
    what a budget pushes out waits there, no longer counted as held.

    Args:
        limits: Waits and budgets.
        let_go: Called with the id of each trace of which nothing is kept any more, not even for late spans, and with
            whether it held more than structure. It may come again: then as a new one, or as late.

    Attributes:
        received_spans: Spans given to `add`, since the start.
        held_spans: Spans that wait for their trace to be ready.
        held_bytes: Bytes of held traces: spans and log records.
    """

    def __init__(self, limits: Limits, let_go: Callable[[str, bool], None] | None = None) -> None:
        self._limits = limits
        self._tell = let_go
        self._traces: dict[str, HeldTrace] = {}  # the one opened first is the first
        self._timers = Timers(self._traces)
        self._decided = DecidedIds(limits.decided_traces)
        self._lingering = Lingering(limits, self._let_go)
        self._ejected: list[Gathered] = []
        self._ejected_s = inf
        self._spans_left: dict[str, int] = {}
        self._logs_lost: dict[str, int] = {}
        self.received_spans = 0
        self.held_spans = 0
        self.held_bytes = 0

    @property
    def held_traces(self) -> int:
        """Traces held, those included of which only an open span or a log record is known."""
        return len(self._traces)

    @property
    def lingering_bytes(self) -> int:
        """Bytes of decided traces that are kept for a late span."""
        return self._lingering.size_bytes

    def add(self, spans: Sequence[Span], logs: Sequence[Log] = (), *, now_s: float) -> None:
        """Take spans and log records, in any order, duplicates allowed."""
        self._lingering.expire(now_s)
        self.received_spans += len(spans)
        traces, limits = self._traces, self._limits
        for span in spans:
            trace = traces.get(span.trace_id) or self._admit_span(span, now_s)
            if trace is None:
                continue
            if span.span_id in trace.spans:
                _count(self._spans_left, Left.DUPLICATE)
                continue
            trace.put_span(span, now_s)
            self.held_spans += 1
            self.held_bytes += span.size_bytes
            if span.parent_id is None or span.parent_is_remote or len(trace.spans) == 1:
                self._set_timer(trace)
            if trace.size_bytes > limits.max_trace_bytes or len(trace.spans) > limits.max_trace_spans:
                self._cut(trace)
        for log in logs:
            self._add_log(log, now_s)
        self._make_room(now_s)

    def opened(self, trace_id: str, *, now_s: float) -> None:
        """Say that a span of this trace was opened in this process.

        A trace of which this was said is ready as soon as its root has come and nothing is open, without any
        grace. If a span never ends, the trace is ready when it has been idle.
        """
        trace = self._traces.get(trace_id) or self._lingering.get(trace_id)
        if trace is None:
            if self._decided.has(trace_id):
                return
            trace = self._open(trace_id, now_s)
        trace.open += 1
        trace.is_counted = True
        trace.last_s = now_s
        if trace.is_empty:
            self._set_timer(trace)
        self._make_room(now_s)

    def closed(self, trace_id: str, *, now_s: float) -> None:
        """Say that a span of this trace has ended, before or after it is given to `add`."""
        trace = self._traces.get(trace_id) or self._lingering.get(trace_id)
        if trace is None or not trace.open:
            return
        trace.open -= 1
        trace.last_s = now_s
        if trace_id in self._traces:
            self._set_timer(trace)

    def take_ready(self, *, now_s: float) -> list[Gathered]:
        """Remove and return every trace that is ready, the oldest first."""
        self._lingering.expire(now_s)
        ready, self._ejected, self._ejected_s = self._ejected, [], inf
        while (trace := self._timers.pop(now_s)) is not None:
            due_s, why = trace.due(self._limits)
            if due_s > now_s:
                self._timers.set_earlier(trace, due_s)
            else:
                self._decide(trace, why, now_s, ready)
        return sorted(ready, key=_first_s)

    def take_complete(self, *, now_s: float) -> list[Gathered]:
        """Do as `take_ready`, and take every trace whose root has come and of which nothing is known to be open.

        For a flush: no grace is waited for, and what runs on stays.
        """
        ready = self.take_ready(now_s=now_s)
        for trace in [trace for trace in self._traces.values() if trace.is_rooted and not trace.open]:
            self._decide(trace, Ready.ROOT_ENDED, now_s, ready)
        return sorted(ready, key=_first_s)

    def drain(self, *, now_s: float) -> list[Gathered]:
        """Remove and return every trace, ready or not, the oldest first.

        A trace of which only open spans are known stays, for it has nothing to return.
        """
        ready = self.take_ready(now_s=now_s)
        for trace in [trace for trace in self._traces.values() if not trace.is_empty]:
            self._decide(trace, Ready.DRAINED, now_s, ready)
        return sorted(ready, key=_first_s)

    def is_open_again(self, trace_id: str) -> bool:
        """Whether a trace that was handed out is held again: it will be handed out once more, whole."""
        trace = self._traces.get(trace_id)
        return trace is not None and trace.is_read

    def holds(self, trace_id: str) -> bool:
        """Whether a trace is held: it is not ready, or it is held again because something came late."""
        return trace_id in self._traces

    def keeps(self, trace_id: str) -> bool:
        """Whether anything of a trace is kept: it is held, or lingers."""
        return trace_id in self._traces or self._lingering.get(trace_id) is not None

    def remember(self, trace_ids: Iterable[str]) -> None:
        """Take traces for decided, the oldest first: what comes of them is late."""
        for trace_id in trace_ids:
            self._decided.remember(trace_id)

    def forget(self, trace_ids: Iterable[str]) -> None:
        """Drop traces without reading them; each may come again as if it never had."""
        for trace_id in trace_ids:
            trace = self._traces.get(trace_id)
            if trace is not None:
                _count(self._spans_left, Left.FORGOTTEN, trace.unsettled_spans)
                _count(self._logs_lost, Left.FORGOTTEN, 0 if trace.is_read else trace.log_count)
                self._unhold(trace)
            elif self._lingering.get(trace_id) is not None:
                self._lingering.take(trace_id)
            self._decided.forget(trace_id)

    def linger_less(self) -> None:
        """Let go of the oldest eighth of what is kept for late spans, by bytes."""
        most_bytes = self.lingering_bytes * 7 // 8
        while self._lingering and self.lingering_bytes > most_bytes:
            self._lingering.drop_oldest()

    def next_due_s(self) -> float | None:
        """When to call `take_ready` next: never later than something is due, maybe earlier; None for never."""
        due_s = min(self._ejected_s, self._timers.next_s(), self._lingering.next_due_s())
        return None if due_s == inf else due_s

    def taken_counts(self) -> Mapping[Left, int]:
        """Spans that left since the last call, by reason."""
        counts, self._spans_left = self._spans_left, {}
        return {Left(word): n for word, n in counts.items()}

    def taken_log_counts(self) -> Mapping[Left, int]:
        """Log records that were lost since the last call, by reason; duplicates among them."""
        counts, self._logs_lost = self._logs_lost, {}
        return {Left(word): n for word, n in counts.items()}

    def _open(self, trace_id: str, now_s: float) -> HeldTrace:
        trace = self._traces[trace_id] = HeldTrace(trace_id, now_s)
        return trace  # without a timer: its due time depends on what is put into it now

    def _reopen(self, trace: HeldTrace, now_s: float) -> HeldTrace:
        self._lingering.take(trace.trace_id)
        self._traces[trace.trace_id] = trace
        self.held_bytes += trace.size_bytes
        trace.settled = frozenset(trace.spans)
        trace.first_s = trace.last_s = now_s
        self._set_timer(trace)
        return trace

    def _set_timer(self, trace: HeldTrace) -> None:
        """Call it whenever the due time of *trace* may have become earlier, or was never known."""
        self._timers.set_earlier(trace, trace.due(self._limits)[0])

    def _admit_span(self, span: Span, now_s: float) -> HeldTrace | None:
        """The trace, opened or opened again, that is to hold a span; None if the span leaves at once."""
        trace = self._lingering.get(span.trace_id)
        if trace is None:
            if not self._decided.has(span.trace_id):
                return self._open(span.trace_id, now_s)
            _count(self._spans_left, Left.LATE_DROPPED)
        elif span.span_id in trace.spans:
            _count(self._spans_left, Left.DUPLICATE)
        elif _changes_reading(span, trace):
            return self._reopen(trace, now_s)
        elif len(trace.spans) >= self._limits.max_trace_spans:
            _count(self._spans_left, Left.LATE_DROPPED)
        else:
            trace.put_span(span, now_s)
            self._lingering.grow(span.size_bytes)
            _count(self._spans_left, Left.LATE_KEPT)
        return None

    def _add_log(self, log: Log, now_s: float) -> None:
        fingerprint = fingerprint_of(log)
        trace = self._traces.get(log.trace_id) or self._lingering.get(log.trace_id)
        if trace is None:
            if self._decided.has(log.trace_id):
                _count(self._logs_lost, Left.LATE_DROPPED)
                return
            trace = self._open(log.trace_id, now_s)
        if trace.has_log(log, fingerprint):
            _count(self._logs_lost, Left.DUPLICATE)
            return
        if log.trace_id not in self._traces:
            self._reopen(trace, now_s)
        trace.put_log(log, fingerprint, now_s)
        self.held_bytes += log.size_bytes
        self._set_timer(trace)
        if trace.size_bytes > self._limits.max_trace_bytes:
            self._cut(trace)

    def _cut(self, trace: HeldTrace) -> None:
        spans, logs, size_bytes = trace.unsettled_spans, trace.log_count, trace.size_bytes
        cut(trace, self._limits)
        self.held_bytes -= size_bytes - trace.size_bytes
        self.held_spans -= spans - trace.unsettled_spans
        _count(self._spans_left, Left.TRACE_TOO_LARGE, spans - trace.unsettled_spans)
        _count(self._logs_lost, Left.TRACE_TOO_LARGE, logs - trace.log_count)

    def _decide(self, trace: HeldTrace, why: Ready, now_s: float, ready: list[Gathered]) -> None:
        """Hand a trace out and let it linger."""
        self._hand_out(trace, why, ready)
        if trace.is_empty:
            self._let_go(trace)
        else:
            self._lingering.keep(trace, now_s)

    def _hand_out(self, trace: HeldTrace, why: Ready, to: list[Gathered]) -> None:
        """Hold a trace no longer, and add it to *to* unless there is nothing to read."""
        self._unhold(trace)
        if not trace.spans:
            _count(self._logs_lost, Left.NO_SPAN, trace.log_count)
            return
        why = Ready.LATE if trace.is_read else why
        _count(self._spans_left, why, trace.unsettled_spans)
        to.append(trace.gathered(why))
        trace.is_read = True
        if trace.has_content:
            # A trace of structure only gave nothing, so it may be taken for new when it has been forgotten.
            self._decided.remember(trace.trace_id)

    def _unhold(self, trace: HeldTrace) -> None:
        del self._traces[trace.trace_id]
        trace.timer_s = inf
        self.held_bytes -= trace.size_bytes
        self.held_spans -= trace.unsettled_spans

    def _let_go(self, trace: HeldTrace) -> None:
        if self._tell is not None:
            self._tell(trace.trace_id, trace.has_content)

    def _make_room(self, now_s: float) -> None:
        limits, traces = self._limits, self._traces
        while self._lingering and self.held_bytes + self.lingering_bytes > limits.max_bytes:
            self._lingering.drop_oldest()
        # Both budgets are brought to seven eighths, so that the search for victims is rare.
        if len(traces) > limits.max_traces:
            for trace in emptiest_first(tuple(traces.values()), limits, now_s=now_s):
                if len(traces) <= limits.max_traces - limits.max_traces // 8:
                    break
                self._eject(trace, now_s)
        if self.held_bytes > limits.max_bytes:
            for trace in heaviest_first(tuple(traces.values()), limits, now_s=now_s):
                if self.held_bytes <= limits.max_bytes - limits.max_bytes // 8:
                    break
                self._eject(trace, now_s)

    def _eject(self, trace: HeldTrace, now_s: float) -> None:
        self._hand_out(trace, Ready.EJECTED_MEMORY, self._ejected)
        self._let_go(trace)
        self._ejected_s = min(self._ejected_s, now_s)


def _changes_reading(span: Span, trace: HeldTrace) -> bool:
    """Whether a late span can change what was read of a trace that lingers."""
    is_structure = span.is_skeleton and span.span_id not in trace.logs
    return not (is_structure and trace.is_rooted)


def _count(counts: dict[str, int], why: Left | Ready, n: int = 1) -> None:
    # By the word, because hashing a member of an enum is a slow call.
    if n:
        counts[why.value] = counts.get(why.value, 0) + n


def _first_s(gathered: Gathered) -> float:
    return gathered.first_s
