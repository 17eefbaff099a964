"""Record → task. Pure, needs no SDK.

A task is::

    {"data": {"spanlabel_id": .., <a variable for each slot of the binding>, <facts to filter and sort by>},
     "meta": <all metadata>,
     "predictions": [..]}                     only where the answer is edited instead of shown
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from spanlabel.model import Document, Evaluation, Media, Message, MetadataValue, Part, Record, Text
from spanlabel.records.tool_words import tool_line, tool_names

from .binding import Binding, Content, Slot

ID = "spanlabel_id"
"""The key of the record's id in a task's data. Label Studio has no key of its own."""

_COLUMNS = ("model", "service", "conversation_id", "trace_id", "time", "confidence")
"""Facts that every task has in its data, because Label Studio filters and sorts by data only."""

_HIDDEN_IN_PAIRS = {"model", "provider"}  # who judges two answers must not know where they come from

_DETAILS: Sequence[tuple[str, str]] = (
    ("model", "model"),
    ("provider", "provider"),
    ("service", "service"),
    ("agent", "agent"),
    ("conversation_id", "conversation"),
    ("user_id", "user"),
    ("time", "time"),
    ("latency_ms", "latency"),
    ("input_tokens", "input tokens"),
    ("output_tokens", "output tokens"),
    ("skipped_steps", "steps skipped"),
    ("tags", "tags"),
    ("confidence", "confidence"),
    ("trace_id", "trace"),
    ("span_id", "span"),
)


_LABEL, _BESIDE = 15, 22  # characters of a label, and of a text beside it, that the narrow column has room for


def to_task(record: Record, binding: Binding) -> dict[str, Any]:
    """Make the task of a record: equal records give equal tasks.

    Raises:
        ValueError: The layout shows two answers and the record has one.
    """
    if binding.is_pair and len(record.answers) < 2:
        raise ValueError("this project compares two answers, and the record has one")
    facts = _columns(record, binding)
    filled = {slot.variable: _content(slot, record, binding) for slot in binding.slots}
    task: dict[str, Any] = {"data": {ID: record.id} | facts | filled, "meta": _meta(record)}
    if binding.answer_area is not None:
        task["predictions"] = [_prediction(record, *binding.answer_area)]
    return task


def _columns(record: Record, binding: Binding) -> dict[str, Any]:
    facts = {name: record.metadata[name] for name in _COLUMNS if name in record.metadata}
    if not binding.is_pair:
        return facts
    shown = {name: fact for name, fact in facts.items() if name not in _HIDDEN_IN_PAIRS}
    return shown | {"answer_order": ["second", "first"] if is_swapped(record.id) else ["first", "second"]}


def _meta(record: Record) -> dict[str, Any]:
    return {name: list(fact) if isinstance(fact, tuple) else fact for name, fact in record.metadata.items()}


def _prediction(record: Record, area: str, about: str) -> dict[str, Any]:
    """The answer where the reviewer can edit it, all choices of it in the same form, as LangChain's handler does."""
    texts = list(record.answers)
    result = {"from_name": area, "to_name": about, "type": "textarea", "value": {"text": texts}}
    return {"model_version": str(record.metadata.get("model", "unknown")), "result": [result]}


def is_swapped(record_id: str) -> bool:
    """Whether the two answers of a record change places: random over records, always the same for one."""
    return sha256(record_id.encode()).digest()[0] % 2 == 1


def _content(slot: Slot, record: Record, binding: Binding) -> Any:
    match slot.content:
        case Content.PROMPT:
            return record.prompt
        case Content.ANSWER:
            return answer_text(record.answers)
        case Content.FIRST | Content.SECOND:
            is_second = (slot.content is Content.SECOND) is not is_swapped(record.id)
            return record.answers[1 if is_second else 0]
        case Content.SYSTEM:
            return "\n\n".join(message.text for message in record.messages if message.role == "system")
        case Content.DETAILS:
            return details_text(record, hidden=_HIDDEN_IN_PAIRS if binding.is_pair else frozenset())
        case Content.FACT:
            name = slot.variable
            return _fact_text(record.metadata.get(f"app.{name[4:]}" if name.startswith("app_") else name))
        case Content.CONVERSATION:
            return _entries(slot, conversation(record))
        case Content.EARLIER:
            return _entries(slot, conversation(record)[:-1])
        case Content.DOCUMENTS:
            return _entries(slot, [_document(n, one) for n, one in enumerate(record.documents, start=1)])


def answer_text(answers: Sequence[str]) -> str:
    """The answer; where the model was asked for several, all of them under their numbers."""
    if len(answers) == 1:
        return answers[0]
    return "\n\n".join(f"— answer {n} of {len(answers)} —\n{answer}" for n, answer in enumerate(answers, start=1))


def _entries(slot: Slot, said: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    # Label Studio's page stays empty where Paragraphs get no entry at all.
    return [{slot.role_key: who, slot.text_key: what} for who, what in said or [("—", "none")]]


def conversation(record: Record) -> list[tuple[str, str]]:
    """Who said what, up to and with the question, which is last."""
    names = tool_names(record.messages)
    said = [entry for message in record.messages if (entry := _said(message, names))[1]]
    if not said or record.prompt.strip() not in said[-1][1]:
        said.append(("user", record.prompt))  # the messages do not hold what the user asked
    return said


def _said(message: Message, names: Mapping[str, str]) -> tuple[str, str]:
    who = message.role if message.name is None else f"{message.role} · {message.name}"
    return who, "\n".join(line for part in message.parts if (line := _part_text(part, names)))


def _part_text(part: Part, names: Mapping[str, str]) -> str:
    match part:
        case Text(content):
            return content
        case Media(modality, _, uri):
            return f"[{modality}]" if uri is None else f"[{modality}: {uri}]"
        case _:
            return tool_line(part, names)  # thoughts were never said to anybody


def _document(n: int, document: Document) -> tuple[str, str]:
    name = f"{n} · {document.id}" if document.id else str(n)
    return (name if document.score is None else f"{name} · score {document.score:.3g}"), document.content


def details_text(record: Record, *, hidden: Iterable[str] = ()) -> str:
    """What is known about the call, a line for each fact."""
    left_out = frozenset(hidden)
    known = [(label, record.metadata[name]) for name, label in _DETAILS if name in record.metadata.keys() - left_out]
    known += [(name[4:], fact) for name, fact in record.metadata.items() if name.startswith("app.")]
    lines = [(label, _fact_text(fact, is_time=label == "latency")) for label, fact in known]
    lines += [(f"judged: {found.name}", _judgement(found)) for found in record.suggestions]
    lines.append(("record", record.id))
    return "\n".join(_line(label, text) for label, text in lines)


def _line(label: str, text: str) -> str:
    if len(label) >= _LABEL or len(text) > _BESIDE:
        return f"{label}\n{text}"
    return f"{label:<{_LABEL}}{text}"


def _fact_text(fact: MetadataValue | None, *, is_time: bool = False) -> str:
    if fact is None:
        return "not known"
    if isinstance(fact, tuple):
        return ", ".join(fact)
    return f"{fact:,} ms" if is_time else str(fact)


def _judgement(found: Evaluation) -> str:
    words = [str(word) for word in (found.label, found.score) if word is not None]
    by = f"(by {found.source})" if found.source else ""
    return " ".join([*words, by, found.explanation or ""]).strip()
