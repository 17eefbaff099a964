"""The steps of one trace, and why the trace was taken to be ready."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .step import Step


class Ready(Enum):
    """Why a trace left the buffer. The value is the metric's label."""

    ROOT_ENDED = "root_ended"
    """The root has ended and nothing is known to be open."""
    IDLE = "idle"
    """Nothing came for the idle time; the root had come, or its process said nothing of it."""
    NO_ROOT = "no_root"
    """Nothing came for the idle time and the root never came (filtered by a Collector, lost, remote)."""
    MAX_AGE = "max_age"
    """The hard age cap."""
    EJECTED_MEMORY = "ejected_memory"
    """The byte or trace budget was exceeded and this trace weighed most."""
    TRACE_TOO_LARGE = "trace_too_large"
    """The trace alone exceeded its own budget; its oldest content is missing, because root and answer come last."""
    DRAINED = "drained"
    """The caller asked for all: flush, shutdown, end of file."""
    LATE = "late"
    """Spans came after the trace was decided, and it is read again."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of one trace when it is read.

    Attributes:
        trace_id: 32 lower-case hex digits.
        steps: One for each span, by start time.
        ready: Why it is read now.
    """

    trace_id: str
    steps: tuple[Step, ...]
    ready: Ready
