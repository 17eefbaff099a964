"""Where each GenAI span stands after its parent links were mended, for `spanlabel explain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spanlabel.model import Trace

from ._node import forest


def mended_parents(traces: Sequence[Trace]) -> Mapping[tuple[str, str], str | None]:
    """Mend the parent links as `reconstruct` does.

    Args:
        traces: As given to `reconstruct`.

    Returns:
        For (trace id, span id) of each GenAI span the id of the nearest GenAI span above it; None at the top.
    """
    found: dict[tuple[str, str], str | None] = {}
    for node in forest(traces)[1]:
        node.let_go()
        above = node.parent
        found[node.trace_id, node.step.span.span_id] = None if above is None else above.step.span.span_id
    return found
