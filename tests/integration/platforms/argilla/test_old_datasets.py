"""Datasets that were made by what spanlabel replaces go on being filled, in the shape that they have."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from servers.argilla import Stage

from spanlabel.model import Document
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration


def _text(*names: str, required: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"name": name, "title": name, "required": name in required, "settings": {"type": "text", "use_markdown": False}}
        for name in names
    ]


def _rating(name: str, most: int) -> dict[str, Any]:
    options = [{"value": value} for value in range(1, most + 1)]
    return {"name": name, "title": name, "required": False, "settings": {"type": "rating", "options": options}}


_THUMBS = [{"value": "bad", "text": "👎"}, {"value": "good", "text": "👍"}]
OLD: dict[str, dict[str, list[dict[str, Any]]]] = {
    "langchain": {
        "fields": _text("prompt", "response", required=("prompt", "response")),
        "questions": [_rating("response-rating", 5) | {"required": True}],
    },
    "llama-index": {
        "fields": [
            {"name": "chat", "title": "Chat", "required": True, "settings": {"type": "chat", "use_markdown": True}},
            *_text("retrieved_document_scores", "retrieved_document_1", "retrieved_document_2", required=()),
            *_text("time-details", required=()),
        ],
        "questions": [
            _rating("response-rating", 7) | {"required": True},
            _rating("rating_retrieved_document_1", 7),
            _rating("rating_retrieved_document_2", 7),
        ],
    },
    "distilabel-text-generation": {
        "fields": _text("id", "instruction", "generation", required=("id", "instruction", "generation")),
        "questions": [
            {
                "name": "quality",
                "title": "quality",
                "required": True,
                "settings": {"type": "label_selection", "options": _THUMBS},
            }
        ],
    },
    "distilabel-preference": {
        "fields": _text(
            "id", "instruction", "generations-0", "generations-1", required=("id", "instruction", "generations-0")
        ),
        "questions": [_rating("generations-0-rating", 5) | {"required": True}, _rating("generations-1-rating", 5)],
    },
}
"""The facts of what each made, in our own words."""

_ID = sha256(b"question 1").hexdigest()
WANTED: dict[str, dict[str, Any]] = {
    "langchain": {"prompt": "question 1", "response": "answer 1"},
    "llama-index": {
        "chat": [{"role": "user", "content": "question 1"}, {"role": "assistant", "content": "answer 1"}],
        "retrieved_document_scores": "1: 0.5",
        "retrieved_document_1": "found",
    },
    "distilabel-text-generation": {"id": _ID, "instruction": "question 1", "generation": "answer 1"},
    "distilabel-preference": {"id": _ID, "instruction": "question 1", "generations-0": "answer 1"},
}


@pytest.mark.parametrize("preset", OLD)
def test_goes_on_being_filled(stage: Stage, preset: str) -> None:
    """
    The record stands in the fields of the old dataset, which gets no other parts.
    """
    dataset_id = stage.server.make_dataset(stage.name, OLD[preset])
    stage.server.call("PUT", f"/datasets/{dataset_id}/publish")

    record = replace(make_record(1), documents=(Document("found", score=0.5),))
    stage.open(preset=preset).write([record], timeout_s=60)

    [found] = stage.records().values()
    assert found["fields"] == WANTED[preset]
    names = [one["name"] for one in stage.server.call("GET", f"/datasets/{dataset_id}/fields")["items"]]
    assert names == [one["name"] for one in OLD[preset]["fields"]]
