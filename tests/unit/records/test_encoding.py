import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.model import (
    Document,
    Evaluation,
    Media,
    Message,
    Reasoning,
    Record,
    Text,
    ToolCall,
    ToolResult,
)
from spanlabel.records import content_hash, from_json, record_of, to_json
from spanlabel.testing import make_pair, make_record

from .test_cleaning import any_text, any_value

_text = st.text(max_size=40)
_maybe = st.none() | _text
_number = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)
_parts = st.one_of(
    st.builds(Text, _text),
    st.builds(Reasoning, _text),
    st.builds(ToolCall, _text, _json, _maybe),
    st.builds(ToolResult, _json, _maybe),
    st.builds(Media, _text, _maybe, _maybe),
)
_messages = st.builds(Message, _text, st.lists(_parts, max_size=4).map(tuple), _maybe, _maybe)
_facts = st.one_of(
    _text,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.lists(_text, max_size=3).map(tuple),
)
_records = st.builds(
    Record,
    id=_text,
    trace_id=_text,
    prompt=_text,
    answer=_text,
    answers=st.lists(_text, max_size=3).map(tuple),
    messages=st.lists(_messages, max_size=3).map(tuple),
    metadata=st.dictionaries(_text, _facts, max_size=4),
    documents=st.lists(
        st.builds(Document, _text, _maybe, _number, st.none() | st.dictionaries(_text, _json, max_size=3)), max_size=2
    ).map(tuple),
    suggestions=st.lists(st.builds(Evaluation, _text, _number, _maybe, _maybe, _maybe), max_size=2).map(tuple),
    time_ns=st.integers(0, 2**63 - 1),
)


@given(_records)
def test_nothing_is_lost_on_the_way(record: Record) -> None:
    """
    A record read back from the outbox is the one that was put there.
    """
    text = to_json(record)

    assert from_json(text) == record
    assert "\n" not in text
    assert to_json(from_json(text)) == text


@given(
    prompt=any_text,
    answers=st.lists(any_text, min_size=1, max_size=3),
    arguments=any_value,
    app=st.dictionaries(any_text, any_value, max_size=4),
)
def test_every_record_that_is_made_survives(
    prompt: str, answers: list[str], arguments: object, app: dict[str, object]
) -> None:
    """
    Whatever the spans held: what `record_of` makes of it can be stored and comes back whole.
    """
    pair = replace(
        make_pair(),
        prompt=prompt,
        answer=answers[0],
        answers=tuple(answers),
        messages=(Message("user", (Text(prompt), ToolCall("f", arguments))),),
        metadata=app,
        documents=(Document(prompt, metadata=app),),
    )
    record = record_of(pair)

    text = to_json(record)

    assert from_json(text.encode().decode()) == record


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '"text"',
        "[" * 100_000,
        '{"id": 1}',
        to_json(make_record()).replace('"text"', '"sound"'),
        to_json(make_record()).replace('"content"', '"contents"'),
    ],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    """
    A damaged row is told from a record.
    """
    with pytest.raises(ValueError, match=r"not a record|Expecting|no part of a message"):
        from_json(text)


class TestHash:
    def test_equal_records(self) -> None:
        """
        The same spans read again are recognised as the same, whatever order their facts came in.
        """
        record = make_record()
        turned = replace(record, metadata=dict(reversed(record.metadata.items())))

        assert content_hash(record) == content_hash(turned)

    @pytest.mark.parametrize("name", [field.name for field in fields(Record)])
    def test_any_change_shows(self, name: str) -> None:
        """
        Whatever a reviewer would see differently makes a new version.
        """
        record = make_record()
        changes = {
            "id": "other",
            "trace_id": "other",
            "prompt": "other",
            "answer": "other",
            "answers": ("answer 1", "other"),
            "messages": (Message("system", (Text("question 1"),)),),
            "metadata": {**record.metadata, "latency_ms": 1501},
            "documents": (Document("other"),),
            "suggestions": (Evaluation("other"),),
            "time_ns": 1,
        }

        assert content_hash(replace(record, **{name: changes[name]})) != content_hash(record)


def test_parts_bear_the_names_of_the_conventions() -> None:
    """
    A person who knows OpenTelemetry's message schema can read the messages.
    """
    message = Message(
        "assistant",
        (
            Text("t"),
            Reasoning("r"),
            ToolCall("f", {"a": 1}, "1"),
            ToolResult("ok", "1"),
            Media("image", None, "https://x"),
        ),
        finish_reason="stop",
    )

    [found] = json.loads(to_json(replace(make_record(), messages=(message,))))["messages"]

    assert found == {
        "role": "assistant",
        "finish_reason": "stop",
        "parts": [
            {"type": "text", "content": "t"},
            {"type": "reasoning", "content": "r"},
            {"type": "tool_call", "name": "f", "arguments": {"a": 1}, "id": "1"},
            {"type": "tool_call_response", "response": "ok", "id": "1"},
            {"type": "media", "modality": "image", "uri": "https://x"},
        ],
    }
