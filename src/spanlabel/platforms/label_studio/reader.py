"""Read what people answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spanlabel.errors import ConfigError

from .api import Api
from .config import LabelStudioSettings
from .mapping import ID
from .projects import find_project, title_of

_VALUES = {"rating": "rating", "choices": "choices", "textarea": "text", "pairwise": "selected", "number": "number"}


@dataclass(frozen=True, slots=True)
class Answered:
    """What one person answered about one record.

    Attributes:
        record_id: The record's id.
        user_id: Label Studio's number of the person; None if the account is gone.
        status: "submitted" or "skipped".
        values: By the control's name: a number for a rating, a word or a list of words for choices, a text or a list
            of texts for a text area; other kinds as Label Studio gives them.
        answer_order: For two answers side by side: "first" and "second" as they stood from left to right; else empty.
        updated_at: When it was last changed, ISO 8601, UTC.
    """

    record_id: str
    user_id: int | None
    status: str
    values: Mapping[str, Any]
    answer_order: tuple[str, ...]
    updated_at: str


def read_answers(settings: LabelStudioSettings, title: str | None = None) -> Iterator[Answered]:
    """Read all answers of a project.

    Args:
        settings: Where it is.
        title: Title of the project; by default the one of this moment. `project_id` wins over it.

    Raises:
        ConfigError: A setting is wrong, or there is no such project.
        TryLater: The server cannot be reached now.
    """
    api = Api(settings)
    try:
        wanted = title_of(settings, 0) if title is None else title
        project = find_project(api, settings, wanted)
        if project is None:
            raise ConfigError("there is no project of this title", setting="project", value=wanted)
        for task in api.annotated_tasks(project.id):
            yield from _answers(task)
    finally:
        api.close()


def _answers(task: Mapping[str, Any]) -> Iterator[Answered]:
    record_id = task["data"].get(ID)
    if not isinstance(record_id, str):  # not written by us
        return
    for annotation in task["annotations"]:
        yield Answered(
            record_id=record_id,
            user_id=annotation.get("completed_by"),
            status="skipped" if annotation.get("was_cancelled") else "submitted",
            values={one["from_name"]: _value(one) for one in annotation["result"] if "from_name" in one},
            answer_order=tuple(task["data"].get("answer_order") or ()),
            updated_at=annotation["updated_at"],
        )


def _value(result: Mapping[str, Any]) -> Any:
    kind = result["type"]
    value = result["value"].get(_VALUES.get(kind, kind), result["value"])
    return value[0] if isinstance(value, list) and len(value) == 1 else value
