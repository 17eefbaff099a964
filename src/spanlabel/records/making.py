"""Pair → Record."""

from __future__ import annotations

from math import isfinite

from spanlabel.model import Document, Evaluation, MetadataValue, Pair, Record

from .cleaning import Room, clean_text
from .identity import record_id
from .messages import MAX_NAME, clean_messages
from .metadata import is_time, metadata_of

MAX_ANSWERS = 20
"""Answers of one record."""

MAX_DOCUMENTS = 50
"""Documents of one record."""

MAX_DOCUMENT = 20_000
"""Characters of one document."""

MAX_SUGGESTIONS = 50
"""Judgements on one record."""

MAX_EXPLANATION = 5_000
"""Characters of a judgement's reason, and of a document's own facts."""


def record_of(pair: Pair) -> Record:
    """Make the record of a pair: the same pair always gives an equal record.

    Text is cleaned and cut as `spanlabel.records.cleaning` says, long conversations as `.messages` says. What
    exceeds a number (answers, documents, suggestions) is left out from the end and counted in the metadata.
    """
    given = pair.answers or (pair.answer,)
    answers = tuple(clean_text(answer) for answer in given[:MAX_ANSWERS])
    left_out = {
        "answers_left_out": len(given) - MAX_ANSWERS,
        "documents_left_out": len(pair.documents) - MAX_DOCUMENTS,
        "suggestions_left_out": len(pair.evaluations) - MAX_SUGGESTIONS,
    }
    marks: dict[str, MetadataValue] = {name: n for name, n in left_out.items() if n > 0}
    return Record(
        id=record_id(pair.trace_id, pair.unit_span_id, pair.turn),
        trace_id=pair.trace_id,
        prompt=clean_text(pair.prompt),
        answer=answers[0],
        answers=answers,
        messages=clean_messages(pair.messages),
        metadata=metadata_of(pair) | marks,
        documents=tuple(_clean_document(document) for document in pair.documents[:MAX_DOCUMENTS]),
        suggestions=tuple(_clean_suggestion(found) for found in pair.evaluations[:MAX_SUGGESTIONS]),
        time_ns=pair.start_ns if is_time(pair.start_ns) else 0,
    )


def _clean_document(document: Document) -> Document:
    facts = document.metadata
    cleaned = None if facts is None else Room(MAX_EXPLANATION).mapping(facts)
    return Document(
        content=clean_text(document.content, MAX_DOCUMENT),
        id=_clean_name(document.id),
        score=_finite(document.score),
        metadata=cleaned,
    )


def _clean_suggestion(found: Evaluation) -> Evaluation:
    return Evaluation(
        name=clean_text(found.name, MAX_NAME),
        score=_finite(found.score),
        label=_clean_name(found.label),
        explanation=None if found.explanation is None else clean_text(found.explanation, MAX_EXPLANATION),
        source=_clean_name(found.source),
    )


def _clean_name(name: str | None) -> str | None:
    return None if name is None else clean_text(name, MAX_NAME)


def _finite(number: float | None) -> float | None:
    return number if number is not None and isfinite(number) else None
