"""Every preset on a real Argilla: made, filled, answered, read back."""

from __future__ import annotations

import contextlib
import urllib.error
from dataclasses import replace
from typing import Any

import pytest
from servers.argilla import Stage

from spanlabel.model import Document, Evaluation, Message, Record, Text
from spanlabel.platforms.argilla.datasets import preset_for
from spanlabel.platforms.argilla.reader import read_answers
from spanlabel.platforms.argilla.shape import Question
from spanlabel.ports import Outcome
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration

PRESETS = ["review", "langchain", "llama-index", "distilabel-text-generation", "distilabel-preference"]

TYPED = "<b>Better</b> ![so](x)"


def _record() -> Record:
    """With all that a preset may show."""
    messages = (Message("system", (Text("Be brief."),)), Message("user", (Text("Which one?"),)))
    judged = [("quality", 2.0), ("response-rating", 2.0), ("generations-0-rating", 2.0)]
    return replace(
        make_record(1, prompt="Which one?", answer="The first.", conversation="c-1"),
        messages=messages,
        answers=("The first.", "The <i>second</i>."),
        documents=(Document("one", score=0.9), Document("two")),
        suggestions=tuple(Evaluation(name, score=score, source="judge") for name, score in judged),
    )


def _answer_to(question: Question) -> object:
    """What a reviewer might answer."""
    match question.kind:
        case "text":
            return TYPED
        case "multi_label_selection":
            return [value for value, _ in question.options[:2]]
        case _:
            return question.options[-1][0]


@pytest.mark.parametrize("name", PRESETS)
class TestEveryPreset:
    def test_round_trip(self, stage: Stage, name: str) -> None:
        """
        The dataset is made as the preset says, the record is there, is answered, stays as it is, and what was
        answered is read back.
        """
        settings = stage.settings(preset=name)
        preset = preset_for(settings)
        writer = stage.open(preset=name)
        record = _record()
        assert writer.write([record], timeout_s=60) == [Outcome.DELIVERED]

        _check_dataset(stage, name)
        shown = stage.records()
        n = 1 if name == "distilabel-preference" else 2
        assert list(shown) == [record.id, f"{record.id}:1"][:n]

        answers = {question.name: _answer_to(question) for question in preset.questions}
        for external_id in shown:
            stage.respond(external_id, answers)
        assert {one["status"] for one in stage.records().values()} == {"completed"}

        changed = replace(record, answer="new", answers=("new", "newer"), prompt="new")
        assert writer.write([changed], timeout_s=60) == [Outcome.KEPT]
        assert {key: one["fields"] for key, one in stage.records().items()} == {
            key: one["fields"] for key, one in shown.items()
        }
        found = list(read_answers(settings))
        assert [(one.record_id, one.place) for one in found] == [(record.id, place) for place in range(n)]
        assert all(one.status == "submitted" and one.values == answers for one in found)

    def test_suggestions(self, stage: Stage, name: str) -> None:
        """
        A judgement that the spans carried is offered, with its source; nothing else is.
        """
        writer = stage.open(preset=name)
        writer.write([_record(), make_record(2)], timeout_s=60)

        offered = {
            key: [(one["value"], one["agent"], one["type"]) for one in record["suggestions"]]
            for key, record in stage.records().items()
        }

        given = [] if name == "distilabel-text-generation" else [(2, "judge", "model")]
        assert offered.pop(_record().id) == given
        assert set(map(tuple, offered.values())) == {()}


def _check_dataset(stage: Stage, name: str) -> None:
    """What the server holds is what the preset says."""
    preset = preset_for(stage.settings(preset=name))
    dataset_id = stage.server.dataset_id(stage.name)
    whole = stage.server.call("GET", f"/datasets/{dataset_id}")
    assert (whole["status"], whole["guidelines"]) == ("ready", preset.guidelines)
    for kind, parts in (("fields", preset.fields), ("questions", preset.questions)):
        there = stage.server.call("GET", f"/datasets/{dataset_id}/{kind}")["items"]
        assert [_only(one, part.body()) for one, part in zip(there, parts, strict=True)] == [
            part.body() for part in parts
        ]
    properties = stage.server.call("GET", f"/me/datasets/{dataset_id}/metadata-properties")["items"]
    assert [(one["name"], one["settings"]["type"]) for one in properties] == [
        (one.name, one.kind) for one in preset.properties
    ]


def _only(found: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Of what the server holds only what was asked for; it adds more by itself."""
    return {
        key: _only(found[key], value)
        if isinstance(value, dict)
        else [_only(one, wanted) for one, wanted in zip(found[key], value, strict=True)]
        if isinstance(value, list)
        else found[key]
        for key, value in asked.items()
    }


class TestMetadata:
    def test_can_be_filtered_by(self, stage: Stage) -> None:
        """
        A reviewer finds the records of a model, and those that took long.
        """
        writer = stage.open()
        writer.write([make_record(n, model=f"model-{n}") for n in (1, 2)], timeout_s=60)
        place = f"/datasets/{stage.server.dataset_id(stage.name)}/records/search"

        def count(filter_: dict[str, Any]) -> int:
            return int(stage.server.call("POST", place, {"filters": {"type": "and", "and": [filter_]}})["total"])

        by = {"entity": "metadata", "metadata_property": "model"}
        assert count({"type": "terms", "scope": by, "values": ["model-1"]}) == 1
        slow = {"entity": "metadata", "metadata_property": "latency_ms"}
        assert [count({"type": "range", "scope": slow, "ge": ms}) for ms in (1000, 2000)] == [2, 0]

    def test_long_facts(self, stage: Stage) -> None:
        """
        Facts of any length and script are indexed, so that the record is found.
        """
        writer = stage.open()
        facts = {"model": "𝔪" * 1_000, "service": "日" * 40_000, "app.note": "x" * 100_000}
        writer.write([replace(make_record(1), metadata=facts)], timeout_s=60)

        place = f"/datasets/{stage.server.dataset_id(stage.name)}/records/search"
        assert stage.server.call("POST", place, {})["total"] == 1


class TestReading:
    def test_discarded_without_values(self, stage: Stage) -> None:
        """
        A discarded answer without values is read as such; records of somebody else are passed over.
        """
        writer = stage.open()
        writer.write([make_record(1)], timeout_s=60)
        [found] = stage.records().values()
        with contextlib.suppress(urllib.error.HTTPError):  # it stores the answer, and then fails to index it
            stage.server.call("POST", f"/records/{found['id']}/responses", {"status": "discarded", "values": None})
        strange = {"fields": {"messages": [{"role": "user", "content": "x"}], "response": "y"}}
        stage.server.call("POST", f"/datasets/{found['dataset_id']}/records/bulk", {"items": [strange]})

        [answer] = read_answers(stage.settings())

        assert (answer.record_id, answer.status, answer.values) == (make_record(1).id, "discarded", {})
