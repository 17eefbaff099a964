"""Opaque inputs and outputs: only what a person would read becomes text; a state or a repr never does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spanlabel.dialects._dialect import io_of
from spanlabel.dialects._io import read_io
from spanlabel.model import ContentState, Message, Text


def user(text: str) -> Message:
    return Message("user", (Text(text),))


def assistant(text: str) -> Message:
    return Message("assistant", (Text(text),))


HUMAN = {"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Rome?"}}
AI = {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs": {"content": "Sunny."}}


class TestInput:
    @pytest.mark.parametrize(
        ("value", "text", "key"),
        [
            pytest.param("How warm is it?", "How warm is it?", None, id="text"),
            pytest.param('"How warm is it?"', "How warm is it?", None, id="JSON text"),
            pytest.param({"question": "How warm is it?"}, "How warm is it?", None, id="a known key"),
            pytest.param({"x": 1, "query": "How warm is it?"}, "How warm is it?", None, id="a known key among others"),
            pytest.param({"country": "Italy"}, "Italy", "country", id="one unknown key"),
            pytest.param({"country": "Italy", "year": None, "tags": []}, "Italy", "country", id="one filled key"),
            pytest.param({"country": "Italy", "city": "Rome"}, None, None, id="several unknown keys"),
            pytest.param(
                {"args": ["How warm is it?"], "kwargs": {}}, "How warm is it?", None, id="arguments of a call"
            ),
            pytest.param({"args": [], "kwargs": {"question": "Rome?"}}, "Rome?", None, id="keyword arguments"),
            pytest.param(
                {"args": ["<App object at 0x7f00>", "Rome?"], "kwargs": {}}, "Rome?", None, id="self and a text"
            ),
            pytest.param({"args": [], "kwargs": {}}, None, None, id="a call without arguments"),
            pytest.param({"args": ["Rome?"], "kwargs": {"user": "ann"}}, "Rome?", None, id="a question and a user"),
            pytest.param({"args": ["ann"], "kwargs": {"question": "Rome?"}}, "Rome?", None, id="a user and a question"),
            pytest.param({"messages": "Rome?"}, "Rome?", None, id="a text by the name of messages"),
            pytest.param({"ev": "StartEvent()"}, None, None, id="an object without fields, as Python prints it"),
            pytest.param(
                {"inputs": {"input": "Rome?"}, "tags": [], "metadata": {}, "kwargs": {"name": "x"}},
                "Rome?",
                None,
                id="OpenLLMetry's LangChain wrapper",
            ),
            pytest.param({"inputs": "Rome?"}, "Rome?", None, id="a wrapped text"),
            pytest.param({"input": {"input": {"input": "Rome?"}}}, "Rome?", None, id="wrapped several times"),
            pytest.param("{'question': 'Rome?', 'n': None}", "Rome?", None, id="a Python literal"),
            pytest.param({"comp": {"query": "Rome?"}, "other": {}}, "Rome?", None, id="keyed by component"),
            pytest.param(42, "42", None, id="a number"),
            pytest.param([{"question": "Rome?"}], "Rome?", None, id="a list of one"),
            pytest.param(["Rome?", "Oslo?"], "Rome?", None, id="the first of several"),
            pytest.param({"a": {"query": "Rome?"}, "b": {"query": "Oslo?"}}, "Rome?", None, id="the first component"),
            pytest.param({"input": {"role": "user", "content": "Rome?"}}, "Rome?", None, id="one new message"),
        ],
    )
    def test_text(self, value: Any, text: str | None, key: str | None) -> None:
        """
        The question is found in what a function took, whatever stands around it; the only unknown field is named,
        because it may be a template's variable.
        """
        for given in (value, json.dumps(value)) if not isinstance(value, str) else (value,):
            found = read_io(given, is_input=True)

            assert (found.text if found else None, found.key if found else None) == (text, key)

    @pytest.mark.parametrize(
        ("value", "messages"),
        [
            pytest.param({"messages": [{"role": "user", "content": "Rome?"}]}, (user("Rome?"),), id="a state"),
            pytest.param({"messages": [HUMAN], "jumpTo": None}, (user("Rome?"),), id="a state of constructors"),
            pytest.param([[HUMAN, AI]], (user("Rome?"), assistant("Sunny.")), id="a batch"),
            pytest.param(
                {"chat_history": [HUMAN, AI], "question": "And Oslo?"},
                (user("Rome?"), assistant("Sunny."), user("And Oslo?")),
                id="history and question",
            ),
            pytest.param(
                "{'role': 'user', 'content': 'Rome?'}\n{'role': 'assistant', 'content': 'Sunny.'}",
                (user("Rome?"), assistant("Sunny.")),
                id="messages as Python prints them, one a line",
            ),
            pytest.param(
                {"model": "m", "instructions": "Be brief.", "input": "Rome?"},
                (Message("system", (Text("Be brief."),)), user("Rome?")),
                id="a request with instructions apart",
            ),
            pytest.param(
                {"model": "m", "system": "Be brief.", "messages": [{"role": "user", "content": "Rome?"}]},
                (Message("system", (Text("Be brief."),)), user("Rome?")),
                id="a request with a system prompt apart",
            ),
            pytest.param(
                {"model": "m", "instructions": "<x.Omit object at 0x7f19>", "messages": [HUMAN]},
                (user("Rome?"),),
                id="a request that leaves the instructions out",
            ),
        ],
    )
    def test_messages(self, value: Any, messages: tuple[Message, ...]) -> None:
        """
        Messages inside a state are read as messages.
        """
        found = read_io(value if isinstance(value, str) else json.dumps(value), is_input=True)

        assert found is not None
        assert found.messages == messages

    def test_a_printed_line_that_is_no_message(self) -> None:
        """
        Text of which only the first line looks like a printed message is what the user said, to the letter.
        """
        text = "{'role': 'user', 'content': 'Rome?'}\nWhat does this line mean?"

        found = read_io(text, is_input=True)

        assert found is not None
        assert (found.text, found.messages) == (text, ())


class TestOutput:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            pytest.param("Sunny.", "Sunny.", id="text"),
            pytest.param({"answer": "Sunny.", "sources": []}, "Sunny.", id="a known key"),
            pytest.param({"outputs": {"output": "Sunny."}, "kwargs": {}}, "Sunny.", id="a wrapped output"),
            pytest.param({"outputs": "Sunny."}, "Sunny.", id="a wrapped text"),
            pytest.param({"llm": {"replies": ["Sunny."]}}, "Sunny.", id="Haystack's component"),
            pytest.param({"degrees": 21, "sky": "clear"}, '{"degrees": 21, "sky": "clear"}', id="plain data"),
            pytest.param(
                {"messages": [], "structured_response": {"degrees": 21}}, '{"degrees": 21}', id="structured response"
            ),
            pytest.param(
                {"structured_response": {"lc": 1, "type": "constructor", "id": ["x"], "kwargs": {"degrees": 21}}},
                '{"degrees": 21}',
                id="structured response, as LangChain writes it",
            ),
            pytest.param({"a": {"result": "A draft."}, "b": {"result": "Sunny."}}, "Sunny.", id="the last component"),
            pytest.param(["Sunny.", "Warm."], "Sunny.", id="the first of several texts"),
            pytest.param(
                "ToolCall(name='python', arguments='f()')FinalAnswerStep(output=\"It's sunny.\")",
                "It's sunny.",
                id="a streamed run of smolagents, as Python prints it",
            ),
        ],
    )
    def test_text(self, value: Any, text: str | None) -> None:
        """
        The answer is found in what a function gave; data of several fields is shown as JSON.
        """
        found = read_io(value if isinstance(value, str) else json.dumps(value), is_input=False)

        assert found is not None
        assert found.text == text

    @pytest.mark.parametrize(
        ("value", "messages"),
        [
            pytest.param({"messages": [HUMAN, AI]}, (user("Rome?"), assistant("Sunny.")), id="a state"),
            pytest.param(
                [{"graph": None, "update": {"messages": [AI]}}], (assistant("Sunny."),), id="a LangGraph command"
            ),
            pytest.param(
                {"generations": [[{"text": "Sunny.", "message": AI}]]}, (assistant("Sunny."),), id="generations"
            ),
            pytest.param(
                [{"draft": {"messages": [HUMAN]}}, {"final": {"messages": [AI]}}],
                (assistant("Sunny."),),
                id="the last of several states",
            ),
        ],
    )
    def test_messages(self, value: Any, messages: tuple[Message, ...]) -> None:
        """
        Messages inside a result are read as messages.
        """
        found = read_io(json.dumps(value), is_input=False)

        assert found is not None
        assert found.messages == messages


class TestNeverText:
    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("<app.Agent object at 0x7f3a2b>", id="object"),
            pytest.param("<function answer at 0x7f3a2b>", id="function"),
            pytest.param("<async_generator object f at 0x7f>", id="generator"),
            pytest.param("StopEvent(result=AgentOutput(response='Sunny.'))", id="LlamaIndex event"),
            pytest.param("content='Sunny.' additional_kwargs={}", id="str() of a LangChain message"),
            pytest.param("messages=[HumanMessage(content='Rome?')]", id="str() of a state"),
            pytest.param("AIMessage(content='Sunny.')", id="repr of a message"),
        ],
    )
    @pytest.mark.parametrize("is_input", [True, False], ids=["input", "output"])
    def test_repr(self, value: str, is_input: bool) -> None:
        """
        How Python prints an object is never shown to a person, alone or in a field.
        """
        for given in (value, {"result": value, "question": value}, {"some_field": value}, [value]):
            found = read_io(given, is_input=is_input)

            assert found is None or (found.text is None and not found.messages)

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param({"goto": "tools", "messages": []}, id="routing"),
            pytest.param({"messages": [], "session_id": "x", "run_id": "y"}, id="empty state"),
            pytest.param({"intermediate_steps": ["a"], "degrees": 21}, id="steps"),
            pytest.param("__end__", id="end of a graph"),
            pytest.param({"next": "__end__"}, id="end of a graph in a field"),
            pytest.param({"error_code": "timeout", "error_message": "It took too long."}, id="a failure"),
        ],
    )
    def test_state(self, value: Any) -> None:
        """
        A graph's state, its routing words and its failures are no answers.
        """
        found = read_io(value if isinstance(value, str) else json.dumps(value), is_input=False)

        assert found is None or (found.text is None and not found.messages)

    def test_a_rendered_prompt(self) -> None:
        """
        What a prompt template gave out is what the model will be asked, and no answer.
        """
        value = {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "ChatPromptValue"],
            "kwargs": {"messages": [HUMAN]},
        }

        found = read_io(json.dumps(value), is_input=False)

        assert found is not None
        assert (found.text, found.messages) == (None, (user("Rome?"),))

    @pytest.mark.parametrize("value", [None, "", "  ", [], {}, (), {"a": None, "b": []}, "{}", "[]"], ids=repr)
    def test_nothing(self, value: Any) -> None:
        """
        Empty values are nothing.
        """
        found = read_io(value, is_input=True)

        assert found is None or (found.text is None and not found.messages)

    @pytest.mark.parametrize(
        "text", ["Compute f(x) for me.", "x is <b>bold</b>", "E = mc(2)", "Rome (Italy)", "{unclosed"]
    )
    def test_sentences_that_look_a_little_like_it(self, text: str) -> None:
        """
        Sentences with brackets in them are sentences.
        """
        found = read_io(text, is_input=True)

        assert found is not None
        assert found.text == text


class TestState:
    @pytest.mark.parametrize("text", ["__REDACTED__", " [REDACTED] ", '"__REDACTED__"', '{"question": "<REDACTED>"}'])
    def test_redacted(self, text: str) -> None:
        """
        A placeholder for content that was taken away is never shown, and is known as redacted.
        """
        found = io_of(text, is_input=True)

        assert found is not None
        assert (found.text, found.messages, found.state) == (None, (), ContentState.REDACTED)

    def test_cut(self) -> None:
        """
        What a length limit cut is shown as far as it came, and is known as cut.
        """
        found = io_of('{"question": "How warm is it in Ro', is_input=True)

        assert found is not None
        assert (found.text, found.state) == ("How warm is it in Ro", ContentState.TRUNCATED)

    @pytest.mark.parametrize("text", ["{}", "null", "[]", " {} "])
    def test_placeholders_of_nothing(self, text: str) -> None:
        """
        An empty object that a tracer writes when it has nothing is nothing.
        """
        assert io_of(text, is_input=True) is None
