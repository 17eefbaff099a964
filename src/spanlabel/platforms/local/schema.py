"""The file of the embedded store. Open it with any SQLite tool.

Table `records`, one row for each record::

    id               the record's id; the same spans always give the same one
    time             when the question came, ISO 8601, UTC
    prompt           what the user asked
    answer           what the application finally answered
    model            the model that gave the answer
    provider         its provider
    service          service.name of the process
    conversation_id  which conversation it belongs to
    confidence       0 to 1: how sure it is that prompt and answer belong together
    reasons          how they were found, words with commas between
    skipped_steps    GenAI steps between prompt and answer
    latency_ms       from question to answer
    input_tokens     over all model calls between question and answer
    output_tokens    the same
    trace_id         where its spans are
    answers          JSON list: all choices
    messages         JSON list: the conversation up to the answer
    metadata         JSON object: all facts, those above included
    documents        JSON list: what was retrieved on the way
    suggestions      JSON list: judgements found on the spans
    time_ns          Unix time in nanoseconds of `time`; 0 if not known
    written_at       when it was last written, ISO 8601, UTC

A fact that is not known is NULL. The order of rowid is the order of arrival.

Table `annotations`, one row for each judgement of a person. While a record has one, the record stays as it is::

    record_id, question, value (JSON), author, annotated_at (ISO 8601, UTC)
"""

from __future__ import annotations

from spanlabel.database import Schema

SCHEMA = Schema(
    purpose="embedded store",
    application_id=0x534C5244,  # "SLRD"
    version=1,
    statements=(
        """
        CREATE TABLE records (
            id TEXT NOT NULL PRIMARY KEY,
            time TEXT,
            prompt TEXT NOT NULL,
            answer TEXT NOT NULL,
            model TEXT,
            provider TEXT,
            service TEXT,
            conversation_id TEXT,
            confidence REAL,
            reasons TEXT,
            skipped_steps INTEGER,
            latency_ms INTEGER,
            input_tokens INTEGER,
            output_tokens INTEGER,
            trace_id TEXT NOT NULL,
            answers TEXT NOT NULL,
            messages TEXT NOT NULL,
            metadata TEXT NOT NULL,
            documents TEXT NOT NULL,
            suggestions TEXT NOT NULL,
            time_ns INTEGER NOT NULL,
            written_at TEXT NOT NULL
        )
        """,
        "CREATE INDEX records_by_time ON records (time_ns)",
        "CREATE INDEX records_by_conversation ON records (conversation_id, time_ns)",
        "CREATE INDEX records_by_service ON records (service, time_ns)",
        "CREATE INDEX records_by_model ON records (model, time_ns)",
        """
        CREATE TABLE annotations (
            record_id TEXT NOT NULL REFERENCES records (id),
            question TEXT NOT NULL,
            value TEXT NOT NULL,
            author TEXT,
            annotated_at TEXT NOT NULL
        )
        """,
        "CREATE INDEX annotations_by_record ON annotations (record_id)",
    ),
)
