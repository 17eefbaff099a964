"""What frameworks write around the words of the user and of the app is not shown."""

from __future__ import annotations

import time
from typing import Any

import pytest

from spanlabel.model import Media, Message, Text
from spanlabel.pairing._habits import bare_system, is_machinery

Story = Any  # the builder of conftest.py

IDENTITY = '\n\nYou are an agent. Your internal name is "helper".'


class TestQuestion:
    def test_new_task(self, story: Story) -> None:
        """
        smolagents' "New task:" before the question is taken off, in the question and in the conversation.
        """
        story.llm((0, 1), "New task:\nCapital of France?", "Paris.")

        assert story.pair.prompt == "Capital of France?"
        assert story.pair.messages[-1].text == "Capital of France?"

    def test_the_users_own_words(self, story: Story) -> None:
        """
        The same words within a question stay.
        """
        story.llm((0, 1), "Translate 'New task:\nbuy milk'", "Neue Aufgabe: Milch kaufen")

        assert story.pair.prompt == "Translate 'New task:\nbuy milk'"


class TestSystem:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            pytest.param("Be brief." + IDENTITY, "Be brief.", id="Google ADK"),
            pytest.param(
                "Be brief." + IDENTITY + ' The description about you is "x".', "Be brief.", id="with description"
            ),
            pytest.param("Be brief.\n \n" + IDENTITY, "Be brief.", id="white space before it"),
            pytest.param("Be brief." + IDENTITY + "\nBe kind.", None, id="the app goes on after it"),
            pytest.param("Your internal name is Bob.", None, id="the app's own words"),
            pytest.param("Be brief.", None, id="nothing to take off"),
        ],
    )
    def test_identity(self, text: str, shown: str | None) -> None:
        """
        Who the agent is, which Google ADK writes at the end of each instruction, is taken off; the app's words are not.
        """
        assert bare_system(Message("system", (Text(text),))).text == (text if shown is None else shown)

    def test_in_the_pair(self, story: Story) -> None:
        """
        The conversation of a pair shows the app's own instructions.
        """
        story.llm((0, 1), [story.said("system", "Be brief." + IDENTITY), story.said("user", "Hello?")], "Hi.")

        assert [m.text for m in story.pair.messages] == ["Be brief.", "Hello?"]

    def test_other_parts(self) -> None:
        """
        An instruction that is not one text is left alone.
        """
        message = Message("system", (Text("Be brief." + IDENTITY), Media("image")))

        assert bare_system(message) is message

    def test_a_hostile_instruction(self) -> None:
        """
        A megabyte of line breaks around the words takes no time.
        """
        text = "\n" * 500_000 + "Your internal name is" + "\n" * 500_000 + IDENTITY + "\n"

        started = time.process_time()
        bare_system(Message("system", (Text(text),)))

        assert time.process_time() - started < 1


class TestMetadata:
    @pytest.mark.parametrize(
        ("key", "machinery"),
        [("langgraph_step", True), ("checkpoint_ns", True), ("ls_provider", True), ("tenant", False)],
    )
    def test_machinery(self, key: str, machinery: bool) -> None:
        """
        Facts that a framework notes for itself are told from those that the app set.
        """
        assert is_machinery(key) is machinery
