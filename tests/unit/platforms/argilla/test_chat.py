from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.model import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult
from spanlabel.platforms.argilla.chat import MAX_CONTENT, MAX_ROLE, bubbles


def _message(role: str, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def _said(*messages: Message, then: str | None = None) -> list[tuple[str, str]]:
    return [(bubble["role"], bubble["content"]) for bubble in bubbles(messages, then=then)]


class TestWhatIsSaid:
    def test_as_it_was(self) -> None:
        """
        Who said what, in order, and the answer last where it belongs to the conversation.
        """
        asked = (_message("system", "Be brief."), _message("user", "Hi"), _message("assistant", "Hello"))

        assert _said(*asked, then="Bye") == [
            ("system", "Be brief."),
            ("user", "Hi"),
            ("assistant", "Hello"),
            ("assistant", "Bye"),
        ]

    def test_thoughts_and_silence(self) -> None:
        """
        Thoughts and messages without words make no bubble.
        """
        assert _said(_message("assistant", Reasoning("hmm")), _message("user", " \n")) == []

    def test_pictures_and_files(self) -> None:
        """
        A picture or file is named, with its place as text.
        """
        asked = _message(
            "user", "What is this?", Media("image", "image/png", "https://example.com/a.png"), Media("audio")
        )

        assert _said(asked) == [("user", "What is this?\n\n[image: https://example.com/a.png]\n\n[audio]")]

    def test_markup(self) -> None:
        """
        Markup in words, roles and tools' traffic is made inert.
        """
        [(role, content)] = _said(_message("<b>x", "<img src=x> ![a](b)"))

        assert role == "bx"
        assert content == "<\N{WORD JOINER}img src=x> !\N{WORD JOINER}[a](b)"


class TestTools:
    CALL = ToolCall("find_order", {"customer": "c-1", "options": {"deep": {"deeper": 1}}}, "1")
    FOUND = ToolResult({"order": "A-1", "items": [{"sku": "R45"}, {"sku": "X"}], "none": None}, "1")

    def test_above_the_words_that_came_next(self) -> None:
        """
        What was looked up stands as short lines above what the assistant said then.
        """
        said = _said(
            _message("user", "Where is it?"),
            _message("assistant", self.CALL),
            _message("tool", self.FOUND),
            _message("assistant", "On its way."),
        )

        assert said == [
            ("user", "Where is it?"),
            ("assistant", "🔧 used find_order (customer: c-1)\n\n🔧 find_order found: order: A-1\n\nOn its way."),
        ]

    def test_never_in_the_users_mouth(self) -> None:
        """
        If the user speaks next, the lines are a bubble of the assistant's.
        """
        said = _said(_message("assistant", self.CALL), _message("user", "Hello?"))

        assert said == [("assistant", "🔧 used find_order (customer: c-1)"), ("user", "Hello?")]

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            pytest.param("21 °C\nsunny", "21 °C sunny", id="text in one line"),
            pytest.param(3.5, "3.5", id="number"),
            pytest.param([1, 2, 3], "1; 2; 3", id="list"),
            pytest.param([{"title": "A", "at": 1}, {"title": "B"}], "title: A, at: 1; title: B", id="search results"),
            pytest.param("x" * 500, "x" * 299 + "…", id="cut"),
        ],
    )
    def test_results(self, value: object, shown: str) -> None:
        """
        A result is one short line, never a dump.
        """
        [(_, content)] = _said(_message("tool", ToolResult(value)))  # type: ignore[arg-type]  # values of JSON

        assert content == f"🔧 a tool found: {shown}"

    @pytest.mark.parametrize("value", [None, "", {}, [], {"a": {"b": {"c": 1}}}])
    def test_nothing_to_tell(self, value: object) -> None:
        """
        A result that has no short form is left out.
        """
        assert _said(_message("tool", ToolResult(value))) == []  # type: ignore[arg-type]  # values of JSON


class TestLimits:
    def test_long_messages_go_on(self) -> None:
        """
        A message too long for one bubble goes on in the next; nothing of it is lost.
        """
        text = "\n".join(f"line {n}" for n in range(10_000))
        made = bubbles([_message("user", text)])

        assert [bubble["role"] for bubble in made] == ["user"] * len(made)
        assert "".join(bubble["content"] for bubble in made) == text
        assert all(bubble["content"].endswith("\n") for bubble in made[:-1])

    def test_many_messages(self) -> None:
        """
        Of more than 500 bubbles the first and the last ones stay, and a note says how many are missing.
        """
        said = _said(*(_message("user", str(n)) for n in range(600)))

        assert len(said) == 500
        assert said[:3] == [("user", "0"), ("system", "[101 messages left out]"), ("user", "102")]
        assert said[-1] == ("user", "599")

    @given(st.lists(st.tuples(st.text(), st.text()), max_size=30))
    def test_the_server_takes_it(self, given_messages: list[tuple[str, str]]) -> None:
        """
        Whatever was said: every bubble has a role of 1 to 20 and a text of 1 to 20 000 characters.
        """
        for bubble in bubbles([_message(role, text) for role, text in given_messages]):
            assert 1 <= len(bubble["role"]) <= MAX_ROLE
            assert 1 <= len(bubble["content"]) <= MAX_CONTENT
