"""Messages are read by what the value looks like, in whatever shape an instrumentation wrote them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from spanlabel.dialects._messages import messages_in
from spanlabel.model import Media, Message, Reasoning, Text, ToolCall, ToolResult


def user(text: str) -> Message:
    return Message("user", (Text(text),))


def assistant(*parts: Any, finish: str | None = None) -> Message:
    shown = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    return Message("assistant", shown, finish_reason=finish)


def system(text: str) -> Message:
    return Message("system", (Text(text),))


ROME = ToolCall("weather", {"city": "Rome"}, "c1")
SUNNY = Message("tool", (ToolResult("sunny", "c1"),))
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}

SHAPES = [
    pytest.param(
        [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Rome?"}]},
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Rome"}}],
                "finish_reason": "tool_call",
            },
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "sunny"}]},
        ],
        (system("Be brief."), user("Rome?"), assistant(ROME, finish="tool_call"), SUNNY),
        id="GenAI conventions",
    ),
    pytest.param(
        [{"role": "user", "parts": [{"type": "tool_call_response", "id": "c1", "result": "sunny"}]}],
        (Message("user", (ToolResult("sunny", "c1"),)),),
        id="tool result under the user's role, field result (Pydantic AI)",
    ),
    pytest.param(
        [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Rome?"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ],
        (system("Be brief."), user("Rome?"), assistant(ROME), SUNNY),
        id="OpenAI chat",
    ),
    pytest.param(
        {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}]},
        (assistant("Hi.", finish="stop"),),
        id="OpenAI response",
    ),
    pytest.param(
        {"messages": [{"role": "user", "content": "Rome?"}], "model": "m"},
        (user("Rome?"),),
        id="OpenAI request",
    ),
    pytest.param(
        [
            {"role": "user", "content": "Rome?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Rome"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "sunny"}]},
        ],
        (user("Rome?"), assistant(Reasoning("hm"), "I look.", ROME), Message("user", (ToolResult("sunny", "c1"),))),
        id="Anthropic blocks",
    ),
    pytest.param(
        [
            {"role": "user", "content": [{"text": "Rome?"}]},
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Rome"}}}],
            },
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": "sunny"}}]},
        ],
        (user("Rome?"), assistant(ROME), Message("user", (ToolResult("sunny", "c1"),))),
        id="Bedrock blocks",
    ),
    pytest.param(
        [
            {"role": "user", "parts": [{"text": "Rome?"}]},
            {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Rome"}}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"id": "c1", "name": "weather", "response": "sunny"}}],
            },
            {"role": "model", "parts": [{"text": "thinking", "thought": True}, {"text": "Sunny."}]},
        ],
        (
            user("Rome?"),
            assistant(ROME),
            Message("user", (ToolResult("sunny", "c1"),)),
            assistant(Reasoning("thinking"), "Sunny."),
        ),
        id="Gemini contents",
    ),
    pytest.param(
        [
            {"role": "model", "parts": [{"function_call": {"id": "c1", "name": "weather", "args": {"city": "Rome"}}}]},
            {"role": "user", "parts": [{"function_response": {"id": "c1", "response": "sunny"}}]},
        ],
        (assistant(ROME), Message("user", (ToolResult("sunny", "c1"),))),
        id="Gemini contents of the Python client",
    ),
    pytest.param(
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Sunny."}]}, "finishReason": "STOP"}]},
        (assistant("Sunny.", finish="stop"),),
        id="Gemini candidates",
    ),
    pytest.param(
        [
            {"role": "user", "content": [{"type": "text", "text": "Rome?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool-call", "toolCallId": "c1", "toolName": "weather", "input": {"city": "Rome"}}
                ],
            },
            {
                "role": "tool",
                "content": [
                    {
                        "type": "tool-result",
                        "toolCallId": "c1",
                        "toolName": "weather",
                        "output": {"type": "text", "value": "sunny"},
                    }
                ],
            },
        ],
        (user("Rome?"), assistant(ROME), SUNNY),
        id="AI SDK",
    ),
    pytest.param(
        [
            [
                {"lc": 1, "type": "constructor", "id": ["a", "SystemMessage"], "kwargs": {"content": "Be brief."}},
                {"lc": 1, "type": "constructor", "id": ["a", "HumanMessage"], "kwargs": {"content": "Rome?"}},
                {
                    "lc": 1,
                    "type": "constructor",
                    "id": ["a", "AIMessageChunk"],
                    "kwargs": {
                        "content": "",
                        "tool_calls": [{"name": "weather", "args": {"city": "Rome"}, "id": "c1", "type": "tool_call"}],
                    },
                },
                {
                    "lc": 1,
                    "type": "constructor",
                    "id": ["a", "ToolMessage"],
                    "kwargs": {"content": "sunny", "tool_call_id": "c1"},
                },
            ]
        ],
        (system("Be brief."), user("Rome?"), assistant(ROME), SUNNY),
        id="LangChain constructors, a list per batch",
    ),
    pytest.param(
        [
            {"type": "human", "data": {"content": "Rome?", "type": "human"}},
            {"type": "ai", "data": {"content": "Sunny.", "type": "ai"}},
        ],
        (user("Rome?"), assistant("Sunny.")),
        id="LangChain type and data",
    ),
    pytest.param(
        [
            {"type": "human", "content": "Rome?", "additional_kwargs": {}, "id": "1"},
            {"type": "ai", "content": "", "additional_kwargs": {"tool_calls": [CALL]}},
            {"type": "tool", "content": "sunny", "tool_call_id": "c1"},
        ],
        (user("Rome?"), assistant(ROME), SUNNY),
        id="LangChain flat",
    ),
    pytest.param(
        {
            "generations": [
                [
                    {
                        "text": "Sunny.",
                        "message": {
                            "lc": 1,
                            "type": "constructor",
                            "id": ["a", "AIMessage"],
                            "kwargs": {"content": "Sunny."},
                        },
                    }
                ]
            ]
        },
        (assistant("Sunny."),),
        id="LangChain generations",
    ),
    pytest.param(
        [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Rome?"}]},
            {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "id": "f1", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny."}]},
        ],
        (user("Rome?"), assistant(Reasoning("hm")), assistant(ROME), SUNNY, assistant("Sunny.")),
        id="Responses API items",
    ),
    pytest.param(
        {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny."}]}]},
        (assistant("Sunny."),),
        id="Responses API response",
    ),
    pytest.param(
        [
            {"role": "user", "items": [{"content_type": "text", "text": "Rome?"}]},
            {"role": "assistant", "content": "Sunny."},
        ],
        (user("Rome?"), assistant("Sunny.")),
        id="Semantic Kernel items",
    ),
    pytest.param(
        [
            {"_role": "user", "_content": [{"text": "Rome?"}]},
            {
                "role": "assistant",
                "content": [{"tool_call": {"tool_name": "weather", "arguments": {"city": "Rome"}, "id": "c1"}}],
            },
            {
                "role": "tool",
                "content": [{"tool_call_result": {"result": "sunny", "origin": {"id": "c1", "tool_name": "weather"}}}],
            },
        ],
        (user("Rome?"), assistant(ROME), SUNNY),
        id="Haystack",
    ),
    pytest.param(
        [
            {"event.name": "gen_ai.system.message", "content": "Be brief."},
            {"event.name": "gen_ai.user.message", "content": "Rome?"},
            {
                "event.name": "gen_ai.choice",
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Sunny."},
            },
        ],
        (system("Be brief."), user("Rome?"), assistant("Sunny.", finish="stop")),
        id="events in a list",
    ),
    pytest.param(
        [
            '{"role": "user", "content": "Rome?"}',
            '{"role": "assistant", "content": "Sunny."}',
        ],
        (user("Rome?"), assistant("Sunny.")),
        id="a list of JSON texts",
    ),
    pytest.param(
        {"role": "model", "content": [{"text": "Sunny."}]},
        (assistant("Sunny."),),
        id="Genkit, one message",
    ),
    pytest.param(
        [{"role": "MessageRole.USER", "blocks": [{"block_type": "text", "text": "Rome?"}]}],
        (user("Rome?"),),
        id="LlamaIndex",
    ),
    pytest.param(
        [{"message.role": "user", "message.content": "Rome?"}],
        (user("Rome?"),),
        id="OpenInference, half flattened",
    ),
    pytest.param(
        [{"role": "assistant", "content": "", "function_call": {"name": "weather", "arguments": '{"city": "Rome"}'}}],
        (assistant(ToolCall("weather", {"city": "Rome"})),),
        id="OpenAI's first function calls",
    ),
    pytest.param(
        [{"role": "assistant", "content": "Sunny.", "reasoning_content": "hm"}],
        (assistant(Reasoning("hm"), "Sunny."),),
        id="reasoning beside the content",
    ),
    pytest.param(
        [{"role": "user", "content": "Rome?", "name": "Ada"}],
        (Message("user", (Text("Rome?"),), "Ada"),),
        id="a name",
    ),
    pytest.param(
        [{"role": "tool", "content": '{"degrees": 21}'}, {"role": "tool", "content": {"degrees": 21}}],
        (Message("tool", (ToolResult({"degrees": 21}),)),) * 2,
        id="a tool's result that is data",
    ),
    pytest.param("Rome?", (user("Rome?"),), id="bare text"),
    pytest.param([[["Rome?"], "Oslo?"]], (user("Rome?"), user("Oslo?")), id="texts in nested lists"),
]


def _as_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_tuples(inner) for key, inner in value.items()}
    if isinstance(value, Message):
        parts = (replace(p, response=_as_tuples(p.response)) if isinstance(p, ToolResult) else p for p in value.parts)
        return replace(value, parts=tuple(parts))
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


class TestShapes:
    @pytest.mark.parametrize(("value", "messages"), SHAPES)
    def test_structured(self, value: Any, messages: tuple[Message, ...]) -> None:
        """
        A conversation is read into the same messages, whatever shape it was written in.
        """
        assert messages_in(value, "user") == messages

    @pytest.mark.parametrize(("value", "messages"), SHAPES)
    def test_tuples(self, value: Any, messages: tuple[Message, ...]) -> None:
        """
        The same shapes with the tuples that the SDK makes of lists.
        """
        assert messages_in(_as_tuples(value), "user") == tuple(_as_tuples(message) for message in messages)

    @pytest.mark.parametrize("encodings", [1, 2, 3])
    @pytest.mark.parametrize(("value", "messages"), SHAPES)
    def test_as_json_text(self, value: Any, messages: tuple[Message, ...], encodings: int) -> None:
        """
        The same shapes as JSON text, and as JSON text of JSON text, up to three times.
        """
        text = value
        for _ in range(encodings):
            text = json.dumps(text)

        assert messages_in(text, "user") == messages


class TestRoles:
    @pytest.mark.parametrize(
        ("written", "role"),
        [
            ("human", "user"),
            ("ai", "assistant"),
            ("model", "assistant"),
            ("bot", "assistant"),
            ("chatbot", "assistant"),
            ("developer", "system"),
            ("function", "tool"),
            ("user", "user"),
            ("narrator", "narrator"),
        ],
    )
    def test_normal_form(self, written: str, role: str) -> None:
        """
        Each framework's word for a role is read as the same role; a word that nobody knows stays.
        """
        [message] = messages_in([{"role": written, "content": "Hello"}], "user") or ()

        assert message.role == role

    @pytest.mark.parametrize("said", [None, 3, "", ["user"]])
    def test_no_role(self, said: Any) -> None:
        """
        A message whose role is missing, or is no text, has the role of the side that it was found on.
        """
        assert messages_in([{"role": said, "content": "Hi."}], "assistant") == (assistant("Hi."),)

    @pytest.mark.parametrize(
        ("written", "reason"),
        [
            ("tool_calls", "tool_call"),
            ("tool_use", "tool_call"),
            ("tool-calls", "tool_call"),
            ("end_turn", "stop"),
            ("STOP", "stop"),
            ("MAX_TOKENS", "length"),
            ("content-filter", "content_filter"),
            ("SAFETY", "content_filter"),
            ("eos", "eos"),
        ],
    )
    def test_finish_reason(self, written: str, reason: str) -> None:
        """
        Why the model stopped is said with the conventions' words.
        """
        [message] = messages_in([{"role": "assistant", "content": "Hi.", "finish_reason": written}], "user") or ()

        assert message.finish_reason == reason

    def test_finish_reason_twice(self) -> None:
        """
        The message's own finish reason counts more than that of the choice around it.
        """
        inner = {"role": "assistant", "content": "Hi.", "finish_reason": "length"}

        [message] = messages_in([{"finish_reason": "stop", "message": inner}], "user") or ()

        assert message.finish_reason == "length"


class TestText:
    @pytest.mark.parametrize(
        "block",
        [
            pytest.param({"type": "reasoning", "content": "hm"}, id="reasoning"),
            pytest.param({"type": "thinking", "thinking": "hm"}, id="thinking"),
            pytest.param({"type": "redacted_thinking", "data": "x"}, id="redacted thinking"),
            pytest.param({"text": "hm", "thought": True}, id="Gemini's thought"),
            pytest.param({"reasoningContent": {"reasoningText": {"text": "hm"}}}, id="Bedrock's reasoning"),
            pytest.param({"type": "tool_use", "id": "1", "name": "x", "input": {"text": "hm"}}, id="tool call"),
            pytest.param({"type": "tool_result", "tool_use_id": "1", "content": "hm"}, id="tool result"),
            pytest.param(
                {"type": "server_tool_call", "name": "search", "server_tool_call": {"q": "hm"}}, id="server tool"
            ),
            pytest.param({"type": "image_url", "image_url": {"url": "https://x/hm.png"}}, id="image"),
            pytest.param({"type": "blob", "modality": "audio", "content": "aGFsbG8="}, id="audio"),
            pytest.param({"type": "compaction", "content": "hm"}, id="compaction"),
            pytest.param({"type": "brand_new", "content": "hm", "text": "hm"}, id="a type that nobody knows"),
        ],
    )
    def test_only_text_is_text(self, block: dict[str, Any]) -> None:
        """
        Thoughts, tool traffic, media and parts of unknown type are never shown as what the model said.
        """
        [message] = (
            messages_in([{"role": "assistant", "content": [{"type": "text", "text": "Hi."}, block]}], "user") or ()
        )

        assert message.text == "Hi."

    def test_a_tool_message_is_never_text(self) -> None:
        """
        What a message of role tool holds is a tool result, however it was written.
        """
        for content in (
            "sunny",
            [{"type": "text", "text": "sunny"}],
            '[{"type": "text", "text": "sunny"}]',
            {"text": "sunny"},
        ):
            [message] = messages_in([{"role": "tool", "content": content}], "user") or ()

            assert message.text == ""
            assert message.tool_results[0].response == "sunny"

    def test_text_beside_a_tool_call(self) -> None:
        """
        "Now Rome." beside a tool call stays, as a text part of the same message.
        """
        [message] = messages_in([{"role": "assistant", "content": "Now Rome.", "tool_calls": [CALL]}], "user") or ()

        assert message.parts == (Text("Now Rome."), ROME)

    def test_several_text_parts(self) -> None:
        """
        The text parts of a message are one text.
        """
        [message] = messages_in([{"role": "user", "content": [{"text": "How "}, {"text": "warm?"}]}], "user") or ()

        assert message.text == "How warm?"

    def test_refusal(self) -> None:
        """
        A refusal is what the model said.
        """
        [message] = (
            messages_in([{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}], "user") or ()
        )

        assert message.text == "No."

    def test_json_that_the_user_wrote(self) -> None:
        """
        A question that is JSON itself is shown as the user wrote it.
        """
        [message] = messages_in([{"role": "user", "content": '{"city": "Rome"}'}], "user") or ()

        assert message.text == '{"city": "Rome"}'

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param([{"role": "user", "parts": [{"type": "text"}]}], id="part without content"),
            pytest.param([{"role": "user", "parts": []}], id="no parts"),
            pytest.param([{"role": "user", "content": ""}], id="empty text"),
            pytest.param([{"role": "user", "content": None}], id="null"),
            pytest.param([{"role": "user"}], id="role alone"),
        ],
    )
    def test_a_message_without_content_stays(self, value: Any) -> None:
        """
        That a message was there is known even when its content was not captured.
        """
        assert messages_in(value, "user") == (Message("user", ()),)


LINK, INLINE = "https://x/a.png", "data:image/png;base64,AAAA"


class TestMedia:
    @pytest.mark.parametrize(
        ("block", "media"),
        [
            pytest.param({"type": "image_url", "image_url": {"url": LINK}}, Media("image", None, LINK), id="link"),
            pytest.param({"type": "image_url", "image_url": {"url": INLINE}}, Media("image", "image/png"), id="inline"),
            pytest.param({"type": "input_image", "image_url": LINK}, Media("image", None, LINK), id="Responses API"),
            pytest.param(
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                Media("image", "image/png"),
                id="Anthropic",
            ),
            pytest.param(
                {"inlineData": {"mimeType": "audio/wav", "data": "AA"}}, Media("audio", "audio/wav"), id="Gemini"
            ),
            pytest.param(
                {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AAAA"},
                Media("audio", "audio/wav"),
                id="blob",
            ),
            pytest.param({"type": "uri", "modality": "image", "uri": LINK}, Media("image", None, LINK), id="uri"),
        ],
    )
    def test_only_a_reference_is_kept(self, block: dict[str, Any], media: Media) -> None:
        """
        Of images and sounds only what they are and where they lie is kept, never their bytes.
        """
        [message] = (
            messages_in([{"role": "user", "content": [{"type": "text", "text": "What is it?"}, block]}], "user") or ()
        )

        assert message.parts == (Text("What is it?"), media)


class TestToolCalls:
    @pytest.mark.parametrize("arguments", ['{"city": "Rome"}', '"{\\"city\\": \\"Rome\\"}"', {"city": "Rome"}])
    def test_arguments(self, arguments: Any) -> None:
        """
        Arguments are read out of JSON text, also where it was encoded twice.
        """
        call = {"id": "c1", "function": {"name": "weather", "arguments": arguments}}

        [message] = messages_in([{"role": "assistant", "tool_calls": [call]}], "user") or ()

        assert message.tool_calls == (ROME,)

    def test_arguments_that_are_no_json(self) -> None:
        """
        Arguments that are no JSON are kept as the text they are.
        """
        [message] = messages_in([{"role": "assistant", "tool_calls": [{"name": "run", "args": "ls -l"}]}], "user") or ()

        assert message.tool_calls == (ToolCall("run", "ls -l"),)

    @pytest.mark.parametrize("calls", [{}, [], None, "{}", "null"])
    def test_no_calls(self, calls: Any) -> None:
        """
        An empty list or object of tool calls, as some write it always, means that there are none.
        """
        [message] = messages_in([{"role": "assistant", "content": "Hi.", "tool_calls": calls}], "user") or ()

        assert message == assistant("Hi.")

    def test_calls_by_number(self) -> None:
        """
        Tool calls in an object keyed by their number are calls too.
        """
        [message] = messages_in([{"role": "assistant", "tool_calls": {"0": CALL}}], "user") or ()

        assert message.tool_calls == (ROME,)


class TestNoMessages:
    def test_something_else_among_messages(self) -> None:
        """
        What is no message among messages is left out.
        """
        assert messages_in([{"role": "user", "content": "Rome?"}, {"city": "Rome"}, None], "user") == (user("Rome?"),)

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            [],
            {},
            3,
            True,
            b"x",
            {"city": "Rome"},
            [{"city": "Rome"}],
            [None, None],
            {"lc": 1, "type": "constructor", "id": ["a", "Document"], "kwargs": {"page_content": "x"}},
            {"messages": "nothing"},
            [{"city": "Rome"}, {"role": "user", "content": "Rome?"}],
        ],
        ids=repr,
    )
    def test_is_none(self, value: Any) -> None:
        """
        What does not look like messages is not read as messages.
        """
        assert messages_in(value, "user", bare_text=False) is None
