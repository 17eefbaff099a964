"""The parts of an Argilla dataset, and what a found dataset lacks. Pure.

Argilla calls what a reviewer reads *fields*, what a reviewer answers *questions*, and what a reviewer filters by
*metadata properties*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Field:
    """Something to read.

    Attributes:
        name: Its key in records.
        title: What stands above it on the page.
        kind: "chat" is a list of role and content.
        is_required: A record without it is refused.
    """

    name: str
    title: str
    kind: Literal["text", "chat"] = "text"
    is_required: bool = True

    def body(self) -> dict[str, Any]:
        """What makes it, over Argilla's API. Markdown is always on: see design 4.11."""
        settings = {"type": self.kind, "use_markdown": True}
        return {"name": self.name, "title": self.title, "required": self.is_required, "settings": settings}


@dataclass(frozen=True, slots=True)
class Question:
    """Something to answer.

    Attributes:
        name: Its key in answers.
        title: The question as the reviewer reads it.
        kind: "label_selection" takes one of the options, "multi_label_selection" any number, "text" free text.
        options: Value and text of each option, in order; a rating's values are whole numbers. Empty for a text.
        description: Shown when the reviewer asks for more.
        is_required: An answer without it cannot be submitted.
    """

    name: str
    title: str
    kind: Literal["rating", "label_selection", "multi_label_selection", "text"]
    options: tuple[tuple[int | str, str], ...] = ()
    description: str | None = None
    is_required: bool = False

    def body(self) -> dict[str, Any]:
        """What makes it, over Argilla's API."""
        settings: dict[str, Any] = {"type": self.kind}
        if self.kind == "rating":
            settings["options"] = [{"value": value} for value, _ in self.options]
        elif self.kind == "text":
            settings["use_markdown"] = False  # a plain box to type in
        else:
            settings["options"] = [{"value": value, "text": text} for value, text in self.options]
        made = {"name": self.name, "title": self.title, "required": self.is_required, "settings": settings}
        return made if self.description is None else made | {"description": self.description}


@dataclass(frozen=True, slots=True)
class Property:
    """Something to filter and sort by.

    Attributes:
        name: Name of the record's fact, too.
        title: What the filter is called on the page.
        kind: "terms" are words.
    """

    name: str
    title: str
    kind: Literal["terms", "integer", "float"] = "terms"

    def body(self) -> dict[str, Any]:
        """What makes it, over Argilla's API."""
        return {
            "name": self.name,
            "title": self.title,
            "settings": {"type": self.kind},
            "visible_for_annotators": True,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """A dataset as it is on the server.

    Attributes:
        id: The server's id of it.
        name: Its name.
        is_published: Records can be written.
        takes_any_metadata: It takes facts that it has no property for.
        fields: By name: kind, and whether it is required.
        questions: By name: the server's id, kind, and the values of its options.
        properties: By name: kind.
    """

    id: str
    name: str
    is_published: bool
    takes_any_metadata: bool
    fields: Mapping[str, tuple[str, bool]]
    questions: Mapping[str, tuple[str, str, tuple[Any, ...]]]
    properties: Mapping[str, str]


def differences(wanted: Sequence[Field], found: Found) -> list[str]:
    """Say what keeps records from a dataset.

    Only fields count: which questions a dataset asks is its owner's business, and metadata that has no place is left
    out.

    Args:
        wanted: The fields that our records fill.
        found: The dataset.

    Returns:
        Each difference in words; empty if every record fits.
    """
    told = []
    for field in wanted:
        kind, _ = found.fields.get(field.name, (None, None))
        if kind is None:
            told.append(f"it has no {field.kind} field {field.name!r}")
        elif kind != field.kind:
            told.append(f"its field {field.name!r} is of type {kind}, not {field.kind}")
    for name, (kind, is_required) in found.fields.items():
        filled = {field.name: field.is_required for field in wanted}
        if is_required and name not in filled:
            told.append(f"its {kind} field {name!r} is required, and this preset does not fill it")
        elif is_required and not filled[name]:
            told.append(f"its {kind} field {name!r} is required, and this preset fills it only where it can")
    return told
