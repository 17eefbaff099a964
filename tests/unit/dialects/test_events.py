"""Content in span events and in log records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from spanlabel.dialects import READERS, read
from spanlabel.model import Kind, Log, Message, Step, Text, ToolCall, ToolResult

ReadSpan = Callable[..., Step]

CHAT = {"gen_ai.operation.name": "chat"}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
TALK = [
    ("gen_ai.system.message", {"content": "Be brief."}),
    ("gen_ai.user.message", {"content": "Rome?"}),
    ("gen_ai.assistant.message", {"tool_calls": [CALL]}),
    ("gen_ai.tool.message", {"content": "sunny", "id": "c1"}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Sunny."}}),
]
READ_IN = (
    Message("system", (Text("Be brief."),)),
    Message("user", (Text("Rome?"),)),
    Message("assistant", (ToolCall("weather", {"city": "Rome"}, "c1"),)),
    Message("tool", (ToolResult("sunny", "c1"),)),
)
READ_OUT = (Message("assistant", (Text("Sunny."),), None, "stop"),)


class TestOneEventAMessage:
    def test_log_records(self, read_span: ReadSpan) -> None:
        """
        Messages in log records are read like messages on the span (conventions 1.27 to 1.36).
        """
        step = read_span(CHAT, logs=TALK)

        assert (step.input, step.output) == (READ_IN, READ_OUT)

    def test_log_bodies_as_json_text(self, read_span: ReadSpan) -> None:
        """
        Records that went through Python's logging have JSON text as their body (Semantic Kernel).
        """
        step = read_span(CHAT, logs=[(name, json.dumps(body)) for name, body in TALK])

        assert (step.input, step.output) == (READ_IN, READ_OUT)

    def test_span_events(self, read_span: ReadSpan) -> None:
        """
        The same as span events, whose values are JSON text (Strands).
        """
        events = [
            (name, {key: value if isinstance(value, str) else json.dumps(value) for key, value in body.items()})
            for name, body in TALK
        ]

        step = read_span(CHAT, events=events)

        assert (step.input, step.output) == (READ_IN, READ_OUT)

    def test_json_in_one_attribute(self, read_span: ReadSpan) -> None:
        """
        The same with the whole body in the attribute `gen_ai.event.content` (Azure).
        """
        step = read_span(CHAT, events=[(name, {"gen_ai.event.content": json.dumps(body)}) for name, body in TALK])

        assert (step.input, step.output) == (READ_IN, READ_OUT)

    def test_bedrock_blocks(self, read_span: ReadSpan) -> None:
        """
        A content that is the JSON text of blocks is opened; JSON that the user wrote is not.
        """
        events = [
            ("gen_ai.user.message", {"content": '[{"text": "Rome?"}]'}),
            ("gen_ai.user.message", {"content": '{"city": "Rome"}'}),
        ]

        step = read_span(CHAT, events=events)

        assert [m.text for m in step.input] == ["Rome?", '{"city": "Rome"}']

    def test_choices(self, read_span: ReadSpan) -> None:
        """
        Two choice events are two choices.
        """
        logs = [("gen_ai.choice", {"index": n, "message": {"content": f"choice {n}"}}) for n in range(2)]

        assert [m.text for m in read_span(CHAT, logs=logs).output] == ["choice 0", "choice 1"]

    def test_both_seats(self, read_span: ReadSpan) -> None:
        """
        Messages that stand in span events and in log records are read once.
        """
        step = read_span(CHAT, events=[("gen_ai.user.message", {"content": "Rome?"})], logs=TALK[1:2])

        assert [m.text for m in step.input] == ["Rome?"]

    def test_structure_without_content(self, read_span: ReadSpan) -> None:
        """
        With content capture off the events have no texts: nothing is made up.
        """
        logs = [("gen_ai.user.message", None), ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {}})]

        step = read_span(CHAT, logs=logs)

        assert "".join(m.text for m in (*step.input, *step.output)) == ""


DETAILS = "gen_ai.client.inference.operation.details"
CAME = [{"role": "user", "parts": [{"type": "text", "content": "Rome?"}]}]
WENT = [{"role": "assistant", "parts": [{"type": "text", "content": "Sunny."}], "finish_reason": "stop"}]


class TestDetails:
    def test_log_record(self, read_span: ReadSpan) -> None:
        """
        One log record with everything, structured (conventions 1.37 and newer).
        """
        body = {
            "gen_ai.input.messages": CAME,
            "gen_ai.output.messages": WENT,
            "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        }

        step = read_span(CHAT, logs=[(DETAILS, body)])

        assert (step.input[0].text, step.output[0].text) == ("Rome?", "Sunny.")

    def test_record_with_attributes(self, make_span: Any, make_log: Any) -> None:
        """
        The fields may be the record's attributes instead of its body; the system instructions come along.
        """
        attributes = {
            "gen_ai.input.messages": json.dumps(CAME),
            "gen_ai.output.messages": WENT,
            "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        }

        step = read(make_span(CHAT), (make_log(DETAILS, None, attributes),))

        assert (step.system, step.input[0].text, step.output[0].text) == ("Be brief.", "Rome?", "Sunny.")

    def test_several_span_events(self, read_span: ReadSpan) -> None:
        """
        Strands splits them: the first input and the last output count.
        """
        events = [
            (DETAILS, {"gen_ai.input.messages": json.dumps(CAME)}),
            (DETAILS, {"gen_ai.output.messages": '[{"role": "assistant", "content": "A draft."}]'}),
            (DETAILS, {"gen_ai.output.messages": json.dumps(WENT)}),
        ]

        step = read_span({"gen_ai.operation.name": "invoke_agent"}, events=events)

        assert (step.input[0].text, step.output[0].text) == ("Rome?", "Sunny.")


MOVED = {
    "input": {"messages": [{"role": "user", "content": "Rome?"}]},
    "output": {"messages": [{"role": "assistant", "content": "Sunny."}]},
}


class TestAws:
    @pytest.mark.parametrize("name", ["", "app", "strands.telemetry.tracer"], ids=["no name", "scope's name", "other"])
    def test_moved_content(self, read_span: ReadSpan, name: str) -> None:
        """
        Messages that AWS's distro moved from the span into a log record are read, whatever the record is called.
        """
        step = read_span(CHAT, logs=[(name, MOVED)])

        assert (step.input[0].text, step.output[0].text) == ("Rome?", "Sunny.")

    def test_a_whole_state_in_one_message(self, read_span: ReadSpan) -> None:
        """
        Where the only message is the JSON text of a chain's whole input, the question in it is found.
        """
        body = {"input": {"messages": [{"role": "user", "content": '{"question": "Rome?"}'}]}}

        step = read_span({"gen_ai.operation.name": "invoke_agent"}, logs=[("", body)])

        assert step.input_text == "Rome?"


class TestIsContent:
    @pytest.mark.parametrize(
        ("name", "body", "wanted"),
        [
            pytest.param("gen_ai.user.message", {"content": "Rome?"}, True, id="message event"),
            pytest.param("gen_ai.choice", None, True, id="choice"),
            pytest.param(DETAILS, {}, True, id="details"),
            pytest.param("", MOVED, True, id="moved content"),
            pytest.param("", "user 17 logged in", False, id="a line of the app's log"),
            pytest.param("", {"message": "user 17 logged in"}, False, id="a structured line"),
            pytest.param("", {"input": "Rome?"}, False, id="a structured line with such a word"),
            pytest.param("app.login", {"user": 17}, False, id="the app's own event"),
            pytest.param("gen_ai.evaluation.result", {}, True, id="a judgement"),
            pytest.param("gen_ai.agent.started", {}, False, id="an event that is not read"),
        ],
    )
    def test_what_is_kept(self, make_log: Callable[..., Log], name: str, body: Any, wanted: bool) -> None:
        """
        Of all log records only those are kept that may hold messages or judgements; the app's own log lines are not.
        """
        assert READERS.knows(make_log(name, body)) is wanted

    def test_a_log_line_makes_no_genai_span(self, read_span: ReadSpan) -> None:
        """
        A line that the app logged while it served a request does not make the request a GenAI step.
        """
        assert read_span({"http.route": "/chat"}, logs=[("", "user 17 logged in")]).kind is Kind.NONE
