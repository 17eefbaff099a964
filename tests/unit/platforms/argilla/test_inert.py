from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spanlabel.platforms.argilla.inert import inert, restore

_TEXTS = st.text() | st.text(alphabet="<!/?[](a \N{WORD JOINER}\n-")
_BEGINS_MARKUP = re.compile(r"<[A-Za-z/!?]|!\[")


@given(_TEXTS)
@example("<\N{WORD JOINER}b>")
@example("<!\N{WORD JOINER}[")
def test_comes_back(text: str) -> None:
    """
    What was made inert is read back as it was, whatever it held.
    """
    assert restore(inert(text)) == text


@given(_TEXTS)
def test_nothing_begins(text: str) -> None:
    """
    No tag, comment, instruction or image begins anywhere in it.
    """
    assert _BEGINS_MARKUP.search(inert(text)) is None


@given(_TEXTS)
def test_looks_the_same(text: str) -> None:
    """
    Nothing but joiners, which have no width, is added, and nothing is taken away.
    """
    assert inert(text).replace("\N{WORD JOINER}", "") == text.replace("\N{WORD JOINER}", "")


@pytest.mark.parametrize(
    "text", ["1 < 2", "a <- b", "x <= y", "well done!", "[link](https://example.com)", "# Head", "`a`"]
)
def test_plain_text_is_left_alone(text: str) -> None:
    """
    Arithmetic, arrows, links and Markdown are not touched.
    """
    assert inert(text) == text
