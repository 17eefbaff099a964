"""Pydantic AI's agent spans; its chat and tool spans follow the GenAI conventions."""

from __future__ import annotations

from collections.abc import Callable

from spanlabel.model import Kind, Message

from ._codec import as_int, as_text, decoded
from ._dialect import Dialect, Found, Reader, Source, io_of, settled
from ._messages import messages_in


def _kind(source: Source) -> Kind | None:
    attributes = source.attributes
    if attributes.get("gen_ai.operation.name") == "invoke_agent":
        return Kind.AGENT
    if "pydantic_ai.all_messages" in attributes or "all_messages_events" in attributes:
        return None if attributes.get("gen_ai.operation.name") == "chat" else Kind.AGENT
    if "gen_ai.tool.name" in attributes or "tool_arguments" in attributes:
        return Kind.TOOL
    if source.span.name.startswith("running ") and source.span.name.endswith("tools"):
        return Kind.CHAIN
    return None


def _of_run(key: str, keep: Callable[[tuple[Message, ...]], tuple[Message, ...]]) -> Reader:
    """The conversation that the agent span holds: history, this run, and the answer."""

    def read(source: Source) -> Found | None:
        value = source.attributes.get(key)
        if value is None:
            return None
        opened, cut = decoded(value)
        if isinstance(opened, list):
            start = as_int(source.attributes.get("pydantic_ai.new_message_index"))
            if start is not None and 0 < start < len(opened) and keep is _question:
                # This run's question is the first user text from there on; later ones are retry notes.
                found = messages_in(opened[start:], "user")
                head = messages_in(opened[:start], "user") or ()
                return settled((*head, *keep(found or ())), is_cut=cut)
        found = messages_in(opened, "user")
        return None if found is None else settled(keep(found), is_cut=cut)

    return read


def _question(all_messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Up to the question this run began with: the last user text before the run's first reply."""
    for index, message in enumerate(all_messages):
        if message.role == "user" and message.text:
            return all_messages[: index + 1]
    return all_messages


def _question_of_old(all_messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Format 1 holds only the run's messages after its history; the last user text is the question."""
    last = max((i for i, m in enumerate(all_messages) if m.role == "user" and m.text), default=None)
    return all_messages if last is None else all_messages[: last + 1]


def _answer(all_messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The last message, if the model gave it."""
    return all_messages[-1:] if all_messages and all_messages[-1].role == "assistant" else ()


def _final(source: Source) -> Found | None:
    value = source.attributes.get("final_result")
    shown = as_text(value)
    if shown:
        return io_of(shown, is_input=False) if shown[0] not in "{[" else Found(text=shown, is_io=True)
    return None


PYDANTIC_AI = Dialect(
    name="pydantic_ai",
    source="pydantic-ai-slim 1.20.0 and 2.68.0, instrumentation versions 1 to 6",
    keys=("pydantic_ai.all_messages", "all_messages_events", "final_result"),
    scopes=("pydantic-ai",),
    kind=_kind,
    inputs=(
        _of_run("pydantic_ai.all_messages", _question),
        _of_run("all_messages_events", _question_of_old),
    ),
    outputs=(
        _final,
        _of_run("pydantic_ai.all_messages", _answer),
        _of_run("all_messages_events", _answer),
    ),
    facts={
        "model": ("model_name",),
        "agent": ("gen_ai.agent.name", "agent_name"),
        "tool_name": ("gen_ai.tool.name",),
        "tool_call_id": ("gen_ai.tool.call.id",),
        "input_tokens": ("gen_ai.aggregated_usage.input_tokens",),
        "output_tokens": ("gen_ai.aggregated_usage.output_tokens",),
    },
    metadata=("metadata",),
    switch="InstrumentationSettings(include_content=True)",
)
