"""OpenInference: what the indexed messages leave out is taken from the raw items beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from spanlabel.model import Step

ReadSpan = Callable[..., Step]

ITEMS = [
    {"type": "message", "role": "user", "content": "Capital of France?"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Paris."}]},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And of Japan?"}]},
]


def call(first: int, raw: Any) -> dict[str, Any]:
    """A model call of OpenAI Agents JS, whose instrumentation indexes an earlier answer without its text."""
    at = "llm.input_messages."
    return {
        "openinference.span.kind": "LLM",
        "input.value": raw,
        f"{at}{first}.message.role": "user",
        f"{at}{first}.message.content": "Capital of France?",
        f"{at}{first + 1}.message.role": "assistant",
        f"{at}{first + 2}.message.role": "user",
        f"{at}{first + 2}.message.content": "And of Japan?",
    }


def test_earlier_answer(read_span: ReadSpan) -> None:
    """
    The conversation of a second turn holds the first answer.
    """
    step = read_span(call(0, json.dumps(ITEMS)))

    assert [(m.role, m.text) for m in step.input] == [
        ("user", "Capital of France?"),
        ("assistant", "Paris."),
        ("user", "And of Japan?"),
    ]


def test_after_the_instructions(read_span: ReadSpan) -> None:
    """
    The system instructions in front are no item; the items follow them.
    """
    system = {"llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": "Be short."}

    step = read_span(system | call(1, json.dumps(ITEMS)))

    assert [m.text for m in step.input] == ["Be short.", "Capital of France?", "Paris.", "And of Japan?"]


@pytest.mark.parametrize("raw", [json.dumps(ITEMS[:1]), "And of Japan?", "[not JSON", "[]", "[1, 2, 3]"])
def test_items_that_do_not_fit(read_span: ReadSpan, raw: str) -> None:
    """
    Items that are not those of the messages change nothing.
    """
    step = read_span(call(0, raw))

    assert [m.text for m in step.input] == ["Capital of France?", "", "And of Japan?"]
