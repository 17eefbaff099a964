"""What goes where in a task: read off the label configuration's tags. Pure.

spanlabel fills three tags, whose content Label Studio shows as it is: `Text`, `Header` and `Paragraphs`. What a
variable gets is told by its name::

    Text, Header   prompt question input instruction query text      the question
                   response answer output completion generation      the final answer
                   response_a response_b answer_a answer_b           two answers, in an order that differs by record
                   system                                            the system prompt
                   details                                           what is known about the call, as lines
                   model service conversation_id ...                 one fact of the metadata, app.KEY as app_KEY
    Paragraphs     earlier history                                   the conversation before the question
                   documents                                         what was retrieved on the way
                   any other name                                    the conversation, question included

Where nothing shows the answer, it becomes the prediction of the first `TextArea`, which the reviewer can edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from spanlabel.errors import ConfigError

from .layout import Layout, Shown

FACTS = (
    "model",
    "provider",
    "service",
    "agent",
    "conversation_id",
    "user_id",
    "latency_ms",
    "input_tokens",
    "output_tokens",
    "skipped_steps",
    "confidence",
    "time",
    "trace_id",
    "span_id",
    "tags",
)
"""Facts that a Text may show by their own name."""


class Content(Enum):
    """What a variable can hold."""

    PROMPT = "the question"
    ANSWER = "the final answer"
    FIRST = "the first of two answers"
    SECOND = "the second of two answers"
    SYSTEM = "the system prompt"
    DETAILS = "what is known about the call"
    FACT = "one fact"
    CONVERSATION = "the conversation"
    EARLIER = "the conversation before the question"
    DOCUMENTS = "what was retrieved"


_TEXTS: Mapping[str, Content] = {
    **dict.fromkeys(("prompt", "question", "input", "instruction", "query", "text"), Content.PROMPT),
    **dict.fromkeys(("response", "answer", "output", "completion", "generation"), Content.ANSWER),
    **dict.fromkeys(("response_a", "answer_a"), Content.FIRST),
    **dict.fromkeys(("response_b", "answer_b"), Content.SECOND),
    "system": Content.SYSTEM,
    "details": Content.DETAILS,
    **dict.fromkeys(FACTS, Content.FACT),
}
_LISTS: Mapping[str, Content] = {
    **dict.fromkeys(("earlier", "history"), Content.EARLIER),
    "documents": Content.DOCUMENTS,
}
_ASKED = {Content.PROMPT, Content.CONVERSATION}


@dataclass(frozen=True, slots=True)
class Slot:
    """One variable and what it gets.

    Attributes:
        variable: The key in the task's data.
        content: What it holds.
        role_key: For lists: the key of the speaker in each entry.
        text_key: For lists: the key of the text in each entry.
    """

    variable: str
    content: Content
    role_key: str = ""
    text_key: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """What goes where.

    Attributes:
        slots: The variables, no name twice.
        answer_area: Name of the TextArea that holds the answer as a prediction, and of what it is about; None where
            the answer is shown instead.
    """

    slots: tuple[Slot, ...]
    answer_area: tuple[str, str] | None = None

    @property
    def is_pair(self) -> bool:
        """Two answers are shown, so a record needs two."""
        return any(slot.content is Content.SECOND for slot in self.slots)


def bind(layout: Layout) -> Binding:
    """Find out what goes where.

    Raises:
        ConfigError: Something in it cannot be filled, or question or answer have no place.
    """
    slots: dict[str, Slot] = {}
    for shown in layout.shown:
        slot = _slot(shown)
        if slots.setdefault(slot.variable, slot) != slot:
            raise ConfigError(f"${slot.variable} would need two shapes at once", setting="label_config")
    contents = {slot.content for slot in slots.values()}
    if contents.isdisjoint(_ASKED):
        raise ConfigError(
            'shows no question; add <Text name="prompt" value="$prompt"/> or a Paragraphs', setting="label_config"
        )
    if len(contents & {Content.FIRST, Content.SECOND}) == 1:
        raise ConfigError("shows only one of two answers; add the other, or use $response", setting="label_config")
    if contents & {Content.ANSWER, Content.FIRST}:
        return Binding(tuple(slots.values()))
    area = next((control for control in layout.controls if control.tag == "TextArea"), None)
    if area is None:
        raise ConfigError(
            'shows no answer; add <Text name="response" value="$response"/>, or a TextArea where it can be edited',
            setting="label_config",
        )
    return Binding(tuple(slots.values()), (area.name, area.to[0]))


def _slot(shown: Shown) -> Slot:
    variable, attributes = shown.variable, shown.attributes
    if attributes.get("valueType", "text" if shown.tag == "Text" else "json") == "url":
        raise ConfigError(f'{shown.name!r} has valueType="url"; spanlabel gives texts', setting="label_config")
    if shown.tag == "Paragraphs":
        content = _LISTS.get(variable, Content.CONVERSATION)
        return Slot(variable, content, attributes.get("nameKey", "author"), attributes.get("textKey", "text"))
    if shown.tag not in {"Text", "Header"}:
        raise ConfigError(
            f'<{shown.tag} value="${variable}"> cannot be filled; spanlabel fills Text, Header and Paragraphs',
            setting="label_config",
        )
    if variable.startswith("app_"):
        return Slot(variable, Content.FACT)
    if variable not in _TEXTS:
        raise ConfigError(
            f"spanlabel does not know what ${variable} is; a Text can show {', '.join('$' + name for name in _TEXTS)}",
            setting="label_config",
        )
    return Slot(variable, _TEXTS[variable])
