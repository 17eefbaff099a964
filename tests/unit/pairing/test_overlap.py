"""One call seen by several instrumentations gives one pair; two users with one question give two."""

from __future__ import annotations

from typing import Any

import pytest

from spanlabel.model import Usage

Story = Any  # the builder of conftest.py

QUESTION, ANSWER = "Capital of France?", "Paris."


class TestCopies:
    def test_below_one_another(self, story: Story) -> None:
        """
        A framework's model call and the SDK's below it are one call; the outer one speaks.
        """
        outer = story.llm((0, 10), QUESTION, ANSWER, scope="framework")
        story.llm((1, 9), QUESTION, ANSWER, scope="sdk", under=outer)

        assert story.told == [(QUESTION, ANSWER)]
        assert story.pair.answer_span_id == f"{outer:016x}"

    def test_side_by_side(self, story: Story) -> None:
        """
        Two instrumentations whose spans lie side by side under an app span give one pair.
        """
        app = story.app((0, 20))
        story.llm((1, 9), QUESTION, ANSWER, scope="a", under=app)
        copy = story.llm((1.1, 8.9), QUESTION, ANSWER, scope="b", under=app)

        assert story.told == [(QUESTION, ANSWER)]
        assert "copy" in story.fates(copy)

    def test_in_traces_of_their_own(self, story: Story) -> None:
        """
        An SDK's spans that are traces of their own give no second pair beside the framework's run.
        """
        run = story.agent((0, 10), QUESTION, ANSWER, scope="framework")
        story.llm((1, 9), QUESTION, ANSWER, scope="framework", under=run)
        story.llm((1.5, 8.5), QUESTION, ANSWER, scope="sdk", trace=2)

        assert story.told == [(QUESTION, ANSWER)]
        assert story.pair.trace_id == f"{1:032x}"

    def test_by_response_id(self, story: Story) -> None:
        """
        The same response id is enough where the texts differ, because one of the two has worked on its text.
        """
        story.llm((1, 9), QUESTION, "**Paris.**", response_id="chatcmpl-1", scope="sdk")
        story.llm((0, 10), QUESTION, ANSWER, response_id="chatcmpl-1", scope="framework", trace=2)

        assert story.told == [(QUESTION, ANSWER)]

    def test_by_response_id_within_one_instrumentation(self, story: Story) -> None:
        """
        One instrumentation that writes one response twice (the span and its stream) gives one pair.
        """
        app = story.app((0, 20))
        story.llm((1, 9), QUESTION, ANSWER, response_id="r", under=app)
        story.llm((2, 8), QUESTION, ANSWER, response_id="r", under=app)

        assert story.told == [(QUESTION, ANSWER)]

    def test_by_tool_call_id(self, story: Story) -> None:
        """
        A tool loop seen twice, call by call, is one pair: the ids of its tool calls are the same.
        """
        asked, call = story.said("user", "How warm is it?"), story.calling("weather", "Rome", id="call_7")
        for scope, trace in (("a", 1), ("b", 2)):
            shift = 0.1 * (trace - 1)
            run = story.agent((0 + shift, 9 - shift), trace=trace, scope=scope)
            story.llm((1 + shift, 2 - shift), [asked], call, under=run, scope=scope, trace=trace)
            story.llm(
                (3 + shift, 4 - shift),
                [asked, call, story.result("21", id="call_7")],
                "21 degrees.",
                under=run,
                scope=scope,
                trace=trace,
            )

        assert story.told == [("How warm is it?", "21 degrees.")]

    @pytest.mark.parametrize("call_id", [None, "call_7"], ids=["by its question", "by the tool call's id"])
    def test_a_call_that_wants_a_tool(self, story: Story, call_id: str | None) -> None:
        """
        Copies of a call that only asked for a tool are known by the tool call's id, or else by their question: its
        tokens are counted once.
        """
        run = story.agent((0, 20))
        asked, call = story.said("user", "How warm is it in Rome?"), story.calling("weather", "Rome", id=call_id)
        told = asked if call_id is None else story.said("user", "How warm is it in Rome? Use tools.")
        story.llm((1, 2), [asked], call, under=run, scope="a", usage=Usage(5, 2))
        story.llm((1.1, 1.9), [told], call, under=run, scope="b", usage=Usage(5, 2))
        story.llm((3, 4), [asked, call, story.result("21", id=call_id)], "21.", under=run, scope="a", usage=Usage(7, 1))

        assert story.pair.usage == Usage(12, 3)

    def test_the_outer_copy_at_the_same_time(self, story: Story) -> None:
        """
        Of two copies with the same times, the one that stands above the other speaks.
        """
        outer = story.llm((0, 10), QUESTION, ANSWER, scope="framework", number=9)
        story.llm((0, 10), QUESTION, ANSWER, scope="sdk", number=1, under=outer)

        assert story.pair.answer_span_id == f"{outer:016x}"

    def test_almost_the_same_time(self, story: Story) -> None:
        """
        Two tracers that saw a call begin and end a moment apart saw one call.
        """
        app = story.app((0, 20))
        story.llm((1, 9), QUESTION, ANSWER, scope="a", under=app)
        story.llm((1.3, 9.3), QUESTION, ANSWER, scope="b", under=app)

        assert story.told == [(QUESTION, ANSWER)]

    def test_the_copy_with_content_speaks(self, story: Story) -> None:
        """
        Of two copies the one with content speaks, also if the other one lies around it.
        """
        outer = story.llm((0, 10), response_id="r", scope="without content")
        inner = story.llm((1, 9), QUESTION, ANSWER, response_id="r", scope="with content", under=outer)

        assert story.told == [(QUESTION, ANSWER)]
        assert story.pair.answer_span_id == f"{inner:016x}"

    def test_the_copy_in_a_run_speaks(self, story: Story) -> None:
        """
        Of two copies the one that lies in a run speaks, because the run knows the user's words.
        """
        story.llm((0, 10), QUESTION, ANSWER, scope="sdk", trace=2)
        run = story.chain((0, 11), "France", trace=1, scope="framework", input_key="country")
        story.llm((1, 9), QUESTION, ANSWER, under=run, scope="framework")

        assert story.told == [(QUESTION, ANSWER)]
        assert story.pair.unit_span_id == f"{run:016x}"

    def test_three_layers(self, story: Story) -> None:
        """
        Three instrumentations on one call give one pair.
        """
        above = None
        for number, scope in enumerate(("framework", "gateway", "sdk")):
            above = story.llm((number, 20 - number), QUESTION, ANSWER, scope=scope, under=above)

        assert story.told == [(QUESTION, ANSWER)]

    def test_the_copy_fills_the_gaps(self, story: Story) -> None:
        """
        The model, the provider, the tokens and the conversation that only the dropped copy knows are not lost.
        """
        outer = story.llm((0, 10), QUESTION, ANSWER, scope="framework")
        story.llm(
            (1, 9),
            QUESTION,
            ANSWER,
            scope="sdk",
            under=outer,
            model="gpt-4o-mini",
            provider="openai",
            usage=Usage(5, 2),
            conversation_id="conv-1",
        )

        pair = story.pair

        assert (pair.model, pair.provider, pair.conversation_id) == ("gpt-4o-mini", "openai", "conv-1")
        assert pair.usage == Usage(5, 2)

    def test_what_lies_below_a_copy_stays(self, story: Story) -> None:
        """
        Tool spans below a copy that was dropped hang on in its place, and are no pairs.
        """
        outer = story.llm((0, 10), QUESTION, ANSWER, scope="framework")
        inner = story.llm((1, 9), QUESTION, ANSWER, scope="sdk", under=outer)
        tool = story.tool((2, 3), under=inner)
        story.llm((2.1, 2.9), "Inner question?", "Inner answer.", under=tool)

        assert story.told == [(QUESTION, ANSWER)]


class TestTwoCalls:
    def test_the_same_question_of_two_users(self, story: Story) -> None:
        """
        Two users who ask the same at the same time, and get the same answer, are two pairs.
        """
        story.llm((1, 9), QUESTION, ANSWER, trace=1)
        story.llm((1.1, 8.9), QUESTION, ANSWER, trace=2)

        assert story.told == [(QUESTION, ANSWER)] * 2

    def test_two_users_of_a_framework(self, story: Story) -> None:
        """
        Two runs of one agent in two traces, with the same words at the same time, are two pairs.
        """
        for trace in (1, 2):
            run = story.agent((trace, 20 - trace), QUESTION, ANSWER, trace=trace)
            story.llm((trace + 1, 19 - trace), QUESTION, ANSWER, under=run, trace=trace)

        assert story.told == [(QUESTION, ANSWER)] * 2

    def test_one_after_the_other(self, story: Story) -> None:
        """
        The same words at different times, by two instrumentations, are two calls.
        """
        app = story.app((0, 20))
        story.llm((1, 4), QUESTION, ANSWER, scope="a", under=app)
        story.llm((5, 8), QUESTION, ANSWER, scope="b", under=app)

        assert len(story.told) == 2

    def test_half_a_call_apart(self, story: Story) -> None:
        """
        Calls of two instrumentations that overlap only by half are two calls, also with the same words.
        """
        app = story.app((0, 20))
        story.llm((1, 9), QUESTION, ANSWER, scope="a", under=app)
        story.llm((5, 15), QUESTION, ANSWER, scope="b", under=app)

        assert len(story.told) == 2

    def test_different_answers_at_one_time(self, story: Story) -> None:
        """
        Calls of two instrumentations at one time with different answers are two calls.
        """
        app = story.app((0, 20))
        story.llm((1, 9), QUESTION, "Paris.", scope="a", under=app)
        story.llm((1.1, 8.9), QUESTION, "Lyon, I think.", scope="b", under=app)

        assert len(story.told) == 2


class TestInnerPairs:
    def test_a_step_in_a_trace_of_its_own(self, story: Story) -> None:
        """
        Where a tracer gives each node of a chain a trace of its own, the nodes are not pairs: they lie within the
        run in time and share its words.
        """
        story.chain((0, 10), QUESTION, ANSWER, name="workflow", trace=1)
        story.chain((1, 9), QUESTION, "PARIS", name="prompt", trace=2)
        story.llm((2, 8), "Answer briefly: Capital?", ANSWER, name="chat", trace=3)

        reading = story.read()

        assert [(p.prompt, p.answer) for p in reading.pairs] == [(QUESTION, ANSWER)]
        assert "inner_pair" in reading.fates[f"{3:032x}", f"{3:016x}"]

    @pytest.mark.parametrize(
        "given",
        [
            pytest.param({"service": "another"}, id="another process"),
            pytest.param({"name": "workflow"}, id="the same span name: another user"),
        ],
    )
    def test_what_only_looks_like_a_step(self, story: Story, given: dict[str, str]) -> None:
        """
        The same words at the same time in another process, or in a second run of the same span, are another pair.
        """
        story.chain((0, 10), QUESTION, ANSWER, name="workflow", trace=1)
        story.chain((1, 9), QUESTION, ANSWER, trace=2, **given)

        assert len(story.told) == 2

    def test_the_same_answer_within_one_trace(self, story: Story) -> None:
        """
        Two runs of one trace, side by side, may both answer "Yes.": within a trace the tree tells what is a step.
        """
        app = story.app((0, 20))
        story.chain((0, 10), "Is Rome in Italy?", "Yes.", name="a", under=app)
        story.chain((1, 9), "Is Oslo in Norway?", "Yes.", name="b", under=app)

        assert len(story.told) == 2

    def test_a_longer_pair_with_the_same_words(self, story: Story) -> None:
        """
        A pair that does not lie within the other one in time is another pair.
        """
        story.chain((0, 10), QUESTION, ANSWER, name="workflow", trace=1)
        story.chain((5, 15), QUESTION, ANSWER, name="other", trace=2)

        assert len(story.told) == 2
