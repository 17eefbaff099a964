"""CrewAI: OpenLLMetry's `crewai.*` attributes and CrewAI's own tracer."""

from __future__ import annotations

from spanlabel.model import Kind

from ._codec import as_text
from ._dialect import Dialect, Found, Source, io, text


def _kind(source: Source) -> Kind | None:
    name = source.span.name
    if name in ("crewai.workflow", "execute crew"):
        return Kind.WORKFLOW
    if name.endswith(".task"):
        return Kind.CHAIN
    return Kind.AGENT if name.endswith(".agent") else None


def _result(source: Source) -> Found | None:
    shown = as_text(source.attributes.get("crewai.crew.result"))
    return Found(text=shown, is_io=True) if shown else None


CREWAI = Dialect(
    name="crewai",
    source="opentelemetry-instrumentation-crewai 0.62.4; crewai 1.15.30 read",
    prefixes=("crewai.",),
    kind=_kind,
    inputs=(
        text("crewai.conversation.user_message", "user"),
        io("crewai.crew.inputs", is_input=True, empty=("{}", "None", "null")),
        text("crewai.task.description", "user"),
    ),
    outputs=(_result,),
)
