"""JSON that travels as text: taken apart as often as it was encoded, mended where a limit cut it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanlabel.dialects._codec import as_int, as_json, as_strings, as_text, decoded

MESSAGES = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief: [always] {so}."}]},
    {"role": "user", "parts": [{"type": "text", "content": 'Say "hi", 世界 \\ \n !'}]},
]

JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1000, 1000), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=10,
)


class TestDecoded:
    @pytest.mark.parametrize("times", [1, 2, 3])
    def test_encoded_several_times(self, times: int) -> None:
        """
        JSON text of JSON text is taken apart, up to three times.
        """
        text: Any = MESSAGES
        for _ in range(times):
            text = json.dumps(text)

        assert decoded(text) == (MESSAGES, False)

    def test_encoded_a_fourth_time(self) -> None:
        """
        A fourth encoding is left as the text it is: nobody does that by accident.
        """
        text: Any = {"a": 1}
        for _ in range(4):
            text = json.dumps(text)

        assert decoded(text) == ('{"a": 1}', False)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "   ",
            "plain words",
            "42",
            "true",
            "null",
            "[brackets] around a word",
            "{curly} words",
            '"open quote',
            "{",
            "[",
            "{'a': 'Python'}",
            "[note] see [1], {2}",
            '{"a": 1} and more words',
        ],
    )
    def test_no_json(self, text: str) -> None:
        """
        Words, numbers and texts that only look like JSON at first stay as they are.
        """
        assert decoded(text) == (text, False)

    def test_white_space_around(self) -> None:
        """
        Line breaks around JSON, as pretty printers leave them, do not matter.
        """
        assert decoded('\n  {"a": 1} \n') == ({"a": 1}, False)

    @pytest.mark.parametrize("value", [None, 3, 1.5, True, b"{}", ["x"], ("x",), {"a": "[1]"}], ids=repr)
    def test_structured(self, value: Any) -> None:
        """
        A value that came structured is left alone.
        """
        assert decoded(value) == (value, False)


class TestCut:
    @pytest.mark.parametrize("length", range(60, len(json.dumps(MESSAGES)) - 1))
    def test_messages_cut_anywhere(self, length: int) -> None:
        """
        Messages that an attribute length limit cut are read as far as they came, and are known to be cut.
        """
        value, is_cut = decoded(json.dumps(MESSAGES)[:length])

        assert is_cut
        assert isinstance(value, list)
        assert value[0]["role"] == "system"
        assert MESSAGES[0]["parts"][0]["content"].startswith(value[0]["parts"][0].get("content") or "")

    def test_inside_an_escape(self) -> None:
        r"""
        A cut within `\u4e16` costs that one character only.
        """
        whole = json.dumps({"text": "abc世"})

        for length in range(whole.index("\\u"), whole.index("\\u") + 6):
            assert decoded(whole[:length]) == ({"text": "abc"}, True)

    @given(value=JSON_VALUES, share=st.floats(0, 1))
    @settings(max_examples=300, deadline=None)
    def test_any_json_cut_anywhere(self, value: Any, share: float) -> None:
        """
        Cut JSON gives something that was in it, or stays text; what was not cut is never said to be.
        """
        whole = json.dumps(value)
        cut = whole[: round(len(whole) * share)]

        opened, is_cut = decoded(cut)

        assert not (is_cut and cut == whole)
        if is_cut:
            assert isinstance(opened, list | dict)
            if isinstance(opened, dict) and isinstance(value, dict):
                keys = (key.encode(errors="ignore").decode() for key in opened)  # half an emoji is cleaned later
                assert all(any(known.startswith(key) for known in value) for key in keys)


class TestPlainValues:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("x", "x"),
            ("", None),
            (3, "3"),
            (1.5, "1.5"),
            (True, "true"),
            (None, None),
            (["x"], None),
            (b"x", None),
            ({}, None),
        ],
        ids=repr,
    )
    def test_as_text(self, value: Any, text: str | None) -> None:
        """
        A scalar is shown as text; anything else, and an empty text, is no text.
        """
        assert as_text(value) == text

    @pytest.mark.parametrize(
        ("value", "number"),
        [
            (3, 3),
            (3.0, 3),
            (3.5, None),
            ("17", 17),
            ("-1", None),
            ("1e3", None),
            ("٣", None),
            (True, None),
            (None, None),
            (float("nan"), None),
            (float("inf"), None),
            ("9" * 30, None),
        ],
        ids=repr,
    )
    def test_as_int(self, value: Any, number: int | None) -> None:
        """
        Token counts are read from numbers and from texts of digits, and from nothing else.
        """
        assert as_int(value) == number

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (["a", "b"], ("a", "b")),
            (("a", 3, None, "b"), ("a", "b")),
            ('["a", "b"]', ("a", "b")),
            ("a, b ,, c", ("a", "b", "c")),
            ("a", ("a",)),
            ("", ()),
            (None, ()),
            (7, ()),
            (b"ab", ()),
        ],
        ids=repr,
    )
    def test_as_strings(self, value: Any, words: tuple[str, ...]) -> None:
        """
        Tags and finish reasons are read from a list, a JSON list, words with commas, or one word.
        """
        assert as_strings(value) == words

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            pytest.param({"name": "Ada", "born": 1815}, '{"name": "Ada", "born": 1815}', id="data"),
            pytest.param({"name": "Zoë"}, '{"name": "Zoë"}', id="letters as they are"),
            pytest.param({"raw": b"abc"}, '{"raw": "<3 bytes>"}', id="bytes"),
            pytest.param({"n": 10**5000}, None, id="a number too long to be written"),
            pytest.param({(1, 2): "x"}, None, id="keys that JSON has not"),
        ],
    )
    def test_as_json(self, value: Any, text: str | None) -> None:
        """
        Data is shown as JSON that a person can read; what cannot be written so is not shown.
        """
        assert as_json(value) == text
