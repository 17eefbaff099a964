from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from spanlabel.model import Attributes, Kind, Ready, Step, Trace
from spanlabel.testing import make_span, trace_id

MakeTrace = Callable[..., Trace]


@pytest.fixture
def make_trace() -> MakeTrace:
    """The trace of `make_pair`'s first pair: an agent with a tool below it, and a run beside it."""

    def make(
        attributes: Attributes | None = None,
        resource: Attributes | None = None,
        *,
        tool_failed: bool = False,
        other_failed: bool = False,
    ) -> Trace:
        run = make_span(span=1, attributes=attributes, scope="acme.agents")
        run = replace(run, resource={**run.resource, **(resource or {})})
        tool = make_span(span=2, parent=1, scope="acme.tools")
        other = make_span(span=3)
        steps = (
            Step(run, Kind.AGENT),
            Step(tool, Kind.TOOL, is_error=tool_failed),
            Step(other, Kind.AGENT, is_error=other_failed),
        )
        return Trace(trace_id(1), steps, Ready.ROOT_ENDED)

    return make
