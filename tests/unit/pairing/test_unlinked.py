"""Frameworks that link no step to its run, or nest their rounds: one question still gives one pair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import spanlabel
from spanlabel.model import Kind

Story = Any  # the builder of conftest.py

RECORDED = Path(__file__).parents[2] / "data" / "recorded"
CASES = sorted(path.name.removesuffix(".expected.json") for path in RECORDED.glob("*.expected.json"))
UNLINKED = "@traceloop/instrumentation-langchain"
QUESTION, ANSWER = "How warm is it in Rome today?", "It is 24 degrees in Rome."


@pytest.mark.parametrize("case", CASES)
def test_recorded(case: str) -> None:
    """
    A recorded run of a framework gives the pairs that its app asked and got, and no others.
    """
    expected = json.loads((RECORDED / f"{case}.expected.json").read_text())

    found = list(spanlabel.read_pairs(RECORDED / f"{case}.jsonl"))

    assert len(found) == sum(pair["answer"] is not None for pair in expected)
    for pair in found:
        assert any(
            pair.prompt in (one["prompt"], *one.get("alt_prompts", ())) and _same(pair.answer, one["answer"])
            for one in expected
        )


def _same(text: str, other: str) -> bool:
    try:
        return text == other or bool(json.loads(text) == json.loads(other))
    except ValueError:
        return False


class TestStepsWithoutLinks:
    def test_beside_their_run(self, story: Story) -> None:
        """
        Steps that lie beside their run under the app's span are no pairs of their own.
        """
        app = story.app((0, 20))
        run = story.workflow((1, 19), QUESTION, ANSWER, scope=UNLINKED, name="graph", under=app)
        step = story.llm((2, 18), QUESTION, ANSWER, scope=UNLINKED, under=app)

        assert story.told == [(QUESTION, ANSWER)]
        assert story.pair.unit_span_id == f"{run:016x}"
        assert "inner_pair" in story.fates(step)

    def test_by_what_went_from_step_to_step(self, story: Story) -> None:
        """
        A chain's middle step shares no text with the chain; it belongs to it by the answer of the step before.
        """
        story.workflow((0, 20), QUESTION, ANSWER, scope=UNLINKED, name="chain")
        story.llm((1, 5), f"Shorten: {QUESTION}", "Warm in Rome?", scope=UNLINKED, trace=2)
        story.llm((6, 10), "Translate: Warm in Rome?", "Caldo a Roma?", scope=UNLINKED, trace=3)
        story.llm((11, 19), "Answer: Caldo a Roma?", ANSWER, scope=UNLINKED, trace=4)

        assert story.told == [(QUESTION, ANSWER)]

    def test_of_a_failed_run(self, story: Story) -> None:
        """
        A run that failed gives no pair, and neither does a step of it that went well.
        """
        story.workflow((0, 20), QUESTION, scope=UNLINKED, name="graph", error=True)
        story.workflow((1, 9), QUESTION, "Rome", scope=UNLINKED, name="node", trace=2)

        assert story.told == []

    def test_agent_within_a_tool(self, story: Story) -> None:
        """
        What a tool asked an agent of its own is no pair, if its question stands in the tool's arguments.
        """
        story.workflow((0, 20), QUESTION, ANSWER, scope=UNLINKED, name="graph")
        story.tool((2, 18), input_text='{"ask": "Temperature in Rome?"}', scope=UNLINKED, name="ask", trace=2)
        story.workflow((3, 17), "Temperature in Rome?", "24.", scope=UNLINKED, name="graph", trace=3)

        assert story.told == [(QUESTION, ANSWER)]

    def test_the_conversation_of_the_step(self, story: Story) -> None:
        """
        The run's pair shows the system prompt that only its model call knows.
        """
        story.workflow((0, 20), QUESTION, ANSWER, scope=UNLINKED, name="graph")
        story.llm((1, 19), (story.said("system", "Be short."), story.said("user", QUESTION)), ANSWER,
                  scope=UNLINKED, trace=2)  # fmt: skip

        assert [m.role for m in story.pair.messages] == ["system", "user"]

    def test_other_runs_at_the_same_time(self, story: Story) -> None:
        """
        Two users with different questions at the same time are two pairs.
        """
        story.workflow((0, 20), QUESTION, ANSWER, scope=UNLINKED, name="graph")
        story.llm((1, 19), "And how warm is Oslo?", "9 degrees.", scope=UNLINKED, trace=2)

        assert story.told == [(QUESTION, ANSWER), ("And how warm is Oslo?", "9 degrees.")]

    def test_the_same_run_twice(self, story: Story) -> None:
        """
        Two runs of one graph with the same question at the same time are two pairs.
        """
        story.workflow((0, 20), QUESTION, ANSWER, scope=UNLINKED, name="graph")
        story.workflow((1, 19), QUESTION, ANSWER, scope=UNLINKED, name="graph", trace=2)

        assert len(story.told) == 2

    def test_other_instrumentations(self, story: Story) -> None:
        """
        Where spans are linked, a call beside a run with a text of it stays a pair.
        """
        app = story.app((0, 20))
        story.workflow((1, 19), QUESTION, ANSWER, name="graph", under=app)
        story.llm((2, 18), f"Shorten: {QUESTION}", "Warm in Rome?", under=app)

        assert len(story.told) == 2


def test_all_that_was_said_on_the_way(story: Story) -> None:
    """
    An agent whose output strings together all that its model said answers with the last of it.
    """
    run = story.agent((0, 20), QUESTION, f"I look it up.{ANSWER}")
    story.llm((1, 9), QUESTION, "I look it up.", under=run)
    story.llm((10, 19), QUESTION, ANSWER, under=run)

    assert story.told == [(QUESTION, ANSWER)]


def test_a_nested_round_ends_after_its_parent(story: Story) -> None:
    """
    A round of the same question that ends a clock tick after the one around it is no run of its own.
    """
    asked = story.said("user", QUESTION)
    outer = story.step(Kind.CHAIN, (0, 20), name="generate", input=(asked,), output=(story.said("assistant", ANSWER),))
    story.step(
        Kind.CHAIN,
        (10, 20.001),
        name="generate",
        input=(asked, story.calling("weather"), story.result("24")),
        output=(story.said("assistant", ANSWER),),
        under=outer,
    )

    assert story.told == [(QUESTION, ANSWER)]


class TestLeakedContext:
    def test_call_below_a_call_that_had_ended(self, story: Story) -> None:
        """
        A model call whose parent is an earlier call of another question, ended by then, is a pair like that one.
        """
        first = story.llm((0, 5), QUESTION, ANSWER)
        second = story.llm((6, 9), "And how warm is Oslo?", "9 degrees.", under=first)
        story.llm((10, 12), "And how warm is Bern?", "12 degrees.", under=second)

        assert [answer for _, answer in story.told] == [ANSWER, "9 degrees.", "12 degrees."]
        assert "leaked_context" in story.fates(second)

    def test_runs_at_one_time_under_a_parent_that_never_came(self, story: Story) -> None:
        """
        Of two runs under one missing parent the shorter is no part of the longer, whatever the longer holds.
        """
        longer = story.workflow((0, 20), QUESTION, ANSWER, name="graph", under=99)
        story.llm((2, 18), QUESTION, ANSWER, under=story.chain((1, 19), under=longer))
        shorter = story.workflow((3, 10), "And how warm is Oslo?", "9 degrees.", name="graph", under=99)
        story.llm((4, 9), "And how warm is Oslo?", "9 degrees.", under=shorter)

        assert len(story.told) == 2
