"""One of each stage in a row: spans in, pairs and records out.

The pipeline starts no thread and reads no clock; whoever owns it calls it from one thread at a time and passes the
time in.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from spanlabel.assembly import Assembler, Gathered, Limits
from spanlabel.dialects import READERS, STRUCTURE_KEYS, Readers
from spanlabel.errors import StoreError
from spanlabel.metrics import Counts, Metric
from spanlabel.model import ContentState, Kind, Log, Pair, Record, Span, Step, Trace
from spanlabel.pairing import reconstruct
from spanlabel.ports import RecordSink
from spanlabel.records import record_of
from spanlabel.rules import Dropped, Rule, applied
from spanlabel.wire.size import SKELETON_BYTES, size_of_attributes

if TYPE_CHECKING:
    from spanlabel.rules.admission import Admission

_logger = logging.getLogger("spanlabel")

WINDOW_TRACES: Final = 2_000
"""A window is read early when it holds this many traces, or more than an eighth of the memory for traces."""

_OUR_FAULTS: Final = frozenset({"fault", "redact"})
"""Words under which a pair is dropped that nobody wanted dropped."""

_NO_CONTENT: Final = frozenset({ContentState.ABSENT, ContentState.REDACTED, ContentState.EXTERNAL})


class Released(NamedTuple):
    """Traces of which nothing is needed any more.

    Attributes:
        trace_ids: All of them.
        told: Those that held more than structure: what still comes of them is late.
    """

    trace_ids: tuple[str, ...]
    told: tuple[str, ...]


NOTHING_RELEASED: Final = Released((), ())


class Pipeline:
    """Holds one of each stage.

    Args:
        limits: How long the assembler waits and how much it holds.
        window_s: How long a ready trace waits for others that one run may be spread over.
        rules: What a pair must pass.
        counts: Where everything is counted.
        sink: Where records go; None if only pairs are wanted.
        readers: The dialects to read with.
        admission: The rules that look back; None if there are none. They need a sink.
        keeps_book: `take_released` is called after each `tick`.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        window_s: float,
        rules: Sequence[Rule],
        counts: Counts,
        sink: RecordSink | None = None,
        readers: Readers = READERS,
        admission: Admission | None = None,
        keeps_book: bool = False,
    ) -> None:
        self._let_go: dict[str, bool] = {}
        self._assembler = Assembler(limits, self._let_go.__setitem__ if keeps_book else None)
        self._window_s = window_s
        self._rules = tuple(rules)
        self._counts = counts
        self._sink = sink
        self._readers = readers
        self._admission = admission
        self._waiting: list[Gathered] = []
        self._waiting_bytes = 0
        self._most_waiting_bytes = limits.max_bytes // 8
        self._waiting_since_s = 0.0
        self._received = 0
        self._written: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._written_limit = limits.decided_traces
        self._told: set[str] = set()

    def accept(self, spans: Sequence[Span], logs: Sequence[Log] = (), *, now_s: float) -> None:
        """Take spans and log records in any order; duplicates are allowed.

        Log records that hold no messages, as the app's own lines within a span, are passed over.
        Of a span that no dialect knows only the structure is kept, and whose conversation it says it is.
        """
        logs = [log for log in logs if self._readers.knows(log)]
        self._assembler.add([self._slim(span) for span in spans], logs, now_s=now_s)
        if logs:
            self._counts.add(Metric.LOGS_RECEIVED, len(logs))
        self._gather(now_s)

    def opened(self, trace_id: str, *, now_s: float) -> None:
        """A span of this trace was opened in this process."""
        self._assembler.opened(trace_id, now_s=now_s)

    def closed(self, trace_id: str, *, now_s: float) -> None:
        """A span of this trace has ended."""
        self._assembler.closed(trace_id, now_s=now_s)

    def tick(self, *, now_s: float) -> list[Pair]:
        """Read what is ready now.

        Returns:
            The pairs that passed the rules that remember nothing, by start; the records of those that passed all
            are in the sink.
        """
        self._gather(now_s)
        is_due = bool(self._waiting) and (self._is_full or now_s - self._waiting_since_s >= self._window_s)
        passed = self._read_window(now_s) if is_due else []
        self._recount(now_s)
        return passed

    def drain(self, *, now_s: float) -> list[Pair]:
        """Read everything, ready or not."""
        self._wait(self._assembler.drain(now_s=now_s))
        return self._read_rest(now_s)

    def flush(self, *, now_s: float) -> list[Pair]:
        """Read every trace whose root has come and of which nothing is known to be open.

        What runs on stays, so that a flush in the middle of a run makes no record of half an answer.
        """
        self._wait(self._assembler.take_complete(now_s=now_s))
        return self._read_rest(now_s)

    def next_due_s(self) -> float | None:
        """When to call `tick` next; None while nothing waits."""
        due = [self._assembler.next_due_s(), self._admission.due_s if self._admission else None]
        if self._waiting:
            due.append(self._waiting_since_s + (0.0 if self._is_full else self._window_s))
        return min((one for one in due if one is not None), default=None)

    def needed(self, trace_ids: Iterable[str]) -> list[str]:
        """Which of these traces would be read wrongly, or not at all, if what was taken of them were lost now."""
        waiting = {one.trace_id for one in self._waiting}
        return [one for one in trace_ids if one in waiting or self._assembler.keeps(one)]

    def undecided(self, trace_ids: Iterable[str]) -> list[str]:
        """Which of these traces wait to be read; of all others the records are in the sink, or there are none."""
        waiting = {one.trace_id for one in self._waiting}
        return [one for one in trace_ids if one in waiting or self._assembler.holds(one)]

    def take_released(self) -> Released:
        """The traces of which nothing is needed any more, since the last call: their records are in the sink."""
        if not self._let_go:
            return NOTHING_RELEASED
        waiting = {one.trace_id for one in self._waiting}
        gone = {one: has_content for one, has_content in self._let_go.items() if one not in waiting}
        for trace_id in gone:
            del self._let_go[trace_id]
        gone = {one: has_content for one, has_content in gone.items() if not self._assembler.keeps(one)}
        return Released(tuple(gone), tuple(one for one, has_content in gone.items() if has_content))

    def remember(self, trace_ids: Iterable[str]) -> None:
        """Take traces for decided, the oldest first: what comes of them is late."""
        self._assembler.remember(trace_ids)

    def linger_less(self) -> None:
        """Let go of the oldest eighth of what is only kept for late spans: its log is short of room."""
        self._assembler.linger_less()

    def forget(self, trace_ids: Sequence[str]) -> None:
        """Drop traces without reading them; each may come again as if it never had."""
        gone = set(trace_ids)
        self._assembler.forget(gone)
        self._waiting = [one for one in self._waiting if one.trace_id not in gone]
        self._waiting_bytes = sum(one.size_bytes for one in self._waiting)
        for trace_id in gone:
            self._let_go.pop(trace_id, None)
            self._written.pop(trace_id, None)
        self._count_spans()

    def recognizes(self, span: Span) -> bool:
        """Whether any dialect knows the span; if not, only its structure is kept. Any thread may ask."""
        return self._readers.mask(span) != 0

    def close(self) -> None:
        """Let go of the files that rules look back in."""
        if self._admission is not None:
            try:
                self._admission.close()
            except StoreError as error:
                self._note_no_memory(error)

    @property
    def held_spans(self) -> int:
        """Spans of traces that are not ready."""
        return self._assembler.held_spans

    @property
    def held_bytes(self) -> int:
        """Bytes of traces that are not ready, or kept for late spans."""
        return self._assembler.held_bytes + self._assembler.lingering_bytes

    def _slim(self, span: Span) -> Span:
        try:
            if span.is_skeleton or self._readers.mask(span):
                return span
        except Exception as error:  # noqa: BLE001 - one odd span must not cost the others
            self._note_fault("recognizing", f"span {span.span_id} of trace {span.trace_id}", error)
        kept = {key: span.attributes[key] for key in STRUCTURE_KEYS if key in span.attributes}
        size = SKELETON_BYTES + size_of_attributes(kept)
        return replace(span, attributes=kept, events=(), links=(), status_message="", size_bytes=size, is_skeleton=True)

    def _gather(self, now_s: float) -> None:
        ready = self._assembler.take_ready(now_s=now_s)
        if ready and not self._waiting:
            self._waiting_since_s = now_s
        self._wait(ready)
        self._count_spans()

    def _wait(self, ready: Sequence[Gathered]) -> None:
        self._waiting.extend(ready)
        self._waiting_bytes += sum(one.size_bytes for one in ready)

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= WINDOW_TRACES or self._waiting_bytes > self._most_waiting_bytes

    def _count_spans(self) -> None:
        received = self._assembler.received_spans
        if received != self._received:
            self._counts.add(Metric.SPANS_RECEIVED, received - self._received)
            self._received = received
        for left, n in self._assembler.taken_counts().items():
            self._counts.add(Metric.SPANS_DECIDED, n, reason=left.value)
        for left, n in self._assembler.taken_log_counts().items():
            self._counts.add(Metric.LOGS_LOST, n, reason=left.value)
        self._counts.set(Metric.SPANS_HELD, self._assembler.held_spans)

    def _read_rest(self, now_s: float) -> list[Pair]:
        self._count_spans()
        passed = self._read_window(now_s) if self._waiting else []
        self._recount(now_s, is_last=True)
        return passed

    def _read_window(self, now_s: float) -> list[Pair]:
        latest = {one.trace_id: one for one in self._waiting}
        self._waiting, self._waiting_bytes = [], 0
        # What something has come late for is handed out once more, whole, and is read then.
        gathered = [one for one in latest.values() if not self._assembler.is_open_again(one.trace_id)]
        for why, n in Counter(one.ready.value for one in gathered).items():
            self._counts.add(Metric.TRACES_DECIDED, n, reason=why)
        found = self._pairs_of([one for one in gathered if _has_content(one)])
        self._counts.add(Metric.PAIRS, len(found))
        passed: list[Pair] = []
        for pair, trace in found:
            result = applied(self._rules, pair, trace)
            if isinstance(result, Dropped):
                self._drop(result)
            else:
                passed.append(result)
        if self._sink is not None:
            again = [one.trace_id for one in gathered if one.is_again]
            records = self._admitted([record_of(pair) for pair in passed], again, now_s)
            self._write(self._sink, records, again)
        return passed

    def _drop(self, dropped: Dropped) -> None:
        self._counts.add(Metric.PAIRS_DROPPED, rule=dropped.rule)
        if dropped.rule in _OUR_FAULTS and dropped.rule not in self._told:
            self._told.add(dropped.rule)
            _logger.warning("A pair is dropped (%s): %s; further ones are counted only", dropped.rule, dropped.why)

    def _admitted(self, records: Sequence[Record], again: Sequence[str], now_s: float) -> Sequence[Record]:
        """What the rules that look back let pass; all, as long as their memory cannot be used."""
        if self._admission is None:
            return records
        try:
            decided = self._admission.take(records, again=again, now_s=now_s)
        except StoreError as error:
            self._note_no_memory(error)
            return records
        admitted = []
        for one in decided:
            if isinstance(one, Dropped):
                self._drop(one)
            else:
                admitted.append(one)
        return admitted

    def _recount(self, now_s: float, *, is_last: bool = False) -> None:
        """Write records again that say how often their question came."""
        if self._admission is None or self._sink is None:
            return
        try:
            records = self._admission.recounted(now_s, is_last=is_last)
        except StoreError as error:
            self._note_no_memory(error)
            return
        if records:
            self._sink.put(records)
            self._counts.add(Metric.RECORDS_RECOUNTED, len(records))

    def _note_no_memory(self, error: StoreError) -> None:
        self._counts.add(Metric.FAULTS, where="admission")
        if "admission" not in self._told:
            self._told.add("admission")
            _logger.warning("dedup and per_day let everything pass until their memory can be used: %s", error)

    def _pairs_of(self, gathered: Sequence[Gathered]) -> Sequence[tuple[Pair, Trace]]:
        if not gathered:
            return ()
        try:
            return self._pairs_of_window(gathered)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not cost the app its records
            if len(gathered) == 1:
                self._note_fault("reading", f"trace {gathered[0].trace_id}", error)
                return ()
        # One of them is too much for us: the others are read without it.
        return [pair for one in gathered for pair in self._pairs_of([one])]

    def _pairs_of_window(self, gathered: Sequence[Gathered]) -> Sequence[tuple[Pair, Trace]]:
        traces = {one.trace_id: trace_of(one, self._readers) for one in gathered}
        pairs = reconstruct(list(traces.values())).pairs
        self._note_missing_content(step for trace in traces.values() for step in trace.steps)
        return [(pair, traces[pair.trace_id]) for pair in pairs]

    def _note_fault(self, where: str, what: str, error: Exception) -> None:
        self._counts.add(Metric.FAULTS, where=where)
        if where not in self._told:
            self._told.add(where)
            # The error's own words may repeat what was read.
            _logger.warning(
                "A fault of spanlabel while %s %s, which gives no record: %s\n%s",
                where,
                what,
                type(error).__name__,
                "".join(traceback.format_tb(error.__traceback__)),
            )

    def _note_missing_content(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.kind is not Kind.LLM or step.is_error or step.output_state not in _NO_CONTENT:
                continue
            name = step.dialects[0]
            self._counts.add(Metric.CONTENT_ABSENT, dialect=name, state=step.output_state.value)
            if name not in self._told:
                self._told.add(name)
                switch = next((d.switch for d in self._readers.dialects if d.name == name and d.switch), "")
                remedy = f" What captures content: {switch}" if switch else ""
                if step.span.dropped_attributes:
                    remedy = (
                        f" {step.span.dropped_attributes} of its attributes were dropped"
                        " (OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT)"
                    )
                _logger.warning(
                    "A model call was traced without its answer (%s, dialect %s), so no pair can be made of it.%s",
                    step.output_state.value,
                    name,
                    remedy,
                )

    def _write(self, sink: RecordSink, records: Sequence[Record], again: Sequence[str]) -> None:
        """Hand records in, and take back those of a trace that is now told by others."""
        made: dict[str, set[str]] = {trace_id: set() for trace_id in again}
        for record in records:
            made.setdefault(record.trace_id, set()).add(record.id)
        if records:
            sink.put(records)
        for trace_id, ids in made.items():
            gone = self._written.get(trace_id, frozenset()) - ids
            if gone:
                sink.supersede(sorted(gone))
            self._written[trace_id] = frozenset(ids)
            self._written.move_to_end(trace_id)
        while len(self._written) > self._written_limit:
            self._written.popitem(last=False)


def _has_content(gathered: Gathered) -> bool:
    return bool(gathered.logs) or any(not span.is_skeleton for span in gathered.spans)


def trace_of(gathered: Gathered, readers: Readers) -> Trace:
    """Read a trace: a step for each span, by start."""
    spans = sorted(gathered.spans, key=lambda span: (span.start_ns, span.span_id))
    steps = [readers.read(span, _by_time(gathered.logs.get(span.span_id, ()))) for span in spans]
    return Trace(gathered.trace_id, tuple(steps), gathered.ready)


def _by_time(logs: Sequence[Log]) -> tuple[Log, ...]:
    return tuple(sorted(logs, key=lambda log: log.time_ns)) if len(logs) > 1 else tuple(logs)
