"""An agent with two tools: it searches, looks at two shelves at once, looks at one more, and answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam

from spanlabel.demo.script import Line, Reply, ToolCall

from .scene import App, Expected, Scene

_WISH = (
    "My niece turns nine on Sunday and has read everything about whales. Is there something for her at your harbour "
    "shop?"
)
_STARS, _SONG = "The Whale Who Counted Stars", "Ninety Tons of Song"
_ANSWER = (
    "Yes, two that she may not know. “Ninety Tons of Song” is on the shelf at the harbour, four copies. “The Whale Who "
    "Counted Stars” is sold out there, but the hill shop has one, and we can bring it down by Saturday."
)
_SYSTEM = (
    "You serve the customers of Lantern Books, which has a harbour shop and a hill shop. Use the tools; if a book is "
    "missing in one shop, look in the other. Then answer in two or three sentences."
)

_BOOKS = {"whales": ((_STARS, 8), (_SONG, 9)), "dragons": (("A Teapot with Wings", 6),)}
_SHELVES = {(_STARS, "hill"): 1, (_SONG, "harbour"): 4}


def _find_books(*, subject: str, age: int) -> list[str]:
    """The application's first tool: titles about a subject for a reader of that age."""
    return [title for title, from_age in _BOOKS.get(subject.lower(), ()) if from_age <= age]


def _look_at_shelf(*, title: str, shop: str) -> dict[str, object]:
    """The application's second tool: how many copies a shop has."""
    return {"title": title, "shop": shop, "copies": _SHELVES.get((title, shop.lower()), 0)}


_TOOLS: Mapping[str, Callable[..., object]] = {"find_books": _find_books, "look_at_shelf": _look_at_shelf}


def _declare(name: str, does: str, **parameters: str) -> ChatCompletionFunctionToolParam:
    properties = {parameter: {"type": kind} for parameter, kind in parameters.items()}
    schema: dict[str, object] = {"type": "object", "properties": properties, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "description": does, "parameters": schema}}


_DECLARED = (
    _declare(
        "find_books", "Titles about a subject, in one word, for a reader of that age.", subject="string", age="integer"
    ),
    _declare("look_at_shelf", "Copies of a title in a shop, 'harbour' or 'hill'.", title="string", shop="string"),
)


# Span names and attributes as the GenAI conventions have them; the client's instrumentation sees no agents and tools.
_AGENT_FACTS = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "bookseller"}


def _serve(app: App) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": _SYSTEM},
        {"role": "user", "content": _WISH},
    ]
    with app.tracer.start_as_current_span("invoke_agent bookseller", attributes=_AGENT_FACTS):
        for _ in range(8):  # a real model may be of another mind than the script
            completion = app.client.chat.completions.create(model=app.model, messages=messages, tools=_DECLARED)
            message = completion.choices[0].message
            calls = [call for call in message.tool_calls or () if call.type == "function"]
            if not calls:
                return
            messages.append(
                {
                    "role": "assistant",
                    "content": message.content,
                    "tool_calls": [
                        {
                            "id": call.id,
                            "type": "function",
                            "function": {"name": call.function.name, "arguments": call.function.arguments},
                        }
                        for call in calls
                    ],
                }
            )
            for call in calls:
                result = _use_tool(app, call.id, call.function.name, call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


def _use_tool(app: App, call_id: str, name: str, arguments: str) -> str:
    """Run one tool in a span of its own."""
    facts: dict[str, Any] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": call_id,
    }
    with app.tracer.start_as_current_span(f"execute_tool {name}", attributes=facts):
        try:
            return json.dumps(_TOOLS[name](**json.loads(arguments)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return f"this call does not work: {error}"


def _look(title: str, shop: str) -> ToolCall:
    return ToolCall("look_at_shelf", {"title": title, "shop": shop})


AGENT = Scene(
    name="An agent with tools",
    story="Four model calls and four tool calls: one record, what was asked and what was finally said.",
    run=_serve,
    script=(
        Line(
            _WISH,
            (
                Reply(("",), (ToolCall("find_books", {"subject": "whales", "age": 9}),)),
                Reply(("",), (_look(_STARS, "harbour"), _look(_SONG, "harbour"))),
                Reply(("One of them is sold out here, let me look up the hill.",), (_look(_STARS, "hill"),)),
                Reply((_ANSWER,)),
            ),
        ),
    ),
    expected=(Expected(_WISH, (_ANSWER,), skipped_steps=7, messages=2),),
)
