"""How long a trace is waited for, and how much may be held meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

_MIB = 1 << 20

FILES_BYTES = 512 * _MIB
"""Bytes of spans and log records, as they weigh in memory, after which a trace in files is taken to be over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Times and budgets of an `Assembler`.

    Every wait slides: it counts from the last change of the trace (a span or log record that was new, a span
    opened or closed). Only `max_age_s` counts from the first one.

    Attributes:
        root_grace_s: Wait after the root (a span without a parent) has come.
        local_root_grace_s: Wait when only a local root (its parent is in another process) has come.
        idle_s: Wait when no root has come, or when a span is known to be open.
        max_age_s: Hard cap since the trace's first span or log record.
        max_traces: Most traces held at once, those included of which only an open span is known.
        max_bytes: Most bytes held, held and lingering traces together.
        max_trace_bytes: Most bytes of one trace; beyond it the trace's oldest content goes.
        max_trace_spans: Most spans of one trace; beyond it the least telling ones go.
        decided_traces: Most ids remembered of traces that were decided; also the most traces that linger.
        linger_bytes: Most bytes kept of decided traces, to be read together with a late span.
        linger_s: Longest time that a decided trace lingers.

    Raises:
        ValueError: A time is negative, or a budget is not positive (`linger_bytes` may be 0).
    """

    root_grace_s: float
    local_root_grace_s: float
    idle_s: float
    max_age_s: float
    max_traces: int
    max_bytes: int
    max_trace_bytes: int
    max_trace_spans: int
    decided_traces: int
    linger_bytes: int
    linger_s: float

    def __post_init__(self) -> None:
        for name in ("root_grace_s", "local_root_grace_s", "idle_s", "max_age_s", "linger_s", "linger_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must not be negative")
        for name in ("max_traces", "max_bytes", "max_trace_bytes", "max_trace_spans", "decided_traces"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be at least 1")

    @classmethod
    def for_processor(cls) -> Limits:
        """In somebody's application, told of every span that opens: small, and quick after the root."""
        return cls(
            root_grace_s=2,
            local_root_grace_s=2,
            idle_s=120,
            max_age_s=1800,
            max_traces=5_000,
            max_bytes=64 * _MIB,
            max_trace_bytes=16 * _MIB,
            max_trace_spans=10_000,
            decided_traces=20_000,
            linger_bytes=16 * _MIB,
            linger_s=1800,
        )

    @classmethod
    def for_exporter(cls, schedule_delay_s: float) -> Limits:
        """In somebody's application, behind a batch processor.

        Spans come in the order they ended, so what ended before the root has come when the root comes; one
        more export brings the children that ended just after it.

        Args:
            schedule_delay_s: Seconds between two exports of the batch processor.
        """
        grace_s = max(2.0, schedule_delay_s)
        return replace(cls.for_processor(), root_grace_s=grace_s, local_root_grace_s=grace_s)

    @classmethod
    def for_receiver(cls) -> Limits:
        """Behind a Collector: other processes' batches, queues and repeats come seconds apart."""
        return cls(
            root_grace_s=10,
            local_root_grace_s=30,
            idle_s=120,
            max_age_s=1800,
            max_traces=50_000,
            max_bytes=512 * _MIB,
            max_trace_bytes=32 * _MIB,
            max_trace_spans=20_000,
            decided_traces=200_000,
            linger_bytes=64 * _MIB,
            linger_s=1800,
        )

    @classmethod
    def for_files(cls) -> Limits:
        """Old traces, where the clock counts the bytes read: a trace is ready when so many came without one of it.

        So all of what is smaller is held before anything is decided, and memory is bounded for what is larger.
        """
        return cls(
            root_grace_s=FILES_BYTES,
            local_root_grace_s=FILES_BYTES,
            idle_s=FILES_BYTES,
            max_age_s=inf,
            max_traces=1_000_000,
            max_bytes=2048 * _MIB,
            max_trace_bytes=256 * _MIB,
            max_trace_spans=200_000,
            decided_traces=100_000,
            linger_bytes=0,
            linger_s=0,
        )
