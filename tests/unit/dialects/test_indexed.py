"""Messages flattened into attribute keys: by their numbers, whatever is missing, doubled or nested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spanlabel.model import Media, Message, Reasoning, Step, Text, ToolCall, ToolResult

ReadSpan = Callable[..., Step]

_IN, _OUT = "llm.input_messages.{}.message.", "llm.output_messages.{}.message."


def openinference(**attributes: Any) -> dict[str, Any]:
    """Attributes with short keys: `i0_content` is `llm.input_messages.0.message.content`, `__` is a dot."""
    out: dict[str, Any] = {"openinference.span.kind": "LLM"}
    for short, value in attributes.items():
        where, _, rest = short.partition("_")
        out[(_IN if where[0] == "i" else _OUT).format(where[1:]) + rest.replace("__", ".")] = value
    return out


class TestOpenInference:
    def test_a_conversation(self, read_span: ReadSpan) -> None:
        """
        Roles, texts, tool calls and tool results are put together by their numbers.
        """
        step = read_span(
            openinference(
                i0_role="system",
                i0_content="Be brief.",
                i1_role="user",
                i1_content="Rome?",
                i2_role="assistant",
                i2_tool_calls__0__tool_call__id="c1",
                i2_tool_calls__0__tool_call__function__name="weather",
                i2_tool_calls__0__tool_call__function__arguments='{"city": "Rome"}',
                i3_role="tool",
                i3_content="sunny",
                i3_tool_call_id="c1",
                o0_role="assistant",
                o0_content="Sunny.",
            )
        )

        assert step.input == (
            Message("system", (Text("Be brief."),)),
            Message("user", (Text("Rome?"),)),
            Message("assistant", (ToolCall("weather", {"city": "Rome"}, "c1"),)),
            Message("tool", (ToolResult("sunny", "c1"),)),
        )
        assert step.output == (Message("assistant", (Text("Sunny."),)),)

    def test_order_of_numbers(self, read_span: ReadSpan) -> None:
        """
        Message 10 comes after message 9, and a missing number (the SDK drops the oldest keys) is a gap, not the end.
        """
        keys = {f"i{n}_content": f"text {n}" for n in (10, 9, 2)}

        assert [m.text for m in read_span(openinference(**keys)).input] == ["text 2", "text 9", "text 10"]

    def test_content_and_contents_with_the_same_text(self, read_span: ReadSpan) -> None:
        """
        A text that stands both in `content` and in `contents` is said once.
        """
        step = read_span(
            openinference(
                i0_role="user",
                i0_content="Rome?",
                i0_contents__0__message_content__type="text",
                i0_contents__0__message_content__text="Rome?",
            )
        )

        assert step.input[0].text == "Rome?"

    def test_contents_only(self, read_span: ReadSpan) -> None:
        """
        A message of several blocks: texts are joined, a picture is a reference, a thought is no text.
        """
        step = read_span(
            openinference(
                o0_role="assistant",
                o0_contents__0__message_content__type="reasoning",
                o0_contents__0__message_content__text="hm",
                o0_contents__1__message_content__type="text",
                o0_contents__1__message_content__text="Sunny.",
                o0_contents__2__message_content__type="image",
                o0_contents__2__message_content__image__image__url="https://x/a.png",
            )
        )

        assert step.output[0].parts == (Reasoning("hm"), Text("Sunny."), Media("image", None, "https://x/a.png"))

    def test_an_inline_picture(self, read_span: ReadSpan) -> None:
        """
        The bytes of an inline picture are not kept.
        """
        step = read_span(
            openinference(
                i0_role="user", i0_contents__0__message_content__image__image__url="data:image/png;base64," + "A" * 100
            )
        )

        assert step.input[0].parts == (Media("image"),)

    def test_a_tool_result_under_the_users_role(self, read_span: ReadSpan) -> None:
        """
        A message of the user that answers a tool call is a tool result, and no question (Anthropic).
        """
        step = read_span(openinference(i0_role="user", i0_content="sunny", i0_tool_call_id="c1"))

        assert step.input == (Message("user", (ToolResult("sunny", "c1"),)),)

    def test_an_old_function_call(self, read_span: ReadSpan) -> None:
        """
        The older spelling of a function call is a tool call.
        """
        step = read_span(
            openinference(
                o0_role="assistant",
                o0_function_call_name="weather",
                o0_function_call_arguments_json='{"city": "Rome"}',
            )
        )

        assert step.output[0].tool_calls == (ToolCall("weather", {"city": "Rome"}),)

    def test_all_choices(self, read_span: ReadSpan) -> None:
        """
        Where only the first of two choices was indexed, the second is taken from the raw response.
        """
        raw = (
            '{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Sea Lark"}}, '
            '{"index": 1, "message": {"role": "assistant", "content": "Morning Tide"}}]}'
        )

        step = read_span(openinference(o0_role="assistant", o0_content="Sea Lark") | {"output.value": raw})

        assert [m.text for m in step.output] == ["Sea Lark", "Morning Tide"]

    def test_completions(self, read_span: ReadSpan) -> None:
        """
        Prompts and choices of text completions are messages.
        """
        step = read_span(
            {
                "openinference.span.kind": "LLM",
                "llm.prompts.0.prompt.text": "Roses are",
                "llm.choices.0.completion.text": "red.",
            }
        )

        assert [(m.role, m.text) for m in (*step.input, *step.output)] == [("user", "Roses are"), ("assistant", "red.")]


class TestOpenLLMetry:
    def test_a_conversation(self, read_span: ReadSpan) -> None:
        """
        `gen_ai.prompt.N` and `gen_ai.completion.N` are put together by their numbers.
        """
        step = read_span(
            {
                "llm.request.type": "chat",
                "gen_ai.prompt.0.role": "system",
                "gen_ai.prompt.0.content": "Be brief.",
                "gen_ai.prompt.1.role": "user",
                "gen_ai.prompt.1.content": '[{"type": "text", "text": "Rome?"}]',
                "gen_ai.prompt.2.role": "assistant",
                "gen_ai.prompt.2.tool_calls.0.id": "c1",
                "gen_ai.prompt.2.tool_calls.0.name": "weather",
                "gen_ai.prompt.2.tool_calls.0.arguments": '{"city": "Rome"}',
                "gen_ai.prompt.3.role": "tool",
                "gen_ai.prompt.3.content": "sunny",
                "gen_ai.prompt.3.tool_call_id": "c1",
                "gen_ai.completion.0.role": "assistant",
                "gen_ai.completion.0.content": "Sunny.",
                "gen_ai.completion.0.finish_reason": "stop",
            }
        )

        assert step.input == (
            Message("system", (Text("Be brief."),)),
            Message("user", (Text("Rome?"),)),
            Message("assistant", (ToolCall("weather", {"city": "Rome"}, "c1"),)),
            Message("tool", (ToolResult("sunny", "c1"),)),
        )
        assert step.output == (Message("assistant", (Text("Sunny."),), None, "stop"),)

    def test_choices(self, read_span: ReadSpan) -> None:
        """
        Several completions are the choices of one call.
        """
        step = read_span({f"gen_ai.completion.{n}.content": f"choice {n}" for n in range(3)})

        assert [(m.role, m.text) for m in step.output] == [("assistant", f"choice {n}") for n in range(3)]

    def test_text_that_begins_like_blocks(self, read_span: ReadSpan) -> None:
        """
        A text that only begins like a list of blocks is a text.
        """
        step = read_span({"gen_ai.completion.0.content": "[{sic}] is how he wrote it"})

        assert step.output[0].text == "[{sic}] is how he wrote it"


class TestOddKeys:
    @pytest.mark.parametrize(
        "keys",
        [
            pytest.param(["gen_ai.prompt.x.content"], id="no number"),
            pytest.param(["gen_ai.prompt.-1.content"], id="negative"),
            pytest.param(["gen_ai.prompt.99999999999.content"], id="far too large"),
            pytest.param(["gen_ai.prompt.٣.content"], id="another script's digit"),
            pytest.param(["gen_ai.prompt.0"], id="nothing behind the number"),
            pytest.param(["gen_ai.prompt.0."], id="an empty name"),
            pytest.param(["gen_ai.prompt..content"], id="an empty number"),
        ],
    )
    def test_no_message(self, read_span: ReadSpan, keys: list[str]) -> None:
        """
        A key that has no proper number is no message, and no error.
        """
        step = read_span(dict.fromkeys(keys, "x") | {"llm.request.type": "chat"})

        assert "".join(m.text for m in step.input) == ""

    @pytest.mark.parametrize("keys", [["", ".x"], [".x", ""]], ids=["value first", "nested first"])
    def test_a_key_that_goes_on(self, read_span: ReadSpan, keys: list[str]) -> None:
        """
        A value and longer keys below it (`content` and `content.x`) do not hide each other.
        """
        step = read_span({f"gen_ai.prompt.0.content{rest}": "Rome?" for rest in keys})

        assert step.input[0].text == "Rome?"
