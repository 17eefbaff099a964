"""What one step says by itself: its question, its answer, and whether they can be trusted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from spanlabel.model import Kind, Message, Step, Text, ToolCall, ToolResult

from ._habits import bare_question

FINAL_TOOLS: Final = ("final_answer", "final_result", "final_output", "structured_output", "respond", "submit_answer")
"""Names of tools whose arguments are the answer (smolagents, Pydantic AI, agents with structured output)."""


_CALLING: Final = frozenset({"tool_call", "tool_calls", "tool_use", "function_call"})
"""Why a model stopped that waits for a tool."""

ROUTING: Final = frozenset({"__end__", "__start__"})
"""Names of a graph's ends, which LangGraph's routing steps give as their result."""


@dataclass(slots=True)  # not frozen, which would make it four times as slow to make; one and a half are made a span
class Said:
    """A text and where it stands; nobody changes it.

    Attributes:
        text: The text, without white space around it.
        chat: The conversation up to and including it, for a question; empty for an answer.
        all: All choices, for an answer.
        how: "messages", "value" (of an opaque input or output) or "given" (set by the app).
    """

    text: str
    chat: tuple[Message, ...] = ()
    all: tuple[str, ...] = ()
    how: str = "messages"


def last_question(messages: Sequence[Message]) -> int | None:
    """Index of the last message in which the user says something; tool results are no question."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message.role == "user" and message.text.strip():
            return index
    return None


def question_of(step: Step) -> Said | None:
    """The question that a step's own input holds."""
    if step.given_prompt:
        return Said(step.given_prompt.strip(), how="given")
    index = last_question(step.input)
    if index is not None:
        chat = with_system(step, step.input[: index + 1])
        text = chat[-1].text.strip()
        bare = bare_question(text)
        if bare != text:
            chat = (*chat[:-1], Message(chat[-1].role, (Text(bare),), chat[-1].name))
        return Said(bare, chat)
    text = (step.input_text or "").strip()
    if text and step.kind is not Kind.LLM:
        return Said(text, with_system(step, ()), how="value")
    if text:
        return Said(text, how="value")
    return None


def with_system(step: Step, messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages with the system instructions that came apart from them in front."""
    if not step.system:
        return tuple(messages)
    for message in messages:
        if message.role == "system" and message.text.strip() == step.system.strip():
            return tuple(messages)
    return (Message("system", (Text(step.system),)), *messages)


def call_answer(step: Step) -> Said | None:
    """The answer of a model call: text without a tool call beside it; several messages are choices."""
    if step.given_answer:
        return Said(step.given_answer.strip(), all=(step.given_answer.strip(),), how="given")
    replies = [m for m in step.output if m.role != "user"]
    for message in replies:
        if message.tool_calls:  # parts of one turn may come as several messages, text first, tool call second
            return None
    if step.finish_reasons and _CALLING.issuperset(step.finish_reasons):
        return None  # what it called was not recorded with it (LiteLLM's callback), and the text is what it said before
    texts = tuple([text for m in replies if (text := m.text.strip()) and text not in ROUTING])
    if texts:
        return Said(texts[0], all=texts)
    text = (step.output_text or "").strip()
    if text and not replies:
        return Said(text, all=(text,), how="value")
    return None


def run_answer(step: Step) -> Said | None:
    """The answer that an agent's or a chain's own output holds: the last thing that was said."""
    if step.given_answer:
        return Said(step.given_answer.strip(), all=(step.given_answer.strip(),), how="given")
    text = (step.output_text or "").strip()
    if text:
        return Said(text, all=(text,), how="value")
    for message in reversed(step.output):
        if message.role != "assistant":
            if message.role == "tool" or message.text.strip():
                return None
            continue
        said = message.text.strip()
        calls = message.tool_calls
        if said and not (calls and _pending(message)):
            return Said(said, all=(said,))
        if calls:
            return None
    return None


def _pending(message: Message) -> tuple[ToolCall, ...]:
    """Tool calls that the same message does not answer (the AI SDK lists a whole run in one message)."""
    done = {result.id for result in message.tool_results}
    return tuple(call for call in message.tool_calls if call.id not in done)


def final_tool(step: Step) -> str | None:
    """The arguments of a tool call that stands for the answer; None if there is none."""
    for message in reversed(step.output):
        for call in message.tool_calls:
            if call.name.lower().startswith(FINAL_TOOLS):
                return arguments_text(call)
    return None


def arguments_text(call: ToolCall) -> str | None:
    """The arguments of a call as an answer: the only text among them, or all as JSON."""
    arguments = call.arguments
    if isinstance(arguments, Mapping) and len(arguments) == 1:
        [value] = arguments.values()
        if isinstance(value, str):
            return value
    if isinstance(arguments, str):
        return arguments or None
    if not arguments:
        return None
    try:
        return json.dumps(arguments, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):  # too deep, or no JSON
        return None


def texts_of(messages: Iterable[Message], *roles: str) -> list[str]:
    """Texts of the messages of these roles; the responses of tool results count for role "tool"."""
    out = []
    has_tools = "tool" in roles
    for message in messages:
        for part in message.parts if has_tools else ():
            if isinstance(part, ToolResult) and part.response is not None:
                with suppress(ValueError, RecursionError):  # numbers of more than 4300 digits, too deep
                    out.append(part.response.strip() if isinstance(part.response, str) else str(part.response))
        if message.role in roles:
            text = message.text.strip()
            if text:
                out.append(text)
    return out
