"""What frameworks write around the words of the user and of the app: their documented habits, and no others.

A habit stands here only if a framework writes the same words into every request (reconstruction.md 3.4).
"""

from __future__ import annotations

from typing import Final

from spanlabel.model import Message, Text

_TASK: Final = "New task:\n"
"""smolagents begins each task so."""

_IDENTITY: Final = '\n\nYou are an agent. Your internal name is "'
"""Google ADK ends each instruction with who the agent is."""


def bare_question(text: str) -> str:
    """The user's words without what a framework puts before them."""
    return text.removeprefix(_TASK)


def bare_system(message: Message) -> Message:
    """A system message without what a framework adds to it."""
    if len(message.parts) != 1 or not isinstance(message.parts[0], Text):
        return message
    text = message.parts[0].content
    own, identity, rest = text.rpartition(_IDENTITY)
    if not identity or "\n" in rest or '".' not in rest:
        return message
    return Message(message.role, (Text(own.rstrip()),), message.name)


WITHOUT_PARENTS: Final = "@traceloop/instrumentation-langchain"
"""Scope of an instrumentation that links no step to the run it is part of (LangChain.js, traces-other.md 3.3)."""


_MACHINERY: Final = ("langgraph_", "checkpoint_ns", "checkpoint_id", "ls_", "lc_", "__pregel")
"""Beginnings of metadata keys that LangChain and LangGraph write for themselves."""


def is_machinery(key: str) -> bool:
    """Whether a metadata key tells of the framework's inner workings and not of the app."""
    return key.startswith(_MACHINERY)
