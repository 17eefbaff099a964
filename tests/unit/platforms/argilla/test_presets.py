from __future__ import annotations

import pytest

from spanlabel.platforms.argilla.presets import preset_of

NAMES = ["review", "langchain", "llama-index", "distilabel-text-generation", "distilabel-preference"]


def _fields(name: str, **counts: int) -> list[tuple[str, str, bool]]:
    return [(field.name, field.kind, field.is_required) for field in preset_of(name, **counts).fields]


def _questions(name: str, **counts: int) -> list[tuple[str, str, bool, list[object]]]:
    return [
        (one.name, one.kind, one.is_required, [value for value, _ in one.options])
        for one in preset_of(name, **counts).questions
    ]


ONE_TO = {most: list(range(1, most + 1)) for most in (5, 7)}


class TestReview:
    def test_shape(self) -> None:
        """
        A chat, an answer, and five questions of which one must be answered.
        """
        assert _fields("review") == [("messages", "chat", True), ("response", "text", True)]
        assert _questions("review") == [
            ("quality", "rating", True, ONE_TO[5]),
            ("verdict", "label_selection", False, ["good", "bad", "unsure"]),
            (
                "issues",
                "multi_label_selection",
                False,
                ["incorrect", "off_topic", "incomplete", "unsafe", "style"],
            ),
            ("correction", "text", False, []),
            ("feedback", "text", False, []),
        ]

    def test_filters(self) -> None:
        """
        Records can be found by model, service, conversation, trace and span, tokens, latency and confidence.
        """
        assert {one.name: one.kind for one in preset_of("review").properties} == {
            "model": "terms",
            "service": "terms",
            "conversation_id": "terms",
            "latency_ms": "integer",
            "input_tokens": "integer",
            "output_tokens": "integer",
            "confidence": "float",
            "trace_id": "terms",
            "span_id": "terms",
        }


class TestLangchain:
    def test_shape(self) -> None:
        """
        The handler's fields, and the questions of its documentation.
        """
        assert _fields("langchain") == [("prompt", "text", True), ("response", "text", True)]
        assert _questions("langchain") == [
            ("response-rating", "rating", True, ONE_TO[5]),
            ("response-feedback", "text", False, []),
        ]


class TestLlamaIndex:
    def test_shape(self) -> None:
        """
        The handler's names; documents are never required, so that a record without them passes.
        """
        assert _fields("llama-index") == [
            ("chat", "chat", True),
            ("retrieved_document_scores", "text", False),
            ("retrieved_document_1", "text", False),
            ("retrieved_document_2", "text", False),
        ]
        assert _questions("llama-index") == [
            ("response-rating", "rating", True, ONE_TO[7]),
            ("response-feedback", "text", False, []),
            ("rating_retrieved_document_1", "rating", False, ONE_TO[7]),
            ("rating_retrieved_document_2", "rating", False, ONE_TO[7]),
        ]

    def test_without_documents(self) -> None:
        """
        An application without retrieval asks for none.
        """
        assert [name for name, *_ in _fields("llama-index", number_of_retrievals=0)] == ["chat"]
        assert len(_questions("llama-index", number_of_retrievals=0)) == 2


ID = "For programs: id of the question (nothing to judge)"


class TestDistilabel:
    """Names, kinds, options and what is required: as distilabel 1.5.3 makes them. Titles are for the reviewer."""

    def test_text_generation(self) -> None:
        """
        The dataset of TextGenerationToArgilla.
        """
        preset = preset_of("distilabel-text-generation")

        assert [(one.name, one.title, one.is_required) for one in preset.fields] == [
            ("instruction", "The question", True),
            ("generation", "The answer to judge", True),
            ("id", ID, True),
        ]
        [quality] = preset.questions
        assert quality.body() == {
            "name": "quality",
            "title": "Is this a good answer to the question?",
            "required": True,
            "settings": {
                "type": "label_selection",
                "options": [{"value": "bad", "text": "👎"}, {"value": "good", "text": "👍"}],
            },
        }
        assert (preset.properties, preset.takes_any_metadata) == ((), False)

    def test_preference(self) -> None:
        """
        The dataset of PreferenceToArgilla.
        """
        preset = preset_of("distilabel-preference", num_generations=3)

        assert [(one.name, one.title, one.is_required) for one in preset.fields] == [
            ("instruction", "The question", True),
            ("generations-0", "Answer A", True),
            ("generations-1", "Answer B", False),
            ("generations-2", "Answer C", False),
            ("id", ID, True),
        ]
        assert [one.name for one in preset.questions] == [
            f"generations-{i}-{what}" for i in range(3) for what in ("rating", "rationale")
        ]
        assert preset.questions[0].body() == {
            "name": "generations-0-rating",
            "title": "How good is answer A? (1 the worst … 5 the best)",
            "required": True,
            "settings": {"type": "rating", "options": [{"value": value} for value in ONE_TO[5]]},
        }
        assert preset.questions[5].body() == {
            "name": "generations-2-rationale",
            "title": "Why? (C, optional)",
            "description": "Leave it empty if there is no answer C.",
            "required": False,
            "settings": {"type": "text", "use_markdown": False},
        }
        assert (preset.properties, preset.takes_any_metadata) == ((), False)


@pytest.mark.parametrize("name", NAMES)
class TestAll:
    def test_somebody_who_has_never_heard_of_spans(self, name: str) -> None:
        """
        The guidelines say what to do, in words of the reviewer's world, and fit the server's bound.
        """
        preset = preset_of(name)

        assert "### What to do" in preset.guidelines
        assert len(preset.guidelines) <= 10_000
        words = preset.guidelines.lower()
        assert not [word for word in ("span", "trace", "telemetry", "unit", "record") if word in words]

    def test_titles_fit(self, name: str) -> None:
        """
        Titles and descriptions keep to the server's bounds.
        """
        preset = preset_of(name, num_generations=20, number_of_retrievals=20)
        titles = [one.title for one in (*preset.fields, *preset.questions, *preset.properties)]

        assert all(1 <= len(title) <= 500 for title in titles)
        assert all(len(one.description or "") <= 1_000 for one in preset.questions)

    def test_something_must_be_answered(self, name: str) -> None:
        """
        Argilla publishes no dataset without a required question.
        """
        assert any(one.is_required for one in preset_of(name).questions)

    def test_markdown(self, name: str) -> None:
        """
        Every field is read as Markdown.
        """
        assert all(one.body()["settings"]["use_markdown"] is True for one in preset_of(name).fields)


def test_unknown() -> None:
    """
    There is no preset of another name.
    """
    with pytest.raises(KeyError):
        preset_of("other")
