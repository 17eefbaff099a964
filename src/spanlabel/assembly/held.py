"""One trace that is being gathered: its spans and log records, and when it is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from spanlabel.model import Log, Ready, Span

from .gathered import Gathered
from .limits import Limits


@dataclass(slots=True, eq=False)
class HeldTrace:
    """Everything known of one trace. Owned by the `Assembler`; lives on while the trace lingers.

    Attributes:
        trace_id: As the spans carry it.
        spans: By span id, in order of arrival.
        logs: By span id, then by fingerprint, in order of arrival.
        size_bytes: Sum over spans and log records.
        first_s: When the first span or log record came; inf while there is none.
        last_s: When it last changed.
        timer_s: The one timer that counts for this trace; inf if none is set.
        open: Spans known to be open.
        is_counted: True once a span was said to be open.
        has_root: A span without a parent has come.
        has_local_root: A span whose parent is in another process has come.
        has_content: Something came that is more than structure.
        is_cut: Something was cut because the trace is too large.
        is_read: It was handed out before.
        settled: Ids of spans held here that have been counted as left already.
    """

    trace_id: str
    last_s: float
    spans: dict[str, Span] = field(default_factory=dict)
    logs: dict[str, dict[int, Log]] = field(default_factory=dict)
    size_bytes: int = 0
    first_s: float = inf
    timer_s: float = inf
    open: int = 0
    is_counted: bool = False
    has_root: bool = False
    has_local_root: bool = False
    has_content: bool = False
    is_cut: bool = False
    is_read: bool = False
    settled: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Nothing has come; only open spans are known."""
        return not self.spans and not self.logs

    @property
    def is_rooted(self) -> bool:
        """A root or a local root has come."""
        return self.has_root or self.has_local_root

    @property
    def unsettled_spans(self) -> int:
        """Spans held here that have not been counted as left."""
        return len(self.spans) - len(self.settled)

    @property
    def log_count(self) -> int:
        """Log records held here."""
        return sum(map(len, self.logs.values()))

    def put_span(self, span: Span, now_s: float) -> None:
        """Take a span whose id is new here."""
        self.spans[span.span_id] = span
        self.size_bytes += span.size_bytes
        self.last_s = now_s
        if self.first_s > now_s:  # noqa: PLR1730 # `min` takes as long as all the rest
            self.first_s = now_s
        if span.parent_id is None:
            self.has_root = True
        elif span.parent_is_remote:
            self.has_local_root = True
        if not span.is_skeleton:
            self.has_content = True

    def put_log(self, log: Log, fingerprint: int, now_s: float) -> None:
        """Take a log record that is new here."""
        self.logs.setdefault(log.span_id, {})[fingerprint] = log
        self.size_bytes += log.size_bytes
        self.last_s = now_s
        self.first_s = min(self.first_s, now_s)
        self.has_content = True

    def has_log(self, log: Log, fingerprint: int) -> bool:
        """Whether this log record came before."""
        return fingerprint in self.logs.get(log.span_id, ())

    def due(self, limits: Limits) -> tuple[float, Ready]:
        """When the trace is ready if nothing more comes, and why it is ready then."""
        if not self.is_rooted:
            wait_s, why = limits.idle_s, Ready.NO_ROOT
        elif self.open:
            wait_s, why = limits.idle_s, Ready.IDLE
        elif self.is_counted and not self.is_read:
            wait_s, why = 0.0, Ready.ROOT_ENDED
        else:
            # After a first reading the grace holds for counted traces too: late spans come in flocks, and
            # each reading costs as much as the whole trace.
            grace_s = limits.root_grace_s if self.has_root else limits.local_root_grace_s
            wait_s, why = min(grace_s, limits.idle_s), Ready.ROOT_ENDED
        due_s, cap_s = self.last_s + wait_s, self.first_s + limits.max_age_s
        return (cap_s, Ready.MAX_AGE) if cap_s < due_s else (due_s, why)

    def gathered(self, why: Ready) -> Gathered:
        """What is handed out when the trace is ready because of *why*."""
        return Gathered(
            self.trace_id,
            tuple(self.spans.values()),
            {span_id: tuple(logs.values()) for span_id, logs in self.logs.items()},
            Ready.TRACE_TOO_LARGE if self.is_cut else why,
            self.is_read,
            self.first_s,
            self.size_bytes,
        )

    def impact(self, now_s: float, limits: Limits) -> float:
        """What letting go of this trace brings: its bytes, up to four times as much when it is old."""
        age = (now_s - self.first_s) / limits.idle_s if limits.idle_s else 1.0
        return self.size_bytes * (1 + 3 * min(1.0, max(0.0, age)))


def fingerprint_of(log: Log) -> int:
    """A number that is the same for the same log record sent again; log records have no id."""
    try:
        content = hash((repr(log.body), repr(log.attributes)))
    except RecursionError:  # nested deeper than the interpreter goes: rather twice than lost
        content = id(log)
    return hash((log.event_name, log.time_ns, log.size_bytes, content))
