"""Record → items of an Argilla dataset. Pure, and without the SDK.

An item is what Argilla calls a record. Its external id is the record's id; where a preset shows one answer and there
are several, the others are items of their own with `:1`, `:2`, ... appended, by the answer's place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeAlias

from spanlabel.model import Evaluation, MetadataValue, Record

from .chat import Bubble, bubbles
from .inert import inert
from .presets import Preset
from .shape import Found, Question

Content: TypeAlias = str | list[Bubble]

MAX_TERM = 250
"""Characters of a word to filter by. Argilla's index leaves out what has more than 32 766 bytes."""

MAX_AGENT = 200
"""Characters of a suggestion's author."""

_NOT_IN_AGENT = re.compile(r"[^a-zA-Z0-9_:./\s-]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A judgement that is offered to the reviewer, with its source.

    Attributes:
        value: In the form of the question's answers.
        agent: Who judged.
        kind: "human" or "model".
    """

    value: int | str | list[str]
    agent: str
    kind: str


@dataclass(frozen=True, slots=True)
class Item:
    """What one page of the reviewer shows.

    Attributes:
        external_id: The record's id, with the answer's place from the second on.
        fields: By name; no field without content.
        metadata: By name.
        suggestions: By the question's name.
    """

    external_id: str
    fields: Mapping[str, Content]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)

    def body(self, found: Found) -> dict[str, Any]:
        """What writes it into a dataset, over Argilla's API.

        Metadata that the dataset has no place for and suggestions that its questions do not take are left out.
        """
        metadata = {
            name: value for name, value in self.metadata.items() if found.takes_any_metadata or name in found.properties
        }
        return {
            "external_id": self.external_id,
            "fields": dict(self.fields),
            "metadata": {name: _as_kind(value, found.properties.get(name)) for name, value in metadata.items()},
            "suggestions": [
                {"question_id": question[0], "value": one.value, "agent": one.agent, "type": one.kind}
                for name, one in self.suggestions.items()
                if (question := found.questions.get(name)) and _takes(question[1], question[2], one.value)
            ],
        }


def items_of(record: Record, preset: Preset) -> tuple[Item, ...]:
    """Make the items of a record: at least one, in the order of its answers."""
    answers = record.answers or (record.answer,)
    numbered = list(enumerate(answers))
    if preset.is_distinct:
        numbered = [(n, answer) for n, answer in numbered if answer not in answers[:n]]
    shown = [numbered[start : start + preset.answers] for start in range(0, len(numbered), preset.answers)]
    return tuple(_item(record, preset, group) for group in shown)


def _item(record: Record, preset: Preset, group: Sequence[tuple[int, str]]) -> Item:
    place = group[0][0]
    return Item(
        external_id=record.id if place == 0 else f"{record.id}:{place}",
        fields=_fields(record, preset, [answer for _, answer in group]),
        metadata=_metadata(record, preset, place),
        suggestions=_suggestions(record, preset) if place == 0 else {},
    )


def _fields(record: Record, preset: Preset, answers: Sequence[str]) -> dict[str, Content]:
    match preset.name:
        case "review":
            return {"messages": _asked(record), "response": inert(answers[0])}
        case "langchain":
            return {"prompt": inert(record.prompt), "response": inert(answers[0])}
        case "llama-index":
            spoken = bubbles(record.messages, then=answers[0]) or [{"role": "assistant", "content": "(empty)"}]
            return {"chat": spoken} | _documents(record, preset)
        case "distilabel-text-generation":
            return _instruction(record) | {"generation": inert(answers[0])}
        case _:
            shown = {f"generations-{i}": inert(answer) for i, answer in enumerate(answers)}
            return _instruction(record) | shown


def _asked(record: Record) -> list[Bubble]:
    return bubbles(record.messages) or [{"role": "user", "content": inert(record.prompt) or "(empty)"}]


def _instruction(record: Record) -> dict[str, Content]:
    """The two fields that distilabel's datasets begin with."""
    digest = sha256(record.prompt.encode("utf-8", "replace")).hexdigest()
    return {"id": digest, "instruction": inert(record.prompt)}


def _documents(record: Record, preset: Preset) -> dict[str, Content]:
    names = [one.name for one in preset.fields if re.fullmatch(r"retrieved_document_\d+", one.name)]
    shown = list(zip(names, record.documents, strict=False))
    scores = [f"{n}: {one.score:g}" for n, (_, one) in enumerate(shown, 1) if one.score is not None]
    made: dict[str, Content] = {"retrieved_document_scores": ", ".join(scores)} if scores else {}
    return made | {name: inert(one.content) for name, one in shown}


def _metadata(record: Record, preset: Preset, place: int) -> dict[str, Any]:
    if not preset.properties and not preset.takes_any_metadata:
        return {}
    kinds = {one.name: one.kind for one in preset.properties}
    facts: dict[str, MetadataValue] = dict(record.metadata)
    if len(record.answers) > 1:
        facts |= {"answer_number": place + 1, "answer_count": len(record.answers)}
    made = {}
    for name, fact in facts.items():
        if name in kinds or preset.takes_any_metadata:
            made[name] = _as_kind(fact, kinds.get(name))
    return made


def _as_kind(fact: Any, kind: str | None) -> Any:
    """Give a fact the type that a property of this kind takes; None, which Argilla takes as nothing, if it has none."""
    is_number = isinstance(fact, int | float) and not isinstance(fact, bool)
    if kind == "integer":
        return fact if is_number and isinstance(fact, int) else None
    if kind == "float":
        return float(fact) if is_number else None
    if isinstance(fact, tuple | list):
        return [_term(one) for one in fact]
    if kind == "terms" or isinstance(fact, str):
        return _term(fact)
    return fact


def _term(fact: Any) -> str:
    text = str(fact)
    return inert(text if len(text) <= MAX_TERM else text[: MAX_TERM - 1] + "…")


def _suggestions(record: Record, preset: Preset) -> dict[str, Suggestion]:
    """Judgements that carry their source and the name of a question; of several the first."""
    made: dict[str, Suggestion] = {}
    for found in record.suggestions:
        name = re.sub(r"[\s_.]+", "-", found.name.strip().lower())
        for question in preset.questions:
            if not found.source or question.name.replace("_", "-") != name or question.name in made:
                continue
            value = _value(question, found)
            if value is not None:
                made[question.name] = _suggestion(found, value)
            # distilabel keeps the reason beside the rating.
            rationale = question.name.removesuffix("-rating") + "-rationale"
            if question.kind == "rating" and found.explanation and any(q.name == rationale for q in preset.questions):
                made.setdefault(rationale, _suggestion(found, inert(found.explanation)))
    return made


def _suggestion(found: Evaluation, value: int | str | list[str]) -> Suggestion:
    source = found.source or ""
    agent = _NOT_IN_AGENT.sub("", source).strip()[:MAX_AGENT]
    return Suggestion(value, agent or "unknown", "human" if source == "human" else "model")


def _value(question: Question, found: Evaluation) -> int | str | list[str] | None:
    """The judgement in the form of the question's answers; None if it has no such form."""
    values = [value for value, _ in question.options]
    match question.kind:
        case "rating":
            score = found.score
            if score is None and (found.label or "").strip().isdecimal():
                score = float((found.label or "").strip())
            return int(score) if score is not None and score in values else None
        case "text":
            text = found.explanation or found.label
            return inert(text) if text else None
        case _:
            label = (found.label or "").strip().lower()
            if label not in values:
                return None
            return [label] if question.kind == "multi_label_selection" else label


def _takes(kind: str, options: Sequence[Any], value: int | str | list[str]) -> bool:
    """Tell whether a question of the server takes a value."""
    if kind == "text":
        return isinstance(value, str)
    if kind == "multi_label_selection":
        return isinstance(value, list) and all(one in options for one in value)
    return not isinstance(value, list) and value in options
