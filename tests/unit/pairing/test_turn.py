"""When two turns are one, and when they are two."""

from __future__ import annotations

from typing import Any

import pytest

Story = Any  # the builder of conftest.py


class TestConversation:
    def test_two_turns_in_one_trace(self, story: Story) -> None:
        """
        A second question of a conversation, asked in the same trace, is a pair of its own with the first as history.
        """
        app = story.app((0, 20))
        first = [story.said("user", "Who wrote Faust?")]
        second = [*first, story.said("assistant", "Goethe."), story.said("user", "When?")]
        story.llm((1, 2), first, "Goethe.", under=app)
        story.llm((5, 6), second, "1808.", under=app)

        assert story.told == [("Who wrote Faust?", "Goethe."), ("When?", "1808.")]
        assert story.pairs[1].messages == tuple(second)

    def test_two_turns_inside_an_agent_without_content(self, story: Story) -> None:
        """
        Two turns of a conversation below one agent that says nothing itself are two pairs of this agent.
        """
        run = story.agent((0, 20))
        first = [story.said("user", "Who wrote Faust?")]
        story.llm((1, 2), first, "Goethe.", under=run)
        story.llm((5, 6), [*first, story.said("assistant", "Goethe."), story.said("user", "When?")], "1808.", under=run)

        assert story.told == [("Who wrote Faust?", "Goethe."), ("When?", "1808.")]

    def test_two_turns_under_a_request(self, story: Story) -> None:
        """
        That the turns of a conversation came in one request does not make them one.
        """
        request = story.request((0, 20))
        first = [story.said("user", "Who wrote Faust?")]
        story.llm((1, 2), first, "Goethe.", under=request)
        story.llm(
            (5, 6), [*first, story.said("assistant", "Goethe."), story.said("user", "When?")], "1808.", under=request
        )

        assert story.told == [("Who wrote Faust?", "Goethe."), ("When?", "1808.")]

    def test_a_memory_in_other_words(self, story: Story) -> None:
        """
        An agent that is asked again is two pairs, also where its memory holds the first answer in other words.
        """
        app = story.app((0, 20))
        one = story.agent((1, 4), "Who wrote Faust?", "Goethe.", under=app, name="Agent.run")
        story.llm((2, 3), "New task:\nWho wrote Faust?", 'final_answer("Goethe.")', under=one)
        two = story.agent((5, 8), "When did he?", "In 1808.", under=app, name="Agent.run")
        chat = [
            story.said("user", "New task:\nWho wrote Faust?"),
            story.said("assistant", 'final_answer("Goethe.")'),
            story.said("user", "Observation: Goethe."),
            story.said("user", "New task:\nWhen did he?"),
        ]
        story.llm((6, 7), chat, 'final_answer("In 1808.")', under=two)

        assert story.told == [("Who wrote Faust?", "Goethe."), ("When did he?", "In 1808.")]


class TestToolLoop:
    def test_only_results_go_in_again(self, story: Story) -> None:
        """
        A loop that gives only the tool's results to the next call, for the provider stores the rest, is one pair.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "How warm is it in Rome?", story.calling("weather", "Rome", id="1"), under=app)
        story.llm((3, 4), [story.result("21", id="1")], "21 degrees.", under=app)

        assert story.told == [("How warm is it in Rome?", "21 degrees.")]

    def test_results_of_another_call(self, story: Story) -> None:
        """
        Results of a tool that nobody here called do not make a call part of the one before.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "How warm is it in Rome?", story.calling("weather", "Rome", id="1"), under=app)
        story.llm((3, 4), [story.result("21", id="2")], "21 degrees.", under=app)

        assert story.told == []

    def test_under_an_app_span(self, story: Story) -> None:
        """
        A tool loop that the app wrote by hand, below a span of its own, is one pair.
        """
        app = story.app((0, 20))
        asked, call = story.said("user", "How warm is it in Rome?"), story.calling("weather", "Rome", id="1")
        story.llm((1, 2), [asked], call, under=app)
        story.llm((3, 4), [asked, call, story.result("21", id="1")], "21 degrees.", under=app)

        pair = story.pair

        assert (pair.prompt, pair.answer) == ("How warm is it in Rome?", "21 degrees.")
        assert "merged:continues" in pair.reasons
        assert pair.confidence == 0.9
        assert pair.skipped_steps == 1

    def test_with_a_call_that_was_not_captured(self, story: Story) -> None:
        """
        A loop whose first tool call was lost on the way, so that only the text beside it is left, is still one pair.
        """
        app = story.app((0, 20))
        asked, call = story.said("user", "How warm is it in Rome?"), story.calling("weather", "Rome", id="1")
        story.llm((1, 2), [asked], "I will look it up.", under=app)
        story.llm((3, 4), [asked, call, story.result("21", id="1")], "21 degrees.", under=app)

        assert story.told == [("How warm is it in Rome?", "21 degrees.")]

    def test_without_any_span_around_it(self, story: Story) -> None:
        """
        A tool loop without a span around it is several traces; the last one gives the pair, the others nothing.
        """
        asked, call = story.said("user", "How warm is it in Rome?"), story.calling("weather", "Rome", id="1")
        story.llm((1, 2), [asked], call, trace=1)
        story.llm((3, 4), [asked, call, story.result("21", id="1")], "21 degrees.", trace=2)

        assert story.told == [("How warm is it in Rome?", "21 degrees.")]


class TestChain:
    def test_answer_into_the_next_question(self, story: Story) -> None:
        """
        A two-step chain (synopsis, then review) is one pair: the first question and the last answer.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Write a synopsis of the play.", "A king divides his realm.", under=app)
        story.llm((3, 4), "Review this: A king divides his realm.", "A sad and great play.", under=app)

        pair = story.pair

        assert (pair.prompt, pair.answer) == ("Write a synopsis of the play.", "A sad and great play.")
        assert "merged:dataflow" in pair.reasons
        assert pair.confidence == 0.8

    def test_answer_into_a_system_message(self, story: Story) -> None:
        """
        The first answer may also have gone into the second call's instructions.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Which style does he like?", "Short and friendly.", under=app)
        chat = [story.said("system", "Write so: Short and friendly."), story.said("user", "Greet him.")]
        story.llm((3, 4), chat, "Hi!", under=app)

        assert story.told == [("Which style does he like?", "Hi!")]

    def test_a_short_answer_must_be_the_whole_question(self, story: Story) -> None:
        """
        A word like "ok" in the second question does not join it with a first answer "ok".
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Is the server up?", "ok", under=app)
        story.llm((3, 4), "Write a booking confirmation.", "Booked.", under=app)

        assert len(story.told) == 2

    def test_rewrite(self, story: Story) -> None:
        """
        A question that was first rewritten and then answered is one pair with the user's own words.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Rewrite as a search query: Who built the Eiffel tower?", "builder Eiffel tower", under=app)
        story.llm((3, 4), "Who built the Eiffel tower?", "Eiffel's company.", under=app)

        assert story.told == [("Who built the Eiffel tower?", "Eiffel's company.")]
        assert "merged:rewrite" in story.pair.reasons

    def test_a_short_question_within_another(self, story: Story) -> None:
        """
        A word or two that occur in another question do not make the two one.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Paris?", "A city.", under=app)
        story.llm((3, 4), "How old is the Eiffel tower in Paris?", "It is from 1889.", under=app)

        assert len(story.told) == 2

    def test_map_and_reduce(self, story: Story) -> None:
        """
        Parts that were worked on side by side, and then put together, are one pair with the last answer.
        """
        app = story.app((0, 20))
        story.llm((1, 3), "Summarise part one of the book", "Part one is about war.", under=app)
        story.llm((1, 3), "Summarise part two of the book", "Part two is about peace.", under=app)
        story.llm((4, 5), "Combine: Part one is about war. Part two is about peace.", "War and peace.", under=app)

        [(asked, answered)] = story.told

        assert asked in {"Summarise part one of the book", "Summarise part two of the book"}
        assert answered == "War and peace."


class TestSeparate:
    def test_parallel_calls(self, story: Story) -> None:
        """
        Independent calls side by side under an app span are a batch: a pair each.
        """
        app = story.app((0, 20))
        for number in range(3):
            story.llm((1, 5), f"Translate sentence {number}", f"Satz {number}", under=app)

        assert sorted(story.told) == [(f"Translate sentence {n}", f"Satz {n}") for n in range(3)]

    def test_calls_after_one_another(self, story: Story) -> None:
        """
        Independent calls one after the other under an app span are a pair each.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Capital of France?", "Paris.", under=app)
        story.llm((3, 4), "Author of Faust?", "Goethe.", under=app)

        assert len(story.told) == 2

    def test_the_same_question_twice(self, story: Story) -> None:
        """
        The same question, asked and answered twice, is two pairs.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Name a colour.", "Red.", under=app)
        story.llm((3, 4), "Name a colour.", "Blue.", under=app)

        assert story.told == [("Name a colour.", "Red."), ("Name a colour.", "Blue.")]


class TestRequest:
    def test_calls_of_one_request(self, story: Story) -> None:
        """
        Calls that served one request, one after the other, are one pair that is marked as a guess.
        """
        request = story.request((0, 20))
        story.llm((1, 2), "Which language is it?", "French", under=request)
        story.llm((3, 4), "Translate bonjour into English", "Hello", under=request)

        pair = story.pair

        assert (pair.prompt, pair.answer) == ("Translate bonjour into English", "Hello")
        assert "same_request" in pair.reasons
        assert pair.confidence == 0.6

    def test_calls_of_one_request_at_one_time(self, story: Story) -> None:
        """
        Calls of one request that ran side by side stay apart: none of them is the other's step.
        """
        request = story.request((0, 20))
        story.llm((1, 5), "Translate bonjour", "Hello", under=request)
        story.llm((2, 6), "Translate merci", "Thanks", under=request)

        assert len(story.told) == 2

    def test_request_below_an_app_span(self, story: Story) -> None:
        """
        What counts is the topmost span: two requests in one trace of a test are two pieces of work.
        """
        app = story.app((0, 20))
        for at, (asked, answered) in {1: ("Capital of France?", "Paris."), 5: ("Author of Faust?", "Goethe.")}.items():
            request = story.request((at, at + 3), under=app)
            story.llm((at + 1, at + 2), asked, answered, under=request)

        assert len(story.told) == 2


class TestRetries:
    def test_after_an_error(self, story: Story) -> None:
        """
        A call that failed and was repeated is one pair.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Capital of France?", under=app, error=True)
        story.llm((3, 4), "Capital of France?", "Paris.", under=app)

        assert story.told == [("Capital of France?", "Paris.")]
        assert "merged:continues" in story.pair.reasons

    def test_after_half_an_answer(self, story: Story) -> None:
        """
        A stream that broke off with an error and was repeated is one pair with the whole answer.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Capital of France?", "Par", under=app, error=True)
        story.llm((3, 4), "Capital of France?", "Paris.", under=app)

        assert story.told == [("Capital of France?", "Paris.")]

    def test_that_never_succeeded(self, story: Story) -> None:
        """
        Three failures are no pair.
        """
        app = story.app((0, 20))
        for at in (1, 3, 5):
            story.llm((at, at + 1), "Capital of France?", under=app, error=True)

        assert story.told == []


class TestManySteps:
    @pytest.mark.parametrize("calls", [10, 150])
    def test_a_long_loop(self, story: Story, calls: int) -> None:
        """
        A loop of many calls below an agent without content is one pair, however long it took.
        """
        run = story.agent((0, 10_000))
        chat = [story.said("user", "Visit all the cities, please")]
        for number in range(calls):
            call = story.calling("visit", {"city": number}, id=f"c{number}")
            story.llm((10 * number, 10 * number + 5), chat, call, under=run)
            chat = [*chat, call, story.result(f"seen {number}", id=f"c{number}")]
        story.llm((5_000, 5_001), chat, "All visited.", under=run)

        assert story.told == [("Visit all the cities, please", "All visited.")]
