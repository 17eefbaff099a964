from __future__ import annotations

import pytest

from spanlabel.errors import ConfigError
from spanlabel.platforms.label_studio.layout import Control, Layout, Shown, differences, read_layout


class TestReading:
    def test_what_is_shown_and_asked(self) -> None:
        """
        Tags that show a variable and tags that ask something are found wherever they stand.
        """
        layout = read_layout(
            '<View><!-- <!x> --><Header value="Hello"/><View><Text name="a" value="$a"/></View>'
            '<Collapse><Panel value="More"><Header value="$b"/></Panel></Collapse>'
            '<Choices name="c" toName="a, d"><Choice value="yes"/><Choice value="no"/></Choices>'
            '<Rating name="e" toName="a"/></View>'
        )

        assert [(one.tag, one.name, one.variable) for one in layout.shown] == [("Text", "a", "a"), ("Header", "", "b")]
        assert layout.controls == (Control("Choices", "c", ("a", "d"), ("yes", "no")), Control("Rating", "e", ("a",)))

    @pytest.mark.parametrize(
        ("label_config", "said"),
        [
            pytest.param("<View><Text></View>", "is not XML: mismatched tag: line 1", id="broken"),
            pytest.param("<Text/>", "must be a <View>", id="no view"),
            pytest.param("<!DOCTYPE x [<!ENTITY a 'b'>]><View/>", "must not declare a document type", id="entities"),
            pytest.param('<View><Text name="a" value="$a.b"/></View>', 'value="\\$a.b"> cannot be filled', id="path"),
            pytest.param('<View><Paragraphs name="a" audioUrl="$x"/></View>', "audioUrl=", id="another attribute"),
            pytest.param('<View><Rating toName="a"/></View>', "has no name", id="nameless question"),
            pytest.param(
                '<View><Text name="a" value="$a"/><Text name="a" value="$b"/></View>', "two tags have", id="twice"
            ),
        ],
    )
    def test_what_is_wrong(self, label_config: str, said: str) -> None:
        """
        A configuration that cannot be read says what is wrong.
        """
        with pytest.raises(ConfigError, match=said):
            read_layout(label_config)


class TestDifferences:
    WANTED = Layout(
        (Shown("Text", "prompt", "prompt", {}),),
        (Control("Choices", "verdict", ("prompt",), ("good", "bad")), Control("Rating", "rating", ("prompt",))),
    )
    NAMES = ("prompt", "verdict", "rating")

    def test_none(self) -> None:
        """
        A project with everything, and more, lacks nothing.
        """
        more = Layout(
            (*self.WANTED.shown, Shown("Text", "extra", "extra", {})),
            (Control("Choices", "verdict", ("prompt",), ("good", "so-so", "bad")), self.WANTED.controls[1]),
        )

        assert differences(self.WANTED, self.NAMES, more) == []

    def test_each(self) -> None:
        """
        Each thing that is missing or different is said.
        """
        found = Layout(
            (Shown("Paragraphs", "prompt", "prompt", {}),), (Control("Choices", "verdict", ("prompt",), ("good",)),)
        )

        assert differences(self.WANTED, self.NAMES, found) == [
            "'prompt' is a <Paragraphs>, and should be a <Text>",
            "'verdict' does not offer 'bad'",
            "it has no <Rating> named 'rating'",
        ]

    def test_only_what_is_needed(self) -> None:
        """
        What a preset has beyond its needs may be missing.
        """
        assert differences(self.WANTED, ("prompt",), Layout(self.WANTED.shown, ())) == []
