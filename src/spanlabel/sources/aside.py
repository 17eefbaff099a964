"""What was put aside of traces that another member of the group has decided."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from spanlabel.model import Log, Span


class Aside:
    """Spans and log records by trace, up to a bound; then the trace that came first leaves.

    Args:
        max_bytes: Bound of all together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._traces: OrderedDict[str, list[Span | Log]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._traces)

    def put(self, parts: Sequence[Span | Log]) -> None:
        """Put parts of any traces aside."""
        for part in parts:
            self._traces.setdefault(part.trace_id, []).append(part)
            self._bytes += part.size_bytes
        while self._bytes > self._max_bytes:
            _, gone = self._traces.popitem(last=False)
            self._bytes -= _size(gone)

    def take(self, trace_id: str) -> list[Span | Log] | None:
        """What was put aside of a trace, which is then no longer here; None if it had to leave."""
        found = self._traces.pop(trace_id, None)
        if found is not None:
            self._bytes -= _size(found)
        return found

    def keep(self, wanted: Callable[[str], bool]) -> None:
        """Let go of all traces that are not wanted any more."""
        for trace_id in [one for one in self._traces if not wanted(one)]:
            self.take(trace_id)


def _size(parts: Sequence[Span | Log]) -> int:
    return sum(part.size_bytes for part in parts)
