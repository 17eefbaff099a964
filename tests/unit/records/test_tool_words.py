from __future__ import annotations

import pytest

from spanlabel.model import Message, Part, Reasoning, Text, ToolCall, ToolResult
from spanlabel.records.tool_words import tool_line, tool_names

NAMES = {"1": "find_order"}


class TestToolNames:
    def test_by_id(self) -> None:
        """
        A result is told apart by the id of its call; a call without id or name tells nothing.
        """
        calls = (ToolCall("find_order", None, "1"), ToolCall("weather", None, None))

        assert tool_names([Message("user", (Text("?"),)), Message("assistant", calls)]) == NAMES


class TestToolLine:
    @pytest.mark.parametrize(
        ("part", "line"),
        [
            pytest.param(
                ToolCall("weather", {"city": "Rome", "days": 2}), "🔧 used weather (city: Rome, days: 2)", id="call"
            ),
            pytest.param(ToolCall("", None), "🔧 used a tool", id="nameless call"),
            pytest.param(ToolCall("weather", '{"city": "Rome"}'), "🔧 used weather (city: Rome)", id="JSON as text"),
            pytest.param(
                ToolCall("weather", '{"city": "Ro'), '🔧 used weather ({"city": "Ro)', id="JSON that broke off"
            ),
            pytest.param(ToolResult("sunny", "1"), "🔧 find_order found: sunny", id="result"),
            pytest.param(ToolResult("sunny", "2"), "🔧 a tool found: sunny", id="result of nobody"),
            pytest.param(
                ToolResult('[{"title": "A"}, {"title": "B"}]', "1"),
                "🔧 find_order found: title: A; title: B",
                id="search results as text",
            ),
            pytest.param(ToolResult("[1] see the handbook"), "🔧 a tool found: [1] see the handbook", id="no JSON"),
            pytest.param(ToolResult("[" * 3_000), "🔧 a tool found: " + "[" * 299 + "…", id="too deep to be read"),
            pytest.param(ToolResult("{}"), "🔧 a tool found: {}", id="empty object as text"),
            pytest.param(ToolResult(""), "", id="found nothing"),
            pytest.param(ToolResult(None), "", id="no result"),
            pytest.param(Text("hello"), "", id="words"),
            pytest.param(Reasoning("hm"), "", id="thought"),
        ],
    )
    def test_line(self, part: Part, line: str) -> None:
        """
        Tool traffic is one plain line, whether the tool speaks JSON or not; everything else is none.
        """
        assert tool_line(part, NAMES) == line
