from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.model import ContentState, Usage
from spanlabel.records.metadata import MAX_APP_FACTS, MAX_FACT, MAX_TAGS, metadata_of
from spanlabel.testing import make_pair

from .test_cleaning import any_text, any_value


class TestFacts:
    def test_all_facts(self) -> None:
        """
        A reviewer and a metadata filter find every fact under its name.
        """
        pair = replace(
            make_pair(1, conversation="c1"),
            agent="planner",
            user_id="u1",
            tags=("beta", "eu"),
            skipped_steps=3,
            turn=2,
            confidence=0.8500000001,
        )

        assert metadata_of(pair) == {
            "model": "gpt-4o-mini",
            "provider": "openai",
            "service": "app",
            "agent": "planner",
            "conversation_id": "c1",
            "user_id": "u1",
            "latency_ms": 1500,
            "input_tokens": 12,
            "output_tokens": 34,
            "skipped_steps": 3,
            "confidence": 0.85,
            "reasons": ("single_call",),
            "dialects": ("otel_genai",),
            "time": "2025-06-15T15:06:41.000Z",
            "trace_id": f"{1:032x}",
            "span_id": f"{1:016x}",
            "turn": 2,
            "tags": ("beta", "eu"),
        }

    def test_unknown_facts_have_no_key(self) -> None:
        """
        A fact that nobody sent is missing, not empty.
        """
        pair = replace(make_pair(), model=None, provider=None, service=None, usage=Usage(), dialects=(), start_ns=0)

        assert set(metadata_of(pair)) == {"skipped_steps", "confidence", "reasons", "trace_id", "span_id", "turn"}

    def test_state_of_the_content_only_where_something_is_missing(self) -> None:
        """
        A reviewer is told when prompt or answer did not come whole, and is not bothered otherwise.
        """
        pair = replace(make_pair(), answer_state=ContentState.TRUNCATED)

        facts = metadata_of(pair)

        assert facts["answer_state"] == "truncated"
        assert "prompt_state" not in facts

    @pytest.mark.parametrize(
        ("start_ns", "end_ns", "latency_ms"),
        [
            pytest.param(10**18, 10**18 + 1_499_999, 1, id="rounded"),
            pytest.param(10**18, 10**18 - 5, 0, id="ends before it starts"),
            pytest.param(0, 10**18, None, id="start not sent"),
            pytest.param(10**18, 0, None, id="end not sent"),
            pytest.param(2**64 - 1, 2**64 - 1, None, id="nonsense"),
        ],
    )
    def test_latency(self, start_ns: int, end_ns: int, latency_ms: int | None) -> None:
        """
        Latency is shown where both times are known.
        """
        assert metadata_of(replace(make_pair(), start_ns=start_ns, end_ns=end_ns)).get("latency_ms") == latency_ms

    def test_the_last_moment(self) -> None:
        """
        Any time that fits the database can be written as a date.
        """
        assert metadata_of(replace(make_pair(), start_ns=2**63 - 1))["time"] == "2262-04-11T23:47:16.854Z"


class TestAppFacts:
    def test_flat_under_a_prefix(self) -> None:
        """
        The app's own facts stand beside ours and cannot be taken for them.
        """
        pair = replace(
            make_pair(), metadata={"model": "theirs", "user": {"plan": "pro", "age": 7}, "ids": [1, "b"], "flag": True}
        )

        facts = metadata_of(pair)

        assert facts["model"] == "gpt-4o-mini"
        assert {name: fact for name, fact in facts.items() if name.startswith("app.")} == {
            "app.flag": True,
            "app.ids": ("1", "b"),
            "app.model": "theirs",
            "app.user.age": 7,
            "app.user.plan": "pro",
        }

    def test_what_says_nothing_is_left_out(self) -> None:
        """
        Empty texts, empty lists and missing values make no facts.
        """
        pair = replace(make_pair(), metadata={"a": "", "b": None, "c": [], "d": {}})

        assert not [name for name in metadata_of(pair) if name.startswith("app")]

    def test_bounded_in_number(self) -> None:
        """
        An app that sets very many facts does not make the record unusable; the same ones are kept on every seat.
        """
        given_facts = {f"key{n:03}": n for n in range(80)}

        facts = metadata_of(replace(make_pair(), metadata=given_facts))
        backwards = metadata_of(replace(make_pair(), metadata=dict(reversed(given_facts.items()))))

        assert sum(name.startswith("app.") for name in facts) == MAX_APP_FACTS
        assert facts["app_left_out"] == 30
        assert facts == backwards

    def test_bounded_in_length(self) -> None:
        """
        Neither a key nor a value nor a list among the facts is without bound.
        """
        pair = replace(make_pair(), metadata={"k" * 9_000: "v" * 9_000, "list": ["w" * 9_000] * 900})

        facts = metadata_of(pair)

        assert max(map(len, facts)) == MAX_FACT
        assert all(len(fact) <= MAX_FACT for fact in facts.values() if isinstance(fact, str))
        found = facts["app.list"]
        assert isinstance(found, tuple)
        assert len(found) == MAX_TAGS
        assert len(found[0]) == MAX_FACT

    @given(st.dictionaries(any_text, any_value, max_size=8))
    def test_any_facts(self, given_facts: dict[str, object]) -> None:
        """
        Whatever an app sets, the facts are flat, bounded and of the types that every platform takes.
        """
        facts = metadata_of(replace(make_pair(), metadata=given_facts))

        for name, fact in facts.items():
            name.encode()
            for one in fact if isinstance(fact, tuple) else (fact,):
                assert isinstance(one, str | int | float)
                assert not isinstance(one, int) or abs(one) <= 2**63
                assert one == one  # noqa: PLR0124  not a NaN
