import pytest

from spanlabel.model import Media, Message, Reasoning, Text, ToolCall, ToolResult
from spanlabel.records.cleaning import MAX_TEXT
from spanlabel.records.messages import MAX_CONVERSATION, MAX_MESSAGES, MAX_PARTS, clean_message, clean_messages


def _chat(n: int, text: str = "hello") -> list[Message]:
    return [Message("user" if i % 2 == 0 else "assistant", (Text(f"{text} {i}"),)) for i in range(n)]


class TestConversation:
    def test_an_ordinary_conversation_is_left_alone(self) -> None:
        """
        A reviewer sees the whole conversation, in order.
        """
        messages = [Message("system", (Text("be kind"),)), *_chat(20)]

        assert clean_messages(messages) == tuple(messages)

    def test_none(self) -> None:
        """
        A run without captured messages has none.
        """
        assert clean_messages([]) == ()

    def test_as_many_as_allowed(self) -> None:
        """
        Nothing is left out of a conversation that fits.
        """
        messages = _chat(MAX_MESSAGES)

        assert clean_messages(messages) == tuple(messages)

    def test_too_many_messages(self) -> None:
        """
        Of an endless conversation the instructions and the last messages are shown, and how many are not.
        """
        system = Message("system", (Text("be kind"),))

        cleaned = clean_messages([system, *_chat(600)])

        assert len(cleaned) == MAX_MESSAGES
        assert cleaned[0] == system
        assert cleaned[1] == Message("system", (Text("[102 earlier messages left out]"),))
        assert cleaned[2].text == "hello 102"
        assert cleaned[-1].text == "hello 599"

    def test_too_many_messages_without_instructions(self) -> None:
        """
        The same where the conversation has no system message.
        """
        cleaned = clean_messages(_chat(501))

        assert len(cleaned) == MAX_MESSAGES
        assert [message.text for message in cleaned[:2]] == ["[2 earlier messages left out]", "hello 2"]

    def test_too_long_messages(self) -> None:
        """
        A few huge messages are bounded like many small ones, and the prompt at the end always stays.
        """
        cleaned = clean_messages(_chat(30, "x" * 90_000))

        assert sum(len(message.text) for message in cleaned) < MAX_CONVERSATION
        assert cleaned[0].text == "[19 earlier messages left out]"
        assert cleaned[-1].text == "x" * 90_000 + " 29"

    def test_the_prompt_stays_whatever_it_weighs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A single message that fills the conversation alone is not left out.
        """
        monkeypatch.setattr("spanlabel.records.messages.MAX_CONVERSATION", 10)

        assert [message.text for message in clean_messages(_chat(2))] == ["[1 earlier messages left out]", "hello 1"]

    def test_size_of_tool_traffic_counts(self) -> None:
        """
        A conversation full of tool results is bounded too.
        """
        results = [Message("tool", (ToolResult({"rows": "y" * 90_000}, "1"),)) for _ in range(30)]

        assert len(clean_messages(results)) == 12


class TestMessage:
    def test_every_part_is_cleaned(self) -> None:
        """
        No part of a message carries what a platform refuses.
        """
        dirty = Message(
            "us\x00er",
            (
                Text("a\x00"),
                Reasoning("b\ud800"),
                ToolCall("c\x00", {"d\x00": b"1"}, "e\x00"),
                ToolResult(["f\x00", float("inf")], "g\x00"),
                Media("h\x00", "i\x00", "j\x00"),
            ),
            "k\x00",
            "l\x00",
        )

        assert clean_message(dirty) == Message(
            "us\ufffder",
            (
                Text("a\ufffd"),
                Reasoning("b\ufffd"),
                ToolCall("c\ufffd", {"d\ufffd": "[1 bytes]"}, "e\ufffd"),
                ToolResult(["f\ufffd", "inf"], "g\ufffd"),
                Media("h\ufffd", "i\ufffd", "j\ufffd"),
            ),
            "k\ufffd",
            "l\ufffd",
        )

    def test_what_is_not_given_stays_so(self) -> None:
        """
        None is not an empty text.
        """
        message = Message("assistant", (ToolCall("f"), ToolResult(), Media("image")))

        assert clean_message(message) == message

    def test_all_parts_share_one_bound(self) -> None:
        """
        A message of many long parts is no longer than one of a single long part, but for the marks.
        """
        cleaned = clean_message(Message("user", tuple(Text("z" * 60_000) for _ in range(4))))

        assert len(cleaned.text) < MAX_TEXT + 100
        assert cleaned.parts[3] == Text(" […60,000 characters cut]")

    def test_too_many_parts(self) -> None:
        """
        A message of very many parts says how many are missing.
        """
        cleaned = clean_message(Message("user", tuple(Text("z") for _ in range(MAX_PARTS + 3))))

        assert cleaned.text == "z" * MAX_PARTS + "[3 parts left out]"
