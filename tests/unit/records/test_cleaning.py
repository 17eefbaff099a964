import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.records.cleaning import MAX_DEPTH, MAX_ITEMS, MAX_TEXT, Room, clean_text

any_text = st.text(st.characters(codec=None, categories=None), max_size=300)
any_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=20) | any_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(any_text, inner, max_size=5),
    max_leaves=30,
)


class TestText:
    @pytest.mark.parametrize(
        ("given_text", "cleaned"),
        [
            pytest.param("tab\tline\nreturn\r\n", "tab\tline\nreturn\r\n", id="white space stays"),
            pytest.param("a\x00b", "a\N{REPLACEMENT CHARACTER}b", id="NUL"),
            pytest.param("\x1b[31mred\x7f", "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}", id="controls"),
            pytest.param("page\x0cpage\x0bline", "page\npage\nline", id="form feed is a line break"),
            pytest.param("lone \ud83d end", "lone \N{REPLACEMENT CHARACTER} end", id="lone surrogate"),
            pytest.param("\ude00\ud83d", "\N{REPLACEMENT CHARACTER}" * 2, id="surrogates in the wrong order"),
            pytest.param("\ud83d\ude00", "😀", id="surrogates that mean a character"),
            pytest.param("日本語 😀 e\u0301 \u2028", "日本語 😀 e\u0301 \u2028", id="other languages stay"),
        ],
    )
    def test_what_databases_refuse_is_replaced(self, given_text: str, cleaned: str) -> None:
        """
        No text brings down a platform's database, and the reviewer sees where something was taken away.
        """
        assert clean_text(given_text) == cleaned

    def test_a_cut_says_how_much_is_missing(self) -> None:
        """
        A reviewer sees that an answer was cut, and by how many characters.
        """
        cleaned = clean_text("x" * 250_000)

        kept = cleaned.index(" […")
        assert len(cleaned) == MAX_TEXT
        assert cleaned.endswith(f"x […{250_000 - kept:,} characters cut]")

    def test_a_text_of_just_the_bound_is_whole(self) -> None:
        """
        Nothing is cut that fits.
        """
        assert clean_text("x" * MAX_TEXT) == "x" * MAX_TEXT

    @given(any_text, st.integers(30, 400))
    def test_any_text_becomes_storable(self, text: str, limit: int) -> None:
        """
        Whatever an app sends: the result is valid UTF-8, has no control character, keeps to its bound, and cleaning
        it again changes nothing.
        """
        cleaned = clean_text(text, limit)

        assert cleaned.encode().decode() == cleaned
        assert not any(ord(c) < 32 and c not in "\t\n\r" for c in cleaned)
        assert len(cleaned) <= limit
        assert clean_text(cleaned, limit) == cleaned

    @given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Z", "S"]), max_size=300))
    def test_ordinary_text_is_left_alone(self, text: str) -> None:
        """
        What a person or a model wrote is shown as it was written.
        """
        assert clean_text(text) == text


class TestValues:
    @given(any_value)
    def test_any_value_becomes_json(self, value: object) -> None:
        """
        Whatever a tool was called with can be stored and read back.
        """
        made = Room().value(value)

        assert json.loads(json.dumps(made, allow_nan=False, ensure_ascii=False).encode()) == made

    def test_bytes_and_odd_numbers_have_placeholders(self) -> None:
        """
        No binary content gets into a record, and no number that JSON lacks.
        """
        made = Room().value({"image": b"\x89PNG", "nan": float("nan"), "huge": 10**30, "ok": 2**63 - 1})

        assert made == {"image": "[4 bytes]", "nan": "nan", "huge": "[integer of 100 bits]", "ok": 2**63 - 1}

    def test_very_long_integer(self) -> None:
        """
        An integer too long for Python to print does not raise.
        """
        assert Room().value(10**6000) == "[integer of 19932 bits]"

    def test_very_deep_value(self) -> None:
        """
        A value nested without end is cut off at a depth, not at the interpreter's patience.
        """
        value: object = "bottom"
        for _ in range(5_000):
            value = [value]

        made = json.dumps(Room().value(value))

        assert made == "[" * MAX_DEPTH + '"[nested too deep]"' + "]" * MAX_DEPTH

    def test_very_wide_value(self) -> None:
        """
        A list or mapping of very many entries says how many are missing.
        """
        made = Room(10**6).value({"list": list(range(MAX_ITEMS + 5)), "map": {str(n): n for n in range(MAX_ITEMS + 7)}})

        assert isinstance(made, dict)
        assert made["list"] == [*range(MAX_ITEMS), "[5 entries cut]"]
        assert isinstance(made["map"], dict)
        assert made["map"]["…"] == "[7 entries cut]"

    def test_one_room_for_all(self) -> None:
        """
        What exceeds the room that several texts share is cut where the room ends, and each cut is marked.
        """
        room = Room(100)

        assert room.text("a" * 60) == "a" * 60
        assert room.text("b" * 60) == "b" * 19 + " […41 characters cut]"
        assert room.is_full
        assert room.text("c" * 60) == " […60 characters cut]"
        assert room.value(["d"]) == ["[1 entries cut]"]
