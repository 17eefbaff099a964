"""What frameworks write for themselves stays away from the reviewer."""

from __future__ import annotations

import pytest

from spanlabel.model import Message, Text
from spanlabel.pairing._habits import bare_question, bare_system, is_machinery


def test_task_heading_is_no_part_of_the_question() -> None:
    """
    smolagents begins each task with a heading; the reviewer sees the user's words only.
    """
    assert bare_question("New task:\nCount the ships.") == "Count the ships."
    assert bare_question("A new task:\nCount the ships.") == "A new task:\nCount the ships."


def test_identity_is_no_part_of_the_instruction() -> None:
    """
    ADK ends each instruction with who the agent is; the reviewer sees what the app wrote.
    """
    given = Message("system", (Text('Be kind.\n\nYou are an agent. Your internal name is "helper".'),))

    assert bare_system(given) == Message("system", (Text("Be kind."),))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("langgraph_step", True, id="the graph's step"),
        pytest.param("checkpoint_ns", True, id="the checkpointer's"),
        pytest.param("tenant", False, id="the app's own"),
    ],
)
def test_machinery_is_no_fact_for_a_reviewer(key: str, expected: bool) -> None:
    """
    Keys that LangGraph writes for itself do not appear beside the record; the app's own do.
    """
    assert is_machinery(key) is expected
