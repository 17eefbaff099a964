import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from spanlabel.model import Document, Evaluation, Message, Text, ToolCall
from spanlabel.platforms.local.mapping import COLUMNS, READ_COLUMNS, from_row, to_row
from spanlabel.testing import make_record

_text = st.text(max_size=30)


def test_a_row_that_a_person_can_read() -> None:
    """
    Who opens the file with any SQLite tool reads question, answer and facts without decoding anything.
    """
    row = to_row(make_record(1, prompt="why?", answer="because", conversation="c1"))

    assert {name: row[name] for name in COLUMNS if name not in {"metadata", "messages"}} == {
        "id": make_record(1).id,
        "trace_id": f"{1:032x}",
        "time": "2025-06-15T15:06:41.000Z",
        "time_ns": 1_750_000_001_000_000_000,
        "prompt": "why?",
        "answer": "because",
        "answers": '["because"]',
        "model": "gpt-4o-mini",
        "provider": "openai",
        "service": "app",
        "conversation_id": "c1",
        "confidence": 0.95,
        "reasons": "single_call",
        "skipped_steps": 0,
        "latency_ms": 1500,
        "input_tokens": 12,
        "output_tokens": 34,
        "documents": "[]",
        "suggestions": "[]",
    }
    assert json.loads(str(row["messages"])) == [{"role": "user", "parts": [{"type": "text", "content": "why?"}]}]
    assert json.loads(str(row["metadata"]))["turn"] == 0


def test_what_is_not_known_is_null() -> None:
    """
    A missing fact is NULL, not an empty text or a zero.
    """
    row = to_row(replace(make_record(), metadata={}))

    assert {name for name, cell in row.items() if cell is None} == {
        "time",
        "model",
        "provider",
        "service",
        "conversation_id",
        "confidence",
        "skipped_steps",
        "latency_ms",
        "input_tokens",
        "output_tokens",
        "reasons",
    }


@given(
    prompt=_text,
    answers=st.lists(_text, min_size=1, max_size=3),
    facts=st.dictionaries(_text, _text | st.booleans() | st.integers(0, 9) | st.lists(_text).map(tuple), max_size=4),
)
def test_there_and_back(prompt: str, answers: list[str], facts: dict[str, object]) -> None:
    """
    A record read from the store is the one that was written.
    """
    record = replace(
        make_record(),
        prompt=prompt,
        answer=answers[0],
        answers=tuple(answers),
        messages=(Message("user", (Text(prompt), ToolCall("f", {"a": [1, None]})), name=prompt),),
        metadata=facts,
        documents=(Document(prompt, "1", 0.5, {"k": "v"}),),
        suggestions=(Evaluation("helpful", 1.0, prompt),),
    )

    row = to_row(record)

    assert from_row({name: row[name] for name in READ_COLUMNS}) == record
    assert set(row) == set(COLUMNS)
