"""OpenInference's CrewAI spans: the prompt is only in the task descriptions, the answer in a key of the output."""

from __future__ import annotations

from collections.abc import Sequence

from ._codec import as_text, decoded, is_list
from ._dialect import Dialect, Found, Source, io


def _task(source: Source) -> Found | None:
    tasks = decoded(source.attributes.get("crew_tasks"))[0]
    if not is_list(tasks) or not isinstance(tasks, Sequence):
        return None
    for task in tasks:
        if isinstance(task, dict):
            shown = as_text(task.get("description"))
            if shown:
                return Found(text=shown, is_io=True)
    return None


def _raw(source: Source) -> Found | None:
    value = decoded(source.attributes.get("output.value"))[0]
    if not isinstance(value, dict):
        return None
    shown = as_text(value.get("raw"))
    return Found(text=shown, is_io=True) if shown else None


def _of_the_task(source: Source) -> Found | None:
    """What an agent was asked: only its result repeats the task that it is of, with the inputs filled in."""
    if "task_key" not in source.attributes and "task_id" not in source.attributes:
        return None
    value = decoded(source.attributes.get("output.value"))[0]
    shown = as_text(value.get("description")) if isinstance(value, dict) else None
    return Found(text=shown, is_io=True) if shown else None


OPENINFERENCE_CREWAI = Dialect(
    name="openinference_crewai",
    source="openinference-instrumentation-crewai 1.1.21",
    keys=("crew_tasks",),
    scopes=("openinference.instrumentation.crewai",),
    inputs=(io("crew_inputs", is_input=True), _task, _of_the_task),
    outputs=(_raw,),
)
