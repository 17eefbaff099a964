"""The pair as a whole: the app's own marks, the facts around question and answer, what is said of each span."""

from __future__ import annotations

from typing import Any

import pytest

from spanlabel.model import ContentState, Document, Evaluation, Kind, Usage
from spanlabel.pairing import reconstruct

Story = Any  # the builder of conftest.py

QUESTION, ANSWER = "Capital of France?", "Paris."


class TestOwnMarks:
    def test_prompt_and_answer(self, story: Story) -> None:
        """
        With `spanlabel.prompt` and `spanlabel.answer` the app says what is shown, whatever the model got and gave.
        """
        run = story.chain((0, 10), given_prompt=" Shown question ", given_answer="Shown answer")
        story.llm((1, 2), QUESTION, ANSWER, under=run)

        pair = story.pair

        assert (pair.prompt, pair.answer) == ("Shown question", "Shown answer")
        assert "own_prompt:given" in pair.reasons
        assert "own_answer:given" in pair.reasons
        assert pair.messages[-1].text == "Shown question"

    def test_prompt_and_answer_of_a_call(self, story: Story) -> None:
        """
        The marks work on a model call too.
        """
        story.llm((0, 1), QUESTION, ANSWER, given_prompt="Shown question", given_answer="Shown answer")

        assert story.told == [("Shown question", "Shown answer")]

    def test_root(self, story: Story) -> None:
        """
        A span that the app marked as the root is one pair, although it would be a root of several.
        """
        root = story.chain((0, 20), root_hint=True)
        story.llm((1, 2), QUESTION, ANSWER, under=root)
        story.llm((3, 4), "Author of Faust?", "Goethe.", under=root)

        assert story.told == [(QUESTION, "Goethe.")]
        assert story.pair.unit_span_id == f"{root:016x}"

    def test_root_below_others(self, story: Story) -> None:
        """
        Where one span of a trace is marked as the root, what lies outside of it gives nothing.
        """
        outer = story.agent((0, 20), "Outer question?", "Outer answer.")
        marked = story.chain((1, 10), QUESTION, ANSWER, under=outer, root_hint=True)
        story.llm((11, 12), "Author of Faust?", "Goethe.", under=outer)

        assert story.told == [(QUESTION, ANSWER)]
        assert story.pair.unit_span_id == f"{marked:016x}"

    def test_root_in_another_trace(self, story: Story) -> None:
        """
        A mark in one trace says nothing about the others.
        """
        story.chain((0, 5), QUESTION, ANSWER, root_hint=True, trace=1)
        story.llm((0, 6), "Author of Faust?", "Goethe.", trace=2)

        assert len(story.told) == 2

    def test_root_within_a_tool(self, story: Story) -> None:
        """
        The app's word counts more than ours: a marked root inside a tool call is a root.
        """
        outer = story.agent((0, 20), "Outer question?", "Outer answer.")
        tool = story.tool((1, 10), under=outer)
        story.chain((2, 9), QUESTION, ANSWER, under=tool, root_hint=True)

        assert story.told == [(QUESTION, ANSWER)]

    def test_several_roots(self, story: Story) -> None:
        """
        Two marked spans of a trace are two pairs; a mark below a mark is not a third.
        """
        outer = story.chain((0, 30))
        first = story.chain((1, 10), QUESTION, ANSWER, under=outer, root_hint=True)
        story.chain((2, 9), "Inner question?", "Inner answer.", under=first, root_hint=True)
        story.chain((11, 20), "Author of Faust?", "Goethe.", under=outer, root_hint=True)

        assert story.told == [(QUESTION, ANSWER), ("Author of Faust?", "Goethe.")]

    @pytest.mark.parametrize("mark", [{"root_hint": False}, {"is_skipped": True}], ids=["root=false", "skip"])
    def test_taken_out(self, story: Story, mark: dict[str, bool]) -> None:
        """
        `spanlabel.root = false` and `spanlabel.skip` take a span out with all that lies below it, and nothing else.
        """
        app = story.app((0, 30))
        out = story.chain((1, 10), under=app, **mark)
        story.llm((2, 3), "Give this chat a title", "A chat", under=out)
        story.llm((11, 12), QUESTION, ANSWER, under=app)

        assert story.told == [(QUESTION, ANSWER)]
        assert "skipped_by_app" in story.fates(out)

    def test_a_step_taken_out_of_a_run(self, story: Story) -> None:
        """
        A title that is written last is not the answer if the app marked it to be skipped.
        """
        run = story.agent((0, 30))
        story.llm((1, 2), QUESTION, ANSWER, under=run)
        story.llm((3, 4), "Give this chat a title", "A chat", under=run, is_skipped=True)

        assert story.told == [(QUESTION, ANSWER)]


class TestFacts:
    def test_of_a_run(self, story: Story) -> None:
        """
        The pair knows the service, the agent, the model that answered, the conversation, the user, the tags.
        """
        run = story.agent(
            (1, 9),
            QUESTION,
            ANSWER,
            service="shop",
            agent="helper",
            conversation_id="conv-1",
            user_id="u-1",
            tags=("beta",),
            metadata={"tenant": "x"},
        )
        story.llm((2, 3), QUESTION, ANSWER, under=run, model="gpt-4o-mini", provider="openai")

        pair = story.pair

        assert (pair.service, pair.agent, pair.model, pair.provider) == ("shop", "helper", "gpt-4o-mini", "openai")
        assert (pair.conversation_id, pair.user_id, pair.tags) == ("conv-1", "u-1", ("beta",))
        assert pair.metadata == {"tenant": "x"}
        assert pair.end_ns - pair.start_ns == 8_000_000_000

    def test_from_above_and_below(self, story: Story) -> None:
        """
        What the run does not say itself is taken from what stands above it, then from its model calls.
        """
        outer = story.chain((0, 30), conversation_id="outer", user_id="u-1")
        for at in (1, 11):
            run = story.agent((at, at + 8), f"Question {at}?", f"Answer {at}.", under=outer)
            story.llm((at + 1, at + 2), f"Question {at}?", f"Answer {at}.", under=run, tags=("beta",))

        assert [(p.conversation_id, p.user_id, p.tags) for p in story.pairs] == [("outer", "u-1", ("beta",))] * 2

    def test_tokens(self, story: Story) -> None:
        """
        Tokens are summed over the model calls of the run; the run's own sum is not added to them.
        """
        run = story.agent((0, 20), QUESTION, ANSWER, usage=Usage(150, 30))
        story.llm((1, 2), QUESTION, story.calling("look_up"), under=run, usage=Usage(50, 10))
        story.llm((3, 4), QUESTION, ANSWER, under=run, usage=Usage(100, 20))

        assert story.pair.usage == Usage(150, 30)

    def test_tokens_that_only_the_run_knows(self, story: Story) -> None:
        """
        Where no model call has a count, the run's own is taken; where nobody has one, it stays unknown.
        """
        run = story.agent((0, 20), QUESTION, ANSWER, usage=Usage(150, None))
        story.llm((1, 2), QUESTION, ANSWER, under=run)

        assert story.pair.usage == Usage(150, None)

    def test_tokens_of_a_copy_are_not_added(self, story: Story) -> None:
        """
        A call that two instrumentations recorded has its tokens counted once.
        """
        outer = story.llm((0, 10), QUESTION, ANSWER, scope="framework", usage=Usage(5, 2))
        story.llm((1, 9), QUESTION, ANSWER, scope="sdk", under=outer, usage=Usage(5, 2))

        assert story.pair.usage == Usage(5, 2)

    @pytest.mark.parametrize(
        ("metadata", "conversation", "user", "left"),
        [
            pytest.param({"session_id": "s", "user_id": 7, "tenant": "x"}, "s", "7", {"tenant": "x"}, id="both"),
            pytest.param({"thread_id": "t", "session_id": ""}, "t", None, {"session_id": ""}, id="LangGraph's thread"),
            pytest.param({"user_id": ["a"]}, None, None, {"user_id": ["a"]}, id="no name"),
        ],
    )
    def test_from_metadata(
        self,
        story: Story,
        metadata: dict[str, Any],
        conversation: str | None,
        user: str | None,
        left: dict[str, Any],
    ) -> None:
        """
        An app that names its conversation and its user in the metadata of a run need not name them elsewhere.
        """
        story.agent((1, 9), QUESTION, ANSWER, metadata=metadata)

        assert (story.pair.conversation_id, story.pair.user_id, story.pair.metadata) == (conversation, user, left)

    def test_documents_and_evaluations(self, story: Story) -> None:
        """
        What was retrieved on the way, and the judgements that lie on the spans, come with the pair.
        """
        found, judged = Document("Paris is the capital.", id="d1"), Evaluation("helpful", score=1.0)
        run = story.chain((0, 20), QUESTION, ANSWER, evaluations=(judged,))
        story.step(Kind.RETRIEVER, (1, 2), under=run, documents=(found,))

        assert story.pair.documents == (found,)
        assert story.pair.evaluations == (judged,)

    def test_documents_told_twice(self, story: Story) -> None:
        """
        A retriever inside a retriever, and a reranker after it, tell of the same documents: each stands there once.
        """
        first, second = Document("a lighthouse"), Document("a gull", metadata={"page": 1})
        run = story.chain((0, 20), QUESTION, ANSWER)
        outer = story.step(Kind.RETRIEVER, (1, 4), under=run, documents=(first, second))
        story.step(Kind.RETRIEVER, (2, 3), under=outer, documents=(first, second))
        story.step(Kind.RERANK, (5, 6), under=run, documents=(second, first))

        assert story.pair.documents == (first, second)

    def test_judged_from_above(self, story: Story) -> None:
        """
        What is said of the span that the run is a part of, or twice, is said of the run once.
        """
        judged = Evaluation("helpful", 1.0, source="human")
        above = story.step(Kind.OTHER, (0, 30), evaluations=(judged,))
        run = story.chain((0, 20), QUESTION, ANSWER, under=above)
        story.step(Kind.EVALUATOR, (21, 22), under=run, evaluations=(judged,))

        assert story.told == [(QUESTION, ANSWER)]
        assert story.pair.evaluations == (judged,)

    def test_content_states(self, story: Story) -> None:
        """
        A pair says when its question or its answer had been cut on the way.
        """
        story.llm((0, 1), QUESTION, ANSWER, input_state=ContentState.PRESENT, output_state=ContentState.TRUNCATED)

        assert (story.pair.prompt_state, story.pair.answer_state) == (ContentState.PRESENT, ContentState.TRUNCATED)

    def test_skipped_steps(self, story: Story) -> None:
        """
        The reviewer is told how many steps there were beside the one that answered: here retriever, prompt and draft.
        """
        run = story.chain((0, 20), QUESTION)
        story.step(Kind.RETRIEVER, (1, 2), under=run)
        story.step(Kind.PROMPT, (2, 3), under=run)
        story.llm((3, 4), QUESTION, story.calling("look_up"), under=run)
        story.llm((5, 6), QUESTION, ANSWER, under=run)

        assert story.pair.skipped_steps == 3

    def test_turns_of_a_unit_are_numbered(self, story: Story) -> None:
        """
        The pairs of one unit have the turns 0, 1, 2, so that each record has an id of its own.
        """
        request = story.request((0, 99))
        chat: list[Any] = []
        for number in range(3):
            chat = [*chat, story.said("user", f"Question {number}?")]
            story.llm((10 * number, 10 * number + 5), chat, f"Answer {number}.", under=request)
            chat = [*chat, story.said("assistant", f"Answer {number}.")]

        keys = [(pair.unit_span_id, pair.turn) for pair in story.pairs]

        assert len(set(keys)) == 3


class TestReading:
    def test_fates(self, story: Story) -> None:
        """
        Of each span it is said what became of it: unit, question, answer, inner step.
        """
        run = story.agent((0, 20))
        first = story.llm((1, 2), QUESTION, story.calling("look_up"), under=run)
        tool = story.tool((3, 4), under=run)
        last = story.llm((5, 6), QUESTION, ANSWER, under=run)

        assert "unit" in story.fates(run)
        assert "prompt" in story.fates(first)
        assert "inner" in story.fates(tool)
        assert "answer" in story.fates(last)

    def test_low_confidence_is_not_dropped_here(self, story: Story) -> None:
        """
        Pairs of low confidence are returned too: dropping them is a rule's work, which counts them.
        """
        request = story.request((0, 20))
        story.llm((1, 2), "Which language is it?", "French", under=request)
        story.llm((3, 4), "Translate bonjour into English", "Hello", under=request)

        assert story.pair.confidence < 0.7

    def test_nothing(self) -> None:
        """
        No traces, no pairs.
        """
        assert reconstruct([]).pairs == ()

    def test_a_trace_without_genai_spans(self, story: Story) -> None:
        """
        A trace of HTTP spans gives nothing, not even a fate.
        """
        story.app((1, 2), under=story.request((0, 5)))

        reading = story.read()

        assert reading.pairs == ()
        assert reading.fates == {}
