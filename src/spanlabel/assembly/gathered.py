"""What leaves the assembler, and why spans leave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from spanlabel.model import Log, Ready, Span


@dataclass(frozen=True, slots=True)
class Gathered:
    """The spans and log records of one trace that is ready to be read.

    Attributes:
        trace_id: As the spans carry it.
        spans: In order of arrival, one for each span id; never empty.
        logs: By the id of the span they belong to, in order of arrival; a span id may be unknown here.
        ready: Why it is read now. `TRACE_TOO_LARGE` goes before all others, `LATE` before the rest.
        is_again: True if the trace was handed out before, with fewer spans or log records.
        first_s: When its first span or log record came, or for `is_again` the first late one; on the
            caller's clock.
        size_bytes: Memory that spans and log records hold.
    """

    trace_id: str
    spans: tuple[Span, ...]
    logs: Mapping[str, tuple[Log, ...]]
    ready: Ready
    is_again: bool
    first_s: float
    size_bytes: int


class Left(Enum):
    """Why a span left the assembler, or a log record was lost. The value is the metric's label.

    The first seven are read: their trace was handed out for the reason of the same name (see `Ready`).
    """

    ROOT_ENDED = "root_ended"
    IDLE = "idle"
    NO_ROOT = "no_root"
    MAX_AGE = "max_age"
    EJECTED_MEMORY = "ejected_memory"
    DRAINED = "drained"
    LATE = "late"
    LATE_KEPT = "late_kept"
    """A structure-only span came late and changes nothing alone; it lingers with its trace."""
    LATE_DROPPED = "late_dropped"
    """It came late, and what it belongs to is gone."""
    DUPLICATE = "duplicate"
    """It had come before."""
    TRACE_TOO_LARGE = "trace_too_large"
    """Its trace was too large: it was cut, or only its ids, name, kind and times stayed."""
    FORGOTTEN = "forgotten"
    """Somebody else reads its trace now."""
    NO_SPAN = "no_span"
    """Log records only: no span of their trace had come when the wait was over."""
