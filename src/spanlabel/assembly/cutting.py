"""What stays of a trace that is too large.

The rule, for a trace that has passed one of its two limits; afterwards it is at most three quarters of both,
so that the next cut is far away and the work per span stays constant:

1. Spans rank: roots (also local ones) before others, then spans with content before structure-only spans,
   then the later ended before the earlier.
2. By number, the best-ranked stay; the others are cut.
3. By bytes, the structure (ids, name, kind, times) of those stays, the best-ranked first, up to half of the
   room; then content stays in the order of rank, wherever it still fits. A span whose content does not fit
   keeps its structure, so that parents and children still find each other, and counts as cut.
4. Log records share the fate of their span's content; those whose span has not come stay if there is room.

So the root's own question and answer stay, then the answers given last, whose prompts repeat the history.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from spanlabel.model import Log, Span

from .held import HeldTrace
from .limits import Limits

# What a span without content may weigh: itself, its ids, name and times.
_STRUCTURE_BYTES = 900


def cut(trace: HeldTrace, limits: Limits) -> None:
    """Bring *trace* to three quarters of its limits, by the rule above.

    A span that loses its content becomes settled: it is held on, and must be counted as left.
    """
    ranked = sorted(trace.spans.values(), key=lambda span: _rank(span, trace), reverse=True)
    budget = room = limits.max_trace_bytes * 3 // 4
    stays: dict[str, Span] = {}
    for span in ranked[: max(1, limits.max_trace_spans * 3 // 4)]:
        if room - _structure_bytes(span) < budget // 2:
            break
        room -= _structure_bytes(span)
        stays[span.span_id] = span
    whole = set()
    for span_id, content_bytes in _contents(trace, stays.values()):
        if content_bytes <= room:
            room -= content_bytes
            whole.add(span_id)
    trace.logs = {span_id: logs for span_id, logs in trace.logs.items() if span_id in whole}
    trace.spans = {
        span_id: span if span_id in whole else _structure_of(span)
        for span_id, span in trace.spans.items()
        if span_id in stays
    }
    trace.settled = (trace.settled | (stays.keys() - whole)) & trace.spans.keys()
    trace.size_bytes = budget - room
    trace.is_cut = True


def _rank(span: Span, trace: HeldTrace) -> tuple[bool, bool, int]:
    is_root = span.parent_id is None or bool(span.parent_is_remote)
    return is_root, not span.is_skeleton or span.span_id in trace.logs, span.end_ns


def _contents(trace: HeldTrace, stays: Iterable[Span]) -> Iterable[tuple[str, int]]:
    """Span id and bytes beyond the structure, best-ranked first; log records without a span come last."""
    for span in stays:
        logs = trace.logs.get(span.span_id, {})
        yield span.span_id, span.size_bytes - _structure_bytes(span) + _log_bytes(logs.values())
    for span_id, logs in trace.logs.items():
        if span_id not in trace.spans:
            yield span_id, _log_bytes(logs.values())


def _log_bytes(logs: Iterable[Log]) -> int:
    return sum(log.size_bytes for log in logs)


def _structure_bytes(span: Span) -> int:
    return min(span.size_bytes, _STRUCTURE_BYTES)


def _structure_of(span: Span) -> Span:
    return replace(
        span,
        attributes={},
        events=(),
        links=(),
        status_message="",
        size_bytes=_structure_bytes(span),
        is_skeleton=True,
    )
