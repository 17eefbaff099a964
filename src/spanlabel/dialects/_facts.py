"""Single facts of a span, as against its content: which attribute tells the model, the token counts, the user, ..."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Final

from spanlabel.model import Attributes, Value

from ._codec import LISTS, as_int, as_strings, as_text, decoded
from ._messages import finish_of


def _text(value: Value) -> str | None:
    """A text; "" if it only stands for one, None if there is none."""
    text = value if type(value) is str else as_text(value)
    if not text:
        return None
    if text[0] == text[-1] == '"' and len(text) > 1:  # MLflow encodes texts too
        return as_text(decoded(text)[0]) or ""
    return text


def _finishes(value: Value) -> tuple[str, ...] | None:
    words = value if isinstance(value, LISTS) else as_strings(value)
    return tuple([finish for word in words if (finish := finish_of(word))]) or None


def _count(*names: str) -> Callable[[Value], int | None]:
    """A number, or one of *names* in a dictionary of counts (Langfuse, MLflow)."""

    def read(value: Value) -> int | None:
        count = as_int(value)
        if count is None and isinstance(value, str | dict):
            counts = decoded(value)[0]
            if isinstance(counts, dict):
                return next((n for name in names if (n := as_int(counts.get(name))) is not None), None)
        return count

    return read


_READ: Final[Mapping[str, Callable[[Value], Any]]] = {
    "operation": _text,
    "model": _text,
    "provider": _text,
    "response_id": _text,
    "agent": _text,
    "tool_name": _text,
    "tool_call_id": _text,
    "conversation_id": _text,
    "user_id": _text,
    "input_tokens": _count("input_tokens", "prompt_tokens", "input"),
    "output_tokens": _count("output_tokens", "completion_tokens", "output"),
    "finish": _finishes,
    "tags": as_strings,
}
"""The facts there are, and what reads their values; None is for a value that says nothing."""

SAID_BY_ANY: Final[Mapping[str, tuple[str, ...]]] = {
    "conversation_id": ("session.id",),
    "user_id": ("enduser.id", "user.id"),
}
"""Facts that an app's own spans may say of the runs below them, by OpenTelemetry's general conventions."""

Wanted = tuple[int, Callable[[Value], Any], str]
"""Index of a fact in the order of `_READ`, what reads it, and the key of its attribute."""


def wanted(facts: Mapping[str, tuple[str, ...]], there: Container[str]) -> tuple[Wanted, ...]:
    """Where the facts may stand on a span.

    Args:
        facts: Keys by the name of the fact, best first.
        there: The keys that the span has.
    """
    return tuple(
        (index, read, key)
        for index, (name, read) in enumerate(_READ.items())
        for key in facts.get(name, ())
        if key in there
    )


def read_facts(places: Sequence[Wanted], attributes: Attributes) -> list[Any]:
    """The facts in the order of `_READ`, each from the best of its keys that says something; None if none does."""
    found: list[Any] = [None] * len(_READ)
    for index, read, key in places:
        if found[index] is None:
            found[index] = read(attributes[key])
    return found


def said_by_any(attributes: Attributes) -> dict[str, str]:
    """What a span that no dialect knows says of the runs below it, by the name of the fact."""
    found: dict[str, str] = {}
    for name, keys in SAID_BY_ANY.items():
        value = next((text for key in keys if key in attributes and (text := as_text(attributes[key]))), None)
        if value:
            found[name] = value
    return found
