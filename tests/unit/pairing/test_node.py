"""The mended tree: parents that never came, context that leaked, rings, spans of no interest in between."""

from __future__ import annotations

from typing import Any

import pytest

from spanlabel.model import SpanKind

Story = Any  # the builder of conftest.py


class TestContraction:
    def test_other_spans_in_between(self, story: Story) -> None:
        """
        HTTP and app spans between an agent and its model call do not hide the call from the agent.
        """
        run = story.agent((0, 20), "Capital of France?", "Paris.")
        app = story.app((1, 10), under=run)
        http = story.app((2, 9), under=app, span_kind=SpanKind.CLIENT)
        call = story.llm((3, 8), "Capital of France?", "Paris.", under=http)

        assert story.told == [("Capital of France?", "Paris.")]
        assert story.pair.skipped_steps == 1
        assert "prompt" not in story.fates(call)

    def test_a_root_that_is_an_http_span(self, story: Story) -> None:
        """
        A trace whose root is an HTTP span gives the pair of the agent below it.
        """
        request = story.request((0, 20))
        run = story.agent((1, 10), "Capital of France?", "Paris.", under=request)

        assert story.told == [("Capital of France?", "Paris.")]
        assert story.pair.unit_span_id == f"{run:016x}"


class TestOrphans:
    def test_adopted_by_the_smallest_run_around_it(self, story: Story) -> None:
        """
        A call whose parent never came belongs to the smallest run that held it in time.
        """
        outer = story.workflow((0, 30), "Plan my trip to Rome", "Here is the plan.")
        inner = story.agent((2, 20), under=outer)
        call = story.llm((3, 8), "Find flights to Rome", "Monday at 9.", under=99)

        reading = story.read()

        assert [(p.prompt, p.answer) for p in reading.pairs] == [("Plan my trip to Rome", "Here is the plan.")]
        assert "adopted_orphan" in story.fates(call)
        assert story.pair.skipped_steps == 2
        assert inner != outer

    def test_a_call_that_outlasts_every_run(self, story: Story) -> None:
        """
        A call whose parent never came, and that no run held in time, is a pair of its own.
        """
        story.agent((0, 5), "Plan my trip to Rome", "Here is the plan.")
        story.llm((3, 8), "Capital of France?", "Paris.", under=99)

        assert len(story.told) == 2

    def test_siblings_under_one_missing_parent(self, story: Story) -> None:
        """
        A tool loop whose root never came is still one pair: its calls share the parent that is missing.
        """
        asked, call = story.said("user", "How warm is it in Rome?"), story.calling("weather", "Rome", id="1")
        story.llm((1, 2), [asked], call, under=99)
        story.llm((3, 4), [asked, call, story.result("21", id="1")], "21 degrees.", under=99)

        assert story.told == [("How warm is it in Rome?", "21 degrees.")]

    def test_siblings_do_not_adopt_one_another(self, story: Story) -> None:
        """
        Of two runs under one missing parent the longer one does not swallow the shorter one.
        """
        story.agent((0, 20), "Capital of France?", "Paris.", under=99)
        story.agent((2, 9), "Author of Faust?", "Goethe.", under=99)

        assert len(story.told) == 2

    def test_a_step_of_a_sibling_does_not_adopt(self, story: Story) -> None:
        """
        Nor is a run swallowed by a step of the run beside it.
        """
        beside = story.agent((0, 20), "Capital of France?", "Paris.", under=99)
        story.chain((1, 15), under=beside)
        story.agent((2, 9), "Author of Faust?", "Goethe.", under=99)

        assert len(story.told) == 2

    def test_different_missing_parents(self, story: Story) -> None:
        """
        Calls under different missing parents are not joined for being in one trace.
        """
        story.llm((1, 2), "Capital of France?", "Paris.", under=98)
        story.llm((3, 4), "Author of Faust?", "Goethe.", under=99)

        assert len(story.told) == 2

    def test_clocks_that_differ_a_little(self, story: Story) -> None:
        """
        A call that ends a millisecond after the run that held it belongs to that run.
        """
        story.agent((0, 5), "Capital of France?", "Paris.")
        story.llm((1, 5.001), "Capital of France?", "Paris.", under=99)

        assert story.told == [("Capital of France?", "Paris.")]


class TestLeakedContext:
    def test_a_run_below_a_call_that_had_ended(self, story: Story) -> None:
        """
        A run that began after the model call above it had ended only inherited its context: it is a run of its own.
        """
        call = story.llm((0, 2), "Capital of France?", "Paris.")
        run = story.chain((5, 9), "Author of Faust?", "Goethe.", under=call)

        assert story.told == [("Capital of France?", "Paris."), ("Author of Faust?", "Goethe.")]
        assert "leaked_context" in story.fates(run)

    def test_batch_runs_in_one_another(self, story: Story) -> None:
        """
        `chain.batch`: runs of one chain that lie in one another, each with its own question, are a pair each.
        """
        above = None
        for number in range(4):
            above = story.chain((number, 10 + number), f"Question {number}?", f"Answer {number}.", under=above)

        assert story.told == [(f"Question {n}?", f"Answer {n}.") for n in range(4)]

    def test_a_step_of_the_same_name(self, story: Story) -> None:
        """
        A step of the same name that lies within the run in time stays its step.
        """
        run = story.chain((0, 10), "Capital of France?", "Paris.")
        story.chain((1, 5), "Which country?", "France, of course.", under=run)

        assert story.told == [("Capital of France?", "Paris.")]

    def test_a_call_that_ends_late_stays(self, story: Story) -> None:
        """
        A streamed model call that ends after its run is still its call.
        """
        run = story.agent((0, 5))
        story.llm((1, 9), "Capital of France?", "Paris.", under=run)

        assert story.pair.unit_span_id == f"{run:016x}"


class TestRings:
    def test_its_own_parent(self, story: Story) -> None:
        """
        A span that names itself as its parent is a root.
        """
        story.llm((0, 1), "Capital of France?", "Paris.", number=7, under=7)

        assert story.told == [("Capital of France?", "Paris.")]

    @pytest.mark.parametrize("size", [2, 3, 50])
    def test_each_others_parents(self, story: Story, size: int) -> None:
        """
        Spans that stand in a ring are read from the one that started first.
        """
        for number in range(size):
            story.chain((number, 100 + size - number), number=number + 1, under=number or size)
        story.llm((60, 61), "Capital of France?", "Paris.", under=size)

        assert story.told == [("Capital of France?", "Paris.")]
        assert story.pair.unit_span_id == f"{1:016x}"

    def test_times_of_zero(self, story: Story) -> None:
        """
        Spans without times, and children before their parents, are read all the same.
        """
        story.llm((0, 0), "Capital of France?", "Paris.", under=2)
        run = story.agent((0, 0))

        assert story.pair.unit_span_id == f"{run:016x}"
