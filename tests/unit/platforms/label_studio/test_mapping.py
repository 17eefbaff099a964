from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spanlabel.model import Document, Evaluation, Media, Message, Reasoning, Record, Text, ToolCall, ToolResult
from spanlabel.platforms.label_studio.binding import bind
from spanlabel.platforms.label_studio.config import PresetName
from spanlabel.platforms.label_studio.layout import read_layout
from spanlabel.platforms.label_studio.mapping import conversation, details_text, is_swapped, to_task
from spanlabel.platforms.label_studio.presets import named_preset
from spanlabel.testing import make_record

GOLDEN = Path(__file__).parent / "golden"
OWN_PRESETS = [name for name in PresetName if name is not PresetName.CUSTOM]


def _rich() -> Record:
    """A record with everything."""
    record = make_record(3, prompt="Is it 5 > 3?", answer="Yes.", conversation="c-1")
    return replace(
        record,
        answers=("Yes.", "It is."),
        messages=(
            Message("system", (Text("Be brief."),)),
            Message("user", (Text("Look at this"), Media("image", "image/png", "https://example.com/a.png"))),
            Message("assistant", (Reasoning("hm"), ToolCall("look", {"at": "a.png"}, "1"))),
            Message("tool", (ToolResult({"seen": "a cat"}, "1"),), name="look"),
            Message("assistant", (Text("A cat."),)),
            Message("user", (Text("Is it 5 > 3?"),)),
        ),
        metadata={**record.metadata, "tags": ("beta", "eu"), "app.tenant": "acme"},
        documents=(Document("Numbers have an order.", "doc-7", 0.8123), Document("More.")),
        suggestions=(Evaluation("toxicity", 0.0, "none", "all fine", "llm"),),
    )


class TestGolden:
    @pytest.mark.parametrize("name", OWN_PRESETS, ids=lambda name: name.value)
    def test_task(self, name: PresetName) -> None:
        """
        The task of each preset is, value by value, what is written down beside this test.
        """
        task = to_task(_rich(), bind(named_preset(name).layout))

        assert task == json.loads((GOLDEN / f"{name.value}.json").read_text(encoding="utf-8"))

    @pytest.mark.parametrize("name", OWN_PRESETS, ids=lambda name: name.value)
    def test_is_json(self, name: PresetName) -> None:
        """
        Every task can be sent as it is.
        """
        task = to_task(_rich(), bind(named_preset(name).layout))

        assert json.loads(json.dumps(task, allow_nan=False)) == task


class TestConversation:
    def test_ends_with_the_question(self) -> None:
        """
        Where the messages do not hold what the user asked, the question stands below them.
        """
        record = replace(make_record(1), messages=(Message("system", (Text("Be brief."),)),))

        assert conversation(record)[-1] == ("user", "question 1")

    def test_a_template_around_the_question(self) -> None:
        """
        Where a template was sent with the question in it, the question is not repeated.
        """
        record = replace(make_record(1), messages=(Message("user", (Text("Answer briefly: question 1"),)),))

        assert conversation(record) == [("user", "Answer briefly: question 1")]

    def test_no_messages(self) -> None:
        """
        Without messages the question alone is the conversation.
        """
        assert conversation(replace(make_record(1), messages=())) == [("user", "question 1")]


class TestNothing:
    @pytest.mark.parametrize("name", [PresetName.REVIEW, PresetName.PROMPT], ids=lambda name: name.value)
    def test_no_list_is_empty(self, name: PresetName) -> None:
        """
        Where nothing was retrieved or said before, that is said: Label Studio's page breaks over an empty list.
        """
        data = to_task(make_record(1), bind(named_preset(name).layout))["data"]

        assert [{"—", "none"}] in [
            [set(one.values()) for one in value] for value in data.values() if type(value) is list
        ]


class TestPairs:
    def test_order(self) -> None:
        """
        About half of all records show their answers in the other order, each always the same, and say in which.
        """
        binding = bind(named_preset(PresetName.PREFERENCE).layout)
        swapped = 0
        for number in range(400):
            record = replace(make_record(number), answers=("first", "second"))
            data = to_task(record, binding)["data"]
            assert [data["response_a"], data["response_b"]] == data["answer_order"]
            assert data == to_task(record, binding)["data"]
            swapped += is_swapped(record.id)

        assert 160 < swapped < 240

    def test_blind(self) -> None:
        """
        Nothing that the page shows tells which model answered.
        """
        data = to_task(_rich(), bind(named_preset(PresetName.PREFERENCE).layout))["data"]

        assert "gpt" not in json.dumps(data)
        assert "openai" not in json.dumps(data)

    def test_one_answer(self) -> None:
        """
        A record with one answer has no place on a page of two.
        """
        with pytest.raises(ValueError, match="the record has one"):
            to_task(make_record(1), bind(named_preset(PresetName.PREFERENCE).layout))


class TestDetails:
    def test_only_what_is_known(self) -> None:
        """
        A fact that is not known has no line; the record's id always has one.
        """
        assert details_text(Record("the-id", "0" * 32, "q", "a", ("a",), (), {})) == f"{'record':<15}the-id"

    def test_facts_alone(self) -> None:
        """
        A fact that is shown alone and is not known says so: Label Studio refuses a task without it.
        """
        page = '<View><Text name="p" value="$prompt"/><Text name="r" value="$response"/>{}</View>'
        shown = page.format('<Text name="a" value="$agent"/><Text name="t" value="$app_tenant"/>')

        data = to_task(_rich(), bind(read_layout(shown)))["data"]

        assert (data["agent"], data["app_tenant"]) == ("not known", "acme")
