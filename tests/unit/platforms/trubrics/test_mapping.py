from __future__ import annotations

from dataclasses import replace

from spanlabel.platforms.trubrics.mapping import to_event
from spanlabel.testing import EPOCH_NS, make_record

RECORD = make_record(1, conversation="talk-7")


class TestEvent:
    def test_golden(self) -> None:
        """
        Prompt, answer, user, conversation, model and times have their own places; all else is a property.
        """
        record = replace(
            RECORD,
            metadata=RECORD.metadata | {"user_id": "ada", "tags": ("beta", "de"), "app.plan": "pro", "app.seats": 3},
            time_ns=EPOCH_NS,
        )

        assert to_event(record, default_user_id="unknown") == {
            "user_id": "ada",
            "prompt": "question 1",
            "generation": "answer 1",
            "prompt_event_name": "Prompt",
            "generation_event_name": "Generation",
            "assistant_id": "gpt-4o-mini",
            "thread_id": "talk-7",
            "latency": 1.5,
            "timestamp": "2025-06-15T15:06:41.500000+00:00",
            "properties": {
                "spanlabel_id": record.id,
                "trace_id": record.trace_id,
                "provider": "openai",
                "service": "app",
                "input_tokens": 12,
                "output_tokens": 34,
                "skipped_steps": 0,
                "confidence": 0.95,
                "reasons": ["single_call"],
                "dialects": ["otel_genai"],
                "span_id": record.metadata["span_id"],
                "turn": 0,
                "tags": ["beta", "de"],
                "app.plan": "pro",
                "app.seats": 3,
            },
        }

    def test_nothing_is_known(self) -> None:
        """
        A record without facts is an event of the user that was configured, without a time, a model or a conversation.
        """
        event = to_event(replace(RECORD, metadata={}, time_ns=0), default_user_id="somebody")

        assert event["user_id"] == "somebody"
        assert (event["assistant_id"], event["thread_id"], event["latency"]) == (None, None, None)
        assert "timestamp" not in event
        assert event["properties"] == {"spanlabel_id": RECORD.id, "trace_id": RECORD.trace_id}

    def test_several_answers(self) -> None:
        """
        The first answer is the generation, the others go with it.
        """
        event = to_event(replace(RECORD, answers=("answer 1", "or this", "or that")), default_user_id="unknown")

        assert event["generation"] == "answer 1"
        assert event["properties"]["other_answers"] == ["or this", "or that"]

    def test_the_app_cannot_take_our_places(self) -> None:
        """
        A fact of the app's own that is named like one of ours stays beside it.
        """
        event = to_event(replace(RECORD, metadata={"app.user_id": "x", "app.trace_id": "y"}), default_user_id="unknown")

        assert event["user_id"] == "unknown"
        assert event["properties"]["trace_id"] == RECORD.trace_id
        assert event["properties"]["app.trace_id"] == "y"
