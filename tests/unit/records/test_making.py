from dataclasses import replace

from spanlabel.model import Document, Evaluation
from spanlabel.records import record_id, record_of
from spanlabel.records.making import MAX_ANSWERS, MAX_DOCUMENT, MAX_DOCUMENTS, MAX_SUGGESTIONS
from spanlabel.testing import make_pair


def test_a_pair_becomes_a_record() -> None:
    """
    What was asked and answered is what the reviewer sees.
    """
    pair = make_pair(7, prompt="why?", answer="because")

    record = record_of(pair)

    assert record.id == record_id(pair.trace_id, pair.unit_span_id, 0)
    assert (record.prompt, record.answer, record.answers) == ("why?", "because", ("because",))
    assert record.messages == pair.messages
    assert (record.trace_id, record.time_ns) == (pair.trace_id, pair.start_ns)


def test_the_same_pair_gives_an_equal_record() -> None:
    """
    Nothing in a record depends on when, where or how often it is made.
    """
    assert record_of(make_pair(3)) == record_of(make_pair(3))


def test_several_answers() -> None:
    """
    All choices are there; the first is the answer.
    """
    pair = replace(make_pair(answer="one"), answers=("one", "two\x00"))

    record = record_of(pair)

    assert record.answer == "one"
    assert record.answers == ("one", "two\ufffd")


def test_too_many_of_anything() -> None:
    """
    Answers, documents and judgements are bounded in number, and the record says how many are missing.
    """
    pair = replace(
        make_pair(),
        answers=tuple(f"answer {n}" for n in range(MAX_ANSWERS + 1)),
        documents=(Document("d"),) * (MAX_DOCUMENTS + 2),
        evaluations=(Evaluation("e"),) * (MAX_SUGGESTIONS + 3),
    )

    record = record_of(pair)

    assert (len(record.answers), len(record.documents), len(record.suggestions)) == (20, 50, 50)
    left_out = {name: n for name, n in record.metadata.items() if name.endswith("left_out")}
    assert left_out == {"answers_left_out": 1, "documents_left_out": 2, "suggestions_left_out": 3}


def test_documents_and_judgements_are_cleaned() -> None:
    """
    What came from a retriever or a judge model is as safe to store as the answer.
    """
    pair = replace(
        make_pair(),
        documents=(Document("d\x00" + "x" * 30_000, "i\x00", float("nan"), {"k\x00": b"12"}),),
        evaluations=(Evaluation("n\x00", float("inf"), "l\x00", "e\x00", "s\x00"), Evaluation("ok", 0.5)),
    )

    record = record_of(pair)

    [document] = record.documents
    assert document.content.startswith("d\ufffdxxx")
    assert len(document.content) == MAX_DOCUMENT
    assert (document.id, document.score, document.metadata) == ("i\ufffd", None, {"k\ufffd": "[2 bytes]"})
    assert record.suggestions == (
        Evaluation("n\ufffd", None, "l\ufffd", "e\ufffd", "s\ufffd"),
        Evaluation("ok", 0.5),
    )


def test_a_time_that_no_database_holds() -> None:
    """
    A broken clock in the app does not make the record unstorable.
    """
    assert record_of(replace(make_pair(), start_ns=2**64 - 1)).time_ns == 0
