"""CrewAI: OpenLLMetry's `crewai.*` attributes and CrewAI's own tracer."""

from __future__ import annotations

import ast
import re

from spanlabel.model import Kind, Value

from ._codec import as_text
from ._dialect import Dialect, Found, Source, io, text
from ._io import is_repr


def _kind(source: Source) -> Kind | None:
    name = source.span.name
    if name in ("crewai.workflow", "execute crew"):
        return Kind.WORKFLOW
    if name.endswith(".task") or name == "execute task":
        return Kind.AGENT  # it asks and answers, also where no model call was recorded below it
    return Kind.AGENT if name.endswith(".agent") else None


_RAW = re.compile(r"""\braw=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"),\spydantic=""")
"""Where the printed outputs of tasks hold what the model gave."""


def _raw(outputs: Value) -> str | None:
    """What the last task's model gave, where OpenLLMetry wrote the crew's result as Python prints a Pydantic object."""
    found = _RAW.findall(outputs) if isinstance(outputs, str) else []
    try:
        return str(ast.literal_eval(found[-1])) if found else None
    except (ValueError, SyntaxError):  # an escape that is none
        return None


_RESULTS = ("crewai.crew.result", "crewai.crew.output", "crewai.task.output")


def _result(source: Source) -> Found | None:
    attributes = source.attributes
    shown = next((text for key in _RESULTS if (text := as_text(attributes.get(key)))), None)
    if shown and is_repr(shown):
        shown = _raw(attributes.get("crewai.crew.tasks_output"))
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
