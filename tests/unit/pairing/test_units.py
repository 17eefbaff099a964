"""What a run's question and answer are: its own words where they hold, else those of its model calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spanlabel.model import Kind, Message, SpanEvent, Text

Story = Any  # the builder of conftest.py


class TestModelCall:
    def test_plain_call(self, story: Story) -> None:
        """
        A model call alone is a pair: what the user said and what the model answered.
        """
        story.llm((0, 1), "What is the capital of France?", "Paris.")

        pair = story.pair

        assert (pair.prompt, pair.answer, pair.answers) == ("What is the capital of France?", "Paris.", ("Paris.",))
        assert pair.reasons == ("prompt_from_llm", "answer_from_llm")
        assert pair.confidence == 0.9

    def test_history(self, story: Story) -> None:
        """
        Of a call that carries a conversation the question is the last thing the user said; all before it is kept.
        """
        chat = [
            story.said("system", "Be brief."),
            story.said("user", "Who wrote Faust?"),
            story.said("assistant", "Goethe."),
            story.said("user", "When?"),
        ]
        story.llm((0, 1), chat, "1808.")

        assert story.pair.prompt == "When?"
        assert story.pair.messages == tuple(chat)

    def test_system_instructions_that_came_apart(self, story: Story) -> None:
        """
        System instructions that stand in an attribute of their own come first in the conversation, once.
        """
        story.llm((0, 1), "Hello?", "Hi.", system="Be brief.")

        assert [(m.role, m.text) for m in story.pair.messages] == [("system", "Be brief."), ("user", "Hello?")]

    def test_system_instructions_said_twice(self, story: Story) -> None:
        """
        System instructions that stand both apart and among the messages are shown once.
        """
        story.llm((0, 1), [story.said("system", "Be brief."), story.said("user", "Hello?")], "Hi.", system="Be brief.")

        assert [m.text for m in story.pair.messages] == ["Be brief.", "Hello?"]

    @pytest.mark.parametrize("role", ["tool", "user"])
    def test_a_tool_result_is_no_question(self, story: Story, role: str) -> None:
        """
        What a tool gave back is not what the user asked, also where the provider puts it under the user's role.
        """
        chat = [
            story.said("user", "How warm is it in Rome?"),
            story.calling("weather", {"city": "Rome"}, id="c1"),
            story.result("21 degrees", id="c1", role=role),
        ]
        story.llm((0, 1), chat, "It is 21 degrees in Rome.")

        assert story.told == [("How warm is it in Rome?", "It is 21 degrees in Rome.")]

    def test_text_beside_a_tool_call_is_no_answer(self, story: Story) -> None:
        """
        "Now Rome." beside a tool call is not the answer.
        """
        story.llm((0, 1), "How warm is it in Rome?", story.calling("weather", {"city": "Rome"}, text="Now Rome."))

        assert story.told == []

    def test_text_before_a_tool_call_in_a_message_of_its_own(self, story: Story) -> None:
        """
        Where one model turn was written as two messages, text first and tool call second, the text is no answer.
        """
        went = [story.said("assistant", "Now Rome."), story.calling("weather", {"city": "Rome"})]
        story.llm((0, 1), "How warm is it in Rome?", went)

        assert story.told == []

    def test_a_routing_word_is_no_answer(self, story: Story) -> None:
        """
        A graph's word for "go on there" is not what a model answered.
        """
        story.llm((0, 1), "Where to go?", "__end__")

        assert story.told == []

    def test_several_choices(self, story: Story) -> None:
        """
        A model that was asked for two choices gives one pair with both; the first is the answer.
        """
        story.llm((0, 1), "Name a morning tide.", ["Sea Lark", "Morning Tide"])

        assert story.pair.answer == "Sea Lark"
        assert story.pair.answers == ("Sea Lark", "Morning Tide")

    def test_a_failed_call(self, story: Story) -> None:
        """
        A call that failed gives no pair, even if part of an answer had come.
        """
        story.llm((0, 1), "Hello?", "Hel", error=True)

        assert story.told == []
        assert "no_answer" in story.fates(1)

    def test_a_call_without_content(self, story: Story) -> None:
        """
        A model call whose content was not captured gives nothing, and the step says so.
        """
        story.llm((0, 1))

        assert story.told == []

    def test_an_empty_answer(self, story: Story) -> None:
        """
        White space is no question and no answer.
        """
        story.llm((0, 1), "Hello?", "  \n ")
        story.llm((2, 3), "  ", "Hi.")

        assert story.told == []

    @pytest.mark.parametrize(
        "kind", [Kind.EMBEDDING, Kind.RETRIEVER, Kind.RERANK, Kind.GUARDRAIL, Kind.EVALUATOR, Kind.TOOL, Kind.HANDOFF]
    )
    def test_no_pair_of_other_work(self, story: Story, kind: Kind) -> None:
        """
        An embedding, a retrieval, a guardrail, an evaluation or a tool is never a pair, nor is a model call within it.
        """
        above = story.run(kind, (0, 2), "some text", "some other text")
        story.llm((0.5, 1.5), "Is this text safe?", "Yes, it is.", under=above)

        assert story.told == []
        assert "inner" in story.fates(above)


class TestRun:
    def test_own_words_come_first(self, story: Story) -> None:
        """
        An agent that says its own question and answer is believed: the template and the draft inside it are not shown.
        """
        run = story.agent((0, 9), "Capital of France?", "It is Paris!")
        story.llm((1, 2), "Answer the question: Capital of France? Be brief.", "It is Paris", under=run)

        pair = story.pair

        assert (pair.prompt, pair.answer) == ("Capital of France?", "It is Paris!")
        assert pair.reasons == ("own_prompt:value", "own_answer:value")
        assert pair.confidence == 1.0
        assert pair.unit_span_id == pair.prompt_span_id == pair.answer_span_id == f"{run:016x}"

    def test_own_answer_beats_the_models(self, story: Story) -> None:
        """
        What the app made of the model's answer is what the user saw; that the texts differ lowers the confidence.
        """
        run = story.chain((0, 9), "What is seven times six, please?", "42")
        story.llm((1, 2), "What is seven times six, please?", "Let me compute that with code.", under=run)

        assert story.told == [("What is seven times six, please?", "42")]
        assert "answer_differs" in story.pair.reasons
        assert story.pair.confidence == 0.9

    def test_no_own_words(self, story: Story) -> None:
        """
        An agent without content of its own speaks through its first and its last model call.
        """
        run = story.agent((0, 9))
        call = story.llm((1, 2), "Capital of France?", "Paris.", under=run)

        pair = story.pair

        assert pair.unit_span_id == f"{run:016x}"
        assert (pair.prompt_span_id, pair.answer_span_id) == (f"{call:016x}",) * 2
        assert pair.reasons == ("prompt_from_llm", "answer_from_llm")
        assert pair.confidence == 0.9

    def test_an_output_of_all_that_was_said(self, story: Story) -> None:
        """
        Where a run's output strings together what its model said on the way and at the end, the end is the answer.
        """
        run = story.agent((0, 9), "How warm is it in Rome?", "Now Rome.\nIt is 21 degrees.")
        call = story.calling("weather", "Rome", text="Now Rome.")
        story.llm((1, 2), "How warm is it in Rome?", call, under=run)
        story.llm((3, 4), "How warm is it in Rome?", "It is 21 degrees.", under=run)

        assert story.told == [("How warm is it in Rome?", "It is 21 degrees.")]

    def test_a_streamed_run_in_one_text(self, story: Story) -> None:
        """
        Where a run's output strings together what a tool gave and what the model said, the model's end is the answer.
        """
        run = story.agent((0, 9), "How warm is it in Rome?", "9 CNow Oslo.24 CRome is warmer.")
        story.llm((1, 2), "How warm is it in Rome?", story.calling("weather", "Rome"), under=run)
        story.llm((3, 4), "How warm is it in Rome?", "Rome is warmer.", under=run)

        assert story.told == [("How warm is it in Rome?", "Rome is warmer.")]

    def test_an_answer_with_a_text_of_its_own_before(self, story: Story) -> None:
        """
        A run that puts a text of its own before what the model answered gives both.
        """
        run = story.agent((0, 9), "How warm is it in Rome?", "As of today: 21 degrees.")
        story.llm((1, 2), "How warm is it in Rome?", story.calling("weather", "Rome"), under=run)
        story.llm((3, 4), "How warm is it in Rome?", "21 degrees.", under=run)

        assert story.told == [("How warm is it in Rome?", "As of today: 21 degrees.")]

    def test_a_failure_is_no_answer(self, story: Story) -> None:
        """
        A run that failed and gives out the words of the failure has no answer.
        """
        run = story.agent((0, 9), "How warm is it?", "The server had an error", error=True)
        call = story.llm((1, 2), "How warm is it?", under=run, error=True)
        failed = next(s for s in story.steps if s.span.span_id == f"{call:016x}")
        event = SpanEvent("exception", 1, {"exception.message": "The server had an error"})
        story.mark(call, span=replace(failed.span, events=(event,)))

        assert story.told == []

    def test_a_failure_of_a_run_that_says_it_is_well(self, story: Story) -> None:
        """
        A run that gives out a part of the failure's words has no answer, whatever its own status says.
        """
        run = story.agent((0, 9), "How warm is it?", "The server had an error")
        call = story.llm((1, 2), "How warm is it?", under=run, error=True)
        failed = next(s for s in story.steps if s.span.span_id == f"{call:016x}")
        event = SpanEvent("exception", 1, {"exception.message": "Error code: 500 - The server had an error"})
        story.mark(call, span=replace(failed.span, events=(event,)))

        assert story.told == []

    def test_an_excuse_after_a_failure(self, story: Story) -> None:
        """
        What a run answers in words of its own after a failure is its answer.
        """
        run = story.agent((0, 9), "How warm is it?", "I cannot tell today.")
        story.llm((1, 2), "How warm is it?", under=run, error=True)

        assert story.told == [("How warm is it?", "I cannot tell today.")]

    def test_instructions_of_an_agent(self, story: Story) -> None:
        """
        An agent that says its question, but not its instructions, shows those of its first model call.
        """
        run = story.step(Kind.AGENT, (0, 9), input=(story.said("user", "How warm is it?"),), output_text="21 degrees.")
        story.llm((1, 2), "How warm is it?", "21 degrees.", under=run, system="Be brief.")

        assert [m.text for m in story.pair.messages] == ["Be brief.", "How warm is it?"]

    def test_instructions_of_the_same_call_below(self, story: Story) -> None:
        """
        A call that is recorded in two layers shows the instructions that only the lower one knows.
        """
        call = story.llm((0, 9), "How warm is it?", "21 degrees.")
        story.llm((1, 2), "How warm is it?", "21 degrees.", under=call, system="Be brief.")

        assert [m.text for m in story.pair.messages] == ["Be brief.", "How warm is it?"]

    def test_instructions_within_a_graph(self, story: Story) -> None:
        """
        A graph's conversation is its own state: the instructions of a node are not the user's conversation.
        """
        run = story.step(Kind.CHAIN, (0, 9), input=(story.said("user", "How warm is it?"),), output_text="21 degrees.")
        story.llm((1, 2), "How warm is it?", "21 degrees.", under=run, system="Be brief.")

        assert [m.text for m in story.pair.messages] == ["How warm is it?"]

    def test_only_the_question_is_its_own(self, story: Story) -> None:
        """
        An agent that knows its question, but not its answer, takes the answer of its last model call.
        """
        run = story.agent((0, 9), "Capital of France?")
        story.llm((1, 2), "Capital of France?", "Paris.", under=run)

        assert story.told == [("Capital of France?", "Paris.")]
        assert story.pair.reasons == ("own_prompt:value", "answer_from_llm")

    def test_tool_loop(self, story: Story) -> None:
        """
        An agent with two tools and three model calls is one pair: the question and the last answer.
        """
        run = story.agent((0, 9))
        asked = story.said("user", "How warm is it in Rome and Oslo?")
        rome, oslo = (
            story.calling("weather", {"city": "Rome"}, id="1"),
            story.calling("weather", {"city": "Oslo"}, id="2"),
        )
        story.llm((1, 2), [asked], rome, under=run)
        story.tool((2, 3), under=run)
        story.llm((3, 4), [asked, rome, story.result("21", id="1")], oslo, under=run)
        story.tool((4, 5), under=run)
        story.llm(
            (5, 6), [asked, rome, story.result("21", id="1"), oslo, story.result("3", id="2")], "21 and 3.", under=run
        )

        pair = story.pair

        assert (pair.prompt, pair.answer) == ("How warm is it in Rome and Oslo?", "21 and 3.")
        assert pair.messages == (asked,)
        assert pair.skipped_steps == 4
        assert pair.reasons == ("merged:continues", "prompt_from_llm", "answer_from_llm")

    def test_tool_loop_of_a_run_that_speaks(self, story: Story) -> None:
        """
        Where the agent says its question and its answer itself, nothing about the loop below lowers the confidence.
        """
        run = story.agent((0, 9), "How warm is it in Rome?", "21 degrees.")
        asked, call = story.said("user", "How warm is it in Rome?"), story.calling("weather", "Rome", id="1")
        story.llm((1, 2), [asked], call, under=run)
        story.tool((2, 3), under=run)
        story.llm((3, 4), [asked, call, story.result("21", id="1")], "21 degrees.", under=run)

        assert story.pair.reasons == ("own_prompt:value", "own_answer:value")
        assert story.pair.confidence == 1.0

    def test_a_run_that_was_stopped(self, story: Story) -> None:
        """
        An agent that was stopped at its step limit, while it still wanted a tool, has no answer.
        """
        run = story.agent((0, 9), "How warm is it in Rome?")
        story.llm((1, 2), "How warm is it in Rome?", story.calling("weather", "Rome"), under=run)
        story.tool((2, 3), under=run)
        story.llm((3, 4), "How warm is it in Rome?", story.calling("weather", "Rome"), under=run)

        assert story.told == []

    def test_template_variable(self, story: Story) -> None:
        """
        Where a chain's input is only the word for a template's gap, the question is the text with the gap filled.
        """
        run = story.chain((0, 9), "France", "Paris.", input_key="country")
        story.llm((1, 2), "What is the capital of France?", "Paris.", under=run)

        assert story.told == [("What is the capital of France?", "Paris.")]
        assert "input_is_variable" in story.pair.reasons
        assert story.pair.confidence == 0.9

    def test_template_variable_of_an_unnamed_field(self, story: Story) -> None:
        """
        A word or two that occur in the model's question are a template's gap also where no field name was recorded.
        """
        run = story.chain((0, 9), "France", "Paris.")
        story.llm((1, 2), "What is the capital of France?", "Paris.", under=run)

        assert story.told == [("What is the capital of France?", "Paris.")]

    def test_template_variable_of_many_words(self, story: Story) -> None:
        """
        The only field of a chain's input, if its name is no word for a question, is a template's gap however long.
        """
        topic = "the history of Rome in the middle ages"
        run = story.chain((0, 9), topic, "Once upon a time.", input_key="topic")
        story.llm((1, 2), f"Write a poem about {topic}.", "Once upon a time.", under=run)

        assert story.pair.prompt == f"Write a poem about {topic}."

    def test_question_in_a_template(self, story: Story) -> None:
        """
        Where a chain's input is a whole question that a template only wrapped, the question is the input.
        """
        run = story.chain((0, 9), "Who wrote the novel Effi Briest?", "Fontane.")
        story.llm((1, 2), "Context: novels.\n\nQuestion: Who wrote the novel Effi Briest?", "Fontane.", under=run)

        assert story.told == [("Who wrote the novel Effi Briest?", "Fontane.")]
        assert story.pair.confidence == 1.0

    def test_question_that_the_model_never_saw(self, story: Story) -> None:
        """
        A run's own question that has nothing in common with what its model was asked is kept, with less confidence.
        """
        run = story.agent((0, 9), "Plan my week, please", "Here is your plan.")
        story.llm((1, 2), "List the seven days.", "Here is your plan.", under=run)

        assert story.told == [("Plan my week, please", "Here is your plan.")]
        assert "prompt_unrelated" in story.pair.reasons
        assert story.pair.confidence == 0.85

    def test_a_step_that_passes_on_what_it_got(self, story: Story) -> None:
        """
        A parser or a lambda that gives out what came in is never a pair.
        """
        story.chain((0, 1), "Paris is the capital.", "Paris is the capital.")

        assert story.told == []
        assert "echo" in story.fates(1)

    def test_a_step_below_a_run_without_a_model(self, story: Story) -> None:
        """
        A node of a graph that called no model is not a pair of its own.
        """
        run = story.chain((0, 9))
        story.chain((1, 2), "some state of a graph", "some other state", under=run)

        assert story.told == []

    def test_a_chain_alone(self, story: Story) -> None:
        """
        A topmost chain with a question and an answer is a pair even if no model call was traced.
        """
        story.chain((0, 1), "Capital of France?", "Paris.")

        assert story.told == [("Capital of France?", "Paris.")]

    def test_two_runs_below_a_root_without_content(self, story: Story) -> None:
        """
        A root without content of its own that holds two runs gives two pairs, not the first question with the
        last answer.
        """
        root = story.workflow((0, 20))
        story.agent((1, 5), "Capital of France?", "Paris.", under=root)
        story.agent((6, 9), "Author of Faust?", "Goethe.", under=root)

        assert story.told == [("Capital of France?", "Paris."), ("Author of Faust?", "Goethe.")]

    def test_a_root_that_mixes_two_runs(self, story: Story) -> None:
        """
        A root whose own input is its first run's question and whose own output is its second run's answer gives a
        pair for each run.
        """
        root = story.agent((0, 20), "Capital of France?", "Goethe.")
        for at, (asked, answered) in {1: ("Capital of France?", "Paris."), 6: ("Author of Faust?", "Goethe.")}.items():
            run = story.agent((at, at + 4), under=root)
            story.llm((at + 1, at + 2), asked, answered, under=run)

        assert story.told == [("Capital of France?", "Paris."), ("Author of Faust?", "Goethe.")]
        assert "mixes_turns" in story.fates(root)

    def test_a_retry_note_is_no_question(self, story: Story) -> None:
        """
        "Please answer in JSON", which the framework wrote after a failed check, is not what the user asked.
        """
        question, note = story.said("user", "Capital of France?"), story.said("user", "Fix the errors and try again.")
        run = story.step(
            Kind.AGENT, (0, 9), input=(question, story.said("assistant", "paris"), note), output_text="Paris."
        )
        story.llm((1, 2), [question], "paris", under=run)
        story.llm((3, 4), [question, story.said("assistant", "paris"), note], "Paris.", under=run)

        assert story.told == [("Capital of France?", "Paris.")]
        assert "own_prompt:turn_start" in story.pair.reasons

    def test_a_longer_conversation_of_the_call(self, story: Story) -> None:
        """
        Where a run's own input holds only the new message, but its model got the whole session, the session is shown.
        """
        history = [story.said("user", "Who wrote Faust?"), story.said("assistant", "Goethe.")]
        new = story.said("user", "When was it?")
        run = story.step(Kind.AGENT, (0, 9), input=(new,), output_text="1808.")
        story.llm((1, 2), [*history, new], "1808.", under=run)

        assert story.pair.messages == (*history, new)

    def test_failed_run(self, story: Story) -> None:
        """
        A run that ended in an error gives no pair, even if a model call in it had answered.
        """
        run = story.agent((0, 9), "Capital of France?", error=True)
        story.llm((1, 2), "Capital of France?", "Paris.", under=run)

        assert story.told == []

    def test_failed_run_inside_a_good_one(self, story: Story) -> None:
        """
        Handoffs end as errors in some tracers: an error inside does not take away what the run above it answered.
        """
        root = story.agent((0, 20), "Refund me, please")
        inner = story.agent((1, 10), under=root, error=True)
        story.llm((2, 3), "Refund me, please", story.calling("transfer_to_refunds"), under=inner)
        story.llm((4, 5), "Refund me, please", "You will get your money.", under=inner)

        assert story.told == [("Refund me, please", "You will get your money.")]

    def test_choices_inside_a_run(self, story: Story) -> None:
        """
        Where the last model call of a run had two choices, the pair has both.
        """
        run = story.chain((0, 9), "Name a morning tide.", "Sea Lark")
        story.llm((1, 2), "Name a morning tide.", ["Sea Lark", "Morning Tide"], under=run)

        assert story.pair.answers == ("Sea Lark", "Morning Tide")

    def test_the_whole_run_in_one_output(self, story: Story) -> None:
        """
        Where an agent's output holds the whole run (tool call, tool result, text), the last text is the answer.
        """
        went = (story.calling("weather", "Rome", id="1", text="Now Rome."), story.result("21", id="1"))
        story.step(
            Kind.AGENT,
            (0, 9),
            input=(story.said("user", "How warm is it in Rome?"),),
            output=(*went, story.said("assistant", "21 degrees.")),
        )

        assert story.told == [("How warm is it in Rome?", "21 degrees.")]

    @pytest.mark.parametrize("served", [True, False])
    def test_the_whole_run_in_one_message(self, story: Story, served: bool) -> None:
        """
        Where one message holds the whole run, its text is the answer if the tool calls in it were served.
        """
        [call] = story.calling("weather", "Rome", id="1").parts
        parts = (Text("21 degrees."), call, *(story.result("21", id="1").parts if served else ()))
        run = story.step(
            Kind.AGENT, (0, 9), input=(story.said("user", "How warm is it?"),), output=(Message("assistant", parts),)
        )
        story.tool((1, 2), under=run)

        assert story.told == ([("How warm is it?", "21 degrees.")] if served else [])

    def test_an_output_that_ends_with_the_users_words(self, story: Story) -> None:
        """
        Where the last thing in an agent's output was said by the user, nothing has been answered yet.
        """
        went = (story.said("assistant", "Which city?"), story.said("user", "Rome, please."))
        story.step(Kind.AGENT, (0, 9), input=(story.said("user", "How warm is it?"),), output=went)

        assert story.told == []

    def test_an_output_that_ends_with_a_tool_result(self, story: Story) -> None:
        """
        A tool's result is never an answer, even if it is the last thing that an agent put out.
        """
        went = (story.calling("weather", "Rome", id="1", text="Now Rome."), story.result("21 degrees", id="1"))
        run = story.step(Kind.AGENT, (0, 9), input=(story.said("user", "How warm is it in Rome?"),), output=went)
        story.tool((1, 2), under=run)

        assert story.told == []


class TestStructuredOutput:
    @pytest.mark.parametrize("name", ["final_answer", "final_result", "structured_output_person"])
    def test_final_tool(self, story: Story, name: str) -> None:
        """
        An agent that ends by calling its final-answer tool has answered with that tool's argument.
        """
        run = story.agent((0, 9), "Capital of France?")
        story.llm((1, 2), "Capital of France?", story.calling(name, {"answer": "Paris."}), under=run)

        assert story.told == [("Capital of France?", "Paris.")]
        assert "final_tool" in story.pair.reasons
        assert story.pair.confidence >= 0.7

    def test_several_fields(self, story: Story) -> None:
        """
        Structured output of several fields is shown as JSON.
        """
        run = story.agent((0, 9), "Who is Ada?")
        story.llm((1, 2), "Who is Ada?", story.calling("final_result", {"name": "Ada", "born": 1815}), under=run)

        assert story.told == [("Who is Ada?", '{"name": "Ada", "born": 1815}')]

    def test_a_call_that_nobody_served(self, story: Story) -> None:
        """
        An agent whose output is a tool call, and in which no tool ever ran, has answered with the call's arguments.
        """
        run = story.step(
            Kind.AGENT,
            (0, 9),
            input=(story.said("user", "Who is Ada?"),),
            output=(story.calling("Person", {"name": "Ada", "born": 1815}),),
        )
        story.llm((1, 2), "Who is Ada?", story.calling("Person", {"name": "Ada", "born": 1815}), under=run)

        assert story.told == [("Who is Ada?", '{"name": "Ada", "born": 1815}')]
        assert "unserved_call" in story.pair.reasons

    @pytest.mark.parametrize("ended", ["at its step limit", "in an error"])
    def test_a_call_that_is_no_answer(self, story: Story, ended: str) -> None:
        """
        The last tool call of an agent that was stopped, or that failed, is no structured output.
        """
        call = story.calling("weather", {"city": "Rome", "days": 3})
        question = (story.said("user", "How warm is it in Rome?"),)
        run = story.step(Kind.AGENT, (0, 9), input=question, output=(call,), error=ended == "in an error")
        if ended == "at its step limit":
            story.tool((1, 2), under=run)

        assert story.told == []


class TestSeveralAgents:
    def test_handoff(self, story: Story) -> None:
        """
        Two agents that worked on one question, one after the other, are one pair: the last one answers.
        """
        root = story.agent((0, 20))
        first = story.agent((1, 5), under=root)
        story.llm((2, 3), "Refund me, please", story.calling("transfer_to_refunds"), under=first)
        second = story.agent((6, 12), under=root)
        story.llm((7, 8), "Refund me, please", "You will get your money.", under=second)

        assert story.told == [("Refund me, please", "You will get your money.")]

    def test_handoff_beside_one_another(self, story: Story) -> None:
        """
        Two agents with answers to one question, without a span around them, are one pair too.
        """
        app = story.app((0, 20))
        story.agent((1, 5), "Refund me, please", "Our refund agent will help you.", under=app)
        story.agent((6, 9), "Refund me, please", "You will get your money.", under=app)

        assert story.told == [("Refund me, please", "You will get your money.")]
        assert "merged:continues" in story.pair.reasons

    def test_agent_in_a_tool(self, story: Story) -> None:
        """
        An agent that was called as a tool is an inner step.
        """
        manager = story.agent((0, 20), "Plan my trip to Rome", "Fly on Monday.")
        tool = story.tool((2, 8), under=manager)
        helper = story.agent((3, 7), "Find flights to Rome", "Monday at 9.", under=tool)
        story.llm((4, 5), "Find flights to Rome", "Monday at 9.", under=helper)

        assert story.told == [("Plan my trip to Rome", "Fly on Monday.")]
        assert "inner" in story.fates(tool)

    def test_agent_as_a_tool_beside_its_manager(self, story: Story) -> None:
        """
        An agent that was called as a tool, but whose span lies beside its manager's, is an inner step by its time.
        """
        root = story.workflow((0, 20))
        manager = story.agent((1, 15), under=root)
        story.llm((2, 3), "Plan my trip to Rome", story.calling("flights", "Rome"), under=manager)
        story.tool((4, 8), under=manager)
        helper = story.agent((5, 7), under=root)
        story.llm((5.5, 6), "Find flights to Rome", "Monday at 9.", under=helper)
        story.llm((9, 10), "Plan my trip to Rome", "Fly on Monday.", under=manager)

        assert story.told == [("Plan my trip to Rome", "Fly on Monday.")]
        assert "within_tool" in story.fates(helper)

    def test_agent_beside_the_tool_span_that_called_it(self, story: Story) -> None:
        """
        The same without a manager: the agent lies beside the tool span, below the app's span.
        """
        app = story.app((0, 20))
        story.llm((1, 2), "Plan my trip to Rome", story.calling("flights", "Rome"), under=app)
        story.tool((4, 8), under=app)
        helper = story.agent((5, 7), "Find flights to Rome", "Monday at 9.", under=app)
        story.llm((9, 10), "Plan my trip to Rome", "Fly on Monday.", under=app)

        assert story.told == [("Plan my trip to Rome", "Fly on Monday.")]
        assert "within_tool" in story.fates(helper)

    def test_agent_that_outlasts_the_tool(self, story: Story) -> None:
        """
        An agent that only began while a tool ran beside it is no part of that tool.
        """
        app = story.app((0, 20))
        story.tool((4, 8), under=app)
        story.agent((5, 9), "Find flights to Rome", "Monday at 9.", under=app)

        assert story.told == [("Find flights to Rome", "Monday at 9.")]

    def test_a_call_above_another_that_failed(self, story: Story) -> None:
        """
        A framework's model call above the SDK's own attempts, of which none was captured with an answer, speaks itself.
        """
        outer = story.llm((0, 9), "Capital of France?", "Paris.")
        story.llm((1, 2), "Capital of France?", under=outer, error=True)

        assert story.told == [("Capital of France?", "Paris.")]
        assert story.pair.unit_span_id == f"{outer:016x}"

    def test_attributes_of_a_call_on_the_apps_own_span(self, story: Story) -> None:
        """
        Where a tracer wrote the attributes of its last call onto the app's span, the calls below it are read instead.
        """
        above = story.llm((0, 20), "How warm is it in Rome?", story.calling("weather", "Rome"))
        story.llm((1, 2), "How warm is it in Rome?", story.calling("weather", "Rome", id="1"), under=above)
        chat = [
            story.said("user", "How warm is it in Rome?"),
            story.calling("weather", "Rome", id="1"),
            story.result("21", id="1"),
        ]
        story.llm((3, 4), chat, "21 degrees.", under=above)

        assert story.told == [("How warm is it in Rome?", "21 degrees.")]
