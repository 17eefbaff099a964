from dataclasses import replace
from typing import Any

import pytest

from spanlabel.demo.checking import complaints
from spanlabel.demo.scenes import App, Expected, Scene
from spanlabel.model import Message, Record


def play(_: App) -> None:
    raise AssertionError("nobody plays here")


SCENE = Scene(
    name="Talk",
    story="...",
    run=play,
    expected=(
        Expected("What?", ("That.", "This."), skipped_steps=3),
        Expected("And?", ("Also.",), messages=3, conversation="talk-"),
        Expected("Why?", ("Because.",), messages=5, conversation="talk-"),
    ),
)


def record(prompt: str, *answers: str, messages: int = 1, **metadata: Any) -> Record:
    talk = tuple(Message(role="user", parts=()) for _ in range(messages))
    return Record(prompt, "0" * 32, prompt, answers[0], answers, talk, metadata)


GOOD = [
    record("Why?", "Because.", messages=5, conversation_id="talk-1", skipped_steps=0),
    record("What?", "That.", "This.", skipped_steps=3),
    record("And?", "Also.", messages=3, conversation_id="talk-1"),
]


def test_what_is_as_promised_gives_no_complaint() -> None:
    """
    The promised records, in any order, are good.
    """
    assert complaints(SCENE, GOOD) == []


@pytest.mark.parametrize(
    ("index", "change", "complaint"),
    [
        pytest.param(1, {"answers": ("This.",)}, "answers: ('This.',) instead of ('That.', 'This.')", id="answer"),
        pytest.param(1, {"metadata": {"skipped_steps": 2}}, "steps skipped: 2 instead of 3", id="steps"),
        pytest.param(2, {"messages": ()}, "messages before the answer: 0 instead of 3", id="history"),
        pytest.param(2, {"metadata": {}}, "conversation: None instead of 'talk-'", id="no conversation"),
        pytest.param(
            1,
            {"metadata": {"skipped_steps": 3, "conversation_id": "talk-1"}},
            "conversation: 'talk-1' instead of None",
            id="unasked conversation",
        ),
        pytest.param(
            2, {"metadata": {"conversation_id": "talk-2"}}, "talk-2 and talk-1, instead of one", id="two conversations"
        ),
    ],
)
def test_each_difference_is_named(index: int, change: dict[str, Any], complaint: str) -> None:
    """
    A record that is not as promised is complained about, with the scene, what is and what should be.
    """
    records = [replace(one, **change) if k == index else one for k, one in enumerate(GOOD)]

    [line] = complaints(SCENE, records)

    assert line.startswith("Talk: ")
    assert complaint in line


def test_too_few_and_too_many_are_named() -> None:
    """
    A missing record and one that nobody promised, also a second copy, are complained about.
    """
    records = [*GOOD[:2], GOOD[0], record("Who?", "Me.")]

    assert complaints(SCENE, records) == [
        "Talk: no record for the question 'And?'",
        "Talk: a record that should not be, for the question 'Why?'",
        "Talk: a record that should not be, for the question 'Who?'",
    ]
