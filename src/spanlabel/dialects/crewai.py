"""CrewAI: OpenLLMetry's `crewai.*` attributes and CrewAI's own tracer."""

from __future__ import annotations

from spanlabel.model import Kind

from ._codec import as_text
from ._dialect import Dialect, Found, Source, io, text


def _kind(source: Source) -> Kind | None:
    name = source.span.name
    if name in ("crewai.workflow", "execute crew"):
        return Kind.WORKFLOW
    if name.endswith(".task") or name == "execute task":
        return Kind.AGENT  # it asks and answers, also where no model call was recorded below it
    return Kind.AGENT if name.endswith(".agent") else None


_RESULTS = ("crewai.crew.result", "crewai.crew.output", "crewai.task.output")


def _result(source: Source) -> Found | None:
    attributes = source.attributes
    shown = next((text for key in _RESULTS if (text := as_text(attributes.get(key)))), None)
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
