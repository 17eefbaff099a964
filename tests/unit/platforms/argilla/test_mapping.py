from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from spanlabel.model import Document, Evaluation, Message, Record, Text
from spanlabel.platforms.argilla.mapping import MAX_TERM, Item, Suggestion, items_of
from spanlabel.platforms.argilla.presets import Preset, preset_of
from spanlabel.platforms.argilla.shape import Found
from spanlabel.testing import EPOCH_NS, make_record, span_id, trace_id

ASKED = "Which one, and why?"
ANSWERS = ("The first.", "The second.", "The first.")


def _record(**changes: Any) -> Record:
    messages = (Message("system", (Text("Be brief."),)), Message("user", (Text(ASKED),)))
    record = make_record(7, prompt=ASKED, answer=ANSWERS[0], conversation="c-1")
    return replace(record, **{"messages": messages, **changes})


def _fields(record: Record, preset: Preset) -> list[tuple[str, dict[str, Any]]]:
    """What each page shows, after the record's id was taken out of the external id."""
    return [(one.external_id.removeprefix(record.id), dict(one.fields)) for one in items_of(record, preset)]


def _found(preset: Preset, **changes: Any) -> Found:
    """The preset's dataset as a server would hold it."""
    given: dict[str, Any] = {
        "id": "d",
        "name": "d",
        "is_published": True,
        "takes_any_metadata": preset.takes_any_metadata,
        "fields": {one.name: (one.kind, one.is_required) for one in preset.fields},
        "questions": {
            one.name: (f"id-{one.name}", one.kind, tuple(value for value, _ in one.options)) for one in preset.questions
        },
        "properties": {one.name: one.kind for one in preset.properties},
    }
    return Found(**given | changes)


CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ASKED}]
DIGEST = sha256(ASKED.encode()).hexdigest()


class TestGolden:
    """What each preset makes of one record."""

    def test_review(self) -> None:
        """
        The conversation, and the answer.
        """
        assert _fields(_record(), preset_of("review")) == [("", {"messages": CHAT, "response": "The first."})]

    def test_review_of_several_answers(self) -> None:
        """
        One page for each answer; from the second on its place is part of the id.
        """
        shown = _fields(_record(answers=ANSWERS), preset_of("review"))

        assert [(place, fields["response"]) for place, fields in shown] == [
            ("", "The first."),
            (":1", "The second."),
            (":2", "The first."),
        ]

    def test_langchain(self) -> None:
        """
        The question and the answer.
        """
        assert _fields(_record(), preset_of("langchain")) == [("", {"prompt": ASKED, "response": "The first."})]

    def test_llama_index(self) -> None:
        """
        The conversation with its answer, the documents in their places, and their scores where they have one.
        """
        documents = (Document("one", score=0.834), Document("two"), Document("three", score=0.1))

        assert _fields(_record(documents=documents), preset_of("llama-index")) == [
            (
                "",
                {
                    "chat": [*CHAT, {"role": "assistant", "content": "The first."}],
                    "retrieved_document_scores": "1: 0.834",
                    "retrieved_document_1": "one",
                    "retrieved_document_2": "two",
                },
            )
        ]

    def test_llama_index_without_documents(self) -> None:
        """
        Where nothing was retrieved there is only the conversation.
        """
        [(_, fields)] = _fields(_record(), preset_of("llama-index"))

        assert list(fields) == ["chat"]

    def test_text_generation(self) -> None:
        """
        Instruction with its sha256, and one page for each distinct answer.
        """
        head = {"id": DIGEST, "instruction": ASKED}

        assert _fields(_record(answers=ANSWERS), preset_of("distilabel-text-generation")) == [
            ("", {**head, "generation": "The first."}),
            (":1", {**head, "generation": "The second."}),
        ]

    def test_preference(self) -> None:
        """
        The answers beside each other; what does not fit on one page is on the next.
        """
        head = {"id": DIGEST, "instruction": ASKED}

        assert _fields(_record(answers=ANSWERS), preset_of("distilabel-preference", num_generations=2)) == [
            ("", {**head, "generations-0": "The first.", "generations-1": "The second."}),
            (":2", {**head, "generations-0": "The first."}),
        ]

    def test_nothing_was_asked(self) -> None:
        """
        A question without words still makes a page.
        """
        record = _record(prompt="", messages=())

        [(_, fields)] = _fields(record, preset_of("review"))
        assert fields["messages"] == [{"role": "user", "content": "(empty)"}]


class TestMetadata:
    def test_golden(self) -> None:
        """
        What is known of a record, under its own names; numbers stay numbers.
        """
        [item] = items_of(_record(), preset_of("review"))

        assert item.metadata == {
            "model": "gpt-4o-mini",
            "provider": "openai",
            "service": "app",
            "conversation_id": "c-1",
            "latency_ms": 1500,
            "input_tokens": 12,
            "output_tokens": 34,
            "skipped_steps": 0,
            "confidence": 0.95,
            "reasons": ["single_call"],
            "dialects": ["otel_genai"],
            "time": item.metadata["time"],
            "trace_id": trace_id(7),
            "span_id": span_id(1),
            "turn": 0,
        }

    def test_several_answers(self) -> None:
        """
        Each page knows which of the answers it shows.
        """
        items = items_of(_record(answers=ANSWERS), preset_of("review"))

        assert [(one.metadata["answer_number"], one.metadata["answer_count"]) for one in items] == [
            (1, 3),
            (2, 3),
            (3, 3),
        ]

    def test_types(self) -> None:
        """
        A fact that does not have its filter's type is left out instead of refused by the server.
        """
        facts = {"latency_ms": "fast", "input_tokens": True, "confidence": 1, "model": 5, "service": "x" * 900}
        [item] = items_of(_record(metadata=facts), preset_of("review"))

        assert item.metadata == {
            "latency_ms": None,
            "input_tokens": None,
            "confidence": 1.0,
            "model": "5",
            "service": "x" * (MAX_TERM - 1) + "…",
        }
        assert isinstance(item.metadata["confidence"], float)

    @pytest.mark.parametrize("name", ["distilabel-text-generation", "distilabel-preference"])
    def test_distilabel_has_none(self, name: str) -> None:
        """
        distilabel's datasets take no metadata.
        """
        assert [one.metadata for one in items_of(_record(answers=ANSWERS), preset_of(name))] == [{}, {}]

    def test_only_what_the_dataset_takes(self) -> None:
        """
        In somebody else's dataset only facts with a place of their own are written, in that place's type.
        """
        preset = preset_of("review")
        found = _found(preset, takes_any_metadata=False, properties={"model": "terms", "turn": "float"})
        [item] = items_of(_record(), preset)

        assert item.body(found)["metadata"] == {"model": "gpt-4o-mini", "turn": 0.0}


class TestSuggestions:
    def _offered(self, *judgements: Evaluation, preset: str = "review") -> dict[str, Suggestion]:
        return dict(items_of(_record(suggestions=judgements), preset_of(preset, num_generations=2))[0].suggestions)

    def test_none_of_our_own(self) -> None:
        """
        Without a judgement nothing is offered.
        """
        assert self._offered() == {}

    def test_each_kind(self) -> None:
        """
        A judgement that has a question's name and a source is offered in the question's form.
        """
        offered = self._offered(
            Evaluation("Quality", score=4.0, source="human"),
            Evaluation("verdict", label="Good", source="judge-1"),
            Evaluation("issues", label="incomplete", source="llm"),
            Evaluation("feedback", explanation="<b>Nice", source="llm"),
        )

        assert offered == {
            "quality": Suggestion(4, "human", "human"),
            "verdict": Suggestion("good", "judge-1", "model"),
            "issues": Suggestion(["incomplete"], "llm", "model"),
            "feedback": Suggestion("<\N{WORD JOINER}b>Nice", "llm", "model"),
        }

    @pytest.mark.parametrize(
        "judgement",
        [
            pytest.param(Evaluation("quality", score=4.0), id="no source"),
            pytest.param(Evaluation("quality", score=0.8, source="llm"), id="another scale"),
            pytest.param(Evaluation("quality", score=6.0, source="llm"), id="out of bounds"),
            pytest.param(Evaluation("quality", label="good", source="llm"), id="another form"),
            pytest.param(Evaluation("helpfulness", score=4.0, source="llm"), id="another question"),
            pytest.param(Evaluation("verdict", label="fine", source="llm"), id="unknown word"),
        ],
    )
    def test_what_does_not_fit(self, judgement: Evaluation) -> None:
        """
        A judgement without a source, on another scale or of another thing is not offered.
        """
        assert self._offered(judgement) == {}

    def test_the_first_counts(self) -> None:
        """
        Of several judgements of one thing the first is offered.
        """
        offered = self._offered(*(Evaluation("quality", score=score, source="llm") for score in (2.0, 5.0)))

        assert offered["quality"].value == 2

    def test_preference(self) -> None:
        """
        Ratings, also written as text, and their reasons go to the answer that they name.
        """
        offered = self._offered(
            Evaluation("generations-0-rating", score=5.0, explanation="clear", source="llm"),
            Evaluation("generations-1-rating", label="2", source="llm"),
            preset="distilabel-preference",
        )

        assert {name: one.value for name, one in offered.items()} == {
            "generations-0-rating": 5,
            "generations-0-rationale": "clear",
            "generations-1-rating": 2,
        }

    def test_the_author_is_named_so_that_argilla_takes_it(self) -> None:
        """
        What Argilla refuses in a name is left out of it.
        """
        offered = self._offered(Evaluation("quality", score=1.0, source="<judge> №1 (v2)"))

        assert offered["quality"].agent == "judge 1 v2"

    def test_only_what_the_dataset_asks(self) -> None:
        """
        In somebody else's dataset a suggestion is left out where the question is missing or has other options.
        """
        preset = preset_of("review")
        questions = {"quality": ("q", "rating", (1, 2, 3)), "verdict": ("v", "label_selection", ("good", "bad"))}
        judged = (Evaluation("quality", score=5.0, source="a"), Evaluation("verdict", label="bad", source="a"))
        [item] = items_of(_record(suggestions=(*judged, Evaluation("feedback", label="x", source="a"))), preset)

        assert item.body(_found(preset, questions=questions))["suggestions"] == [
            {"question_id": "v", "value": "bad", "agent": "a", "type": "model"}
        ]


@pytest.mark.parametrize("name", ["review", "langchain", "llama-index", "distilabel-text-generation"])
def test_body(name: str) -> None:
    """
    What is sent is JSON, names every part that the server asks for, and is the same for the same record.
    """
    preset = preset_of(name)
    bodies = [[item.body(_found(preset)) for item in items_of(_record(), preset)] for _ in range(2)]

    assert json.dumps(bodies[0]) == json.dumps(bodies[1])
    assert list(bodies[0][0]) == ["external_id", "fields", "metadata", "suggestions"]


def test_no_answers_listed() -> None:
    """
    A record that lists no answers has one.
    """
    [item] = items_of(_record(answers=(), answer="only", time_ns=EPOCH_NS), preset_of("langchain"))

    assert isinstance(item, Item)
    assert item.fields["response"] == "only"
