from __future__ import annotations

import pytest

from spanlabel.errors import ConfigError
from spanlabel.platforms.label_studio.binding import Binding, Content, Slot, bind
from spanlabel.platforms.label_studio.layout import read_layout


def _bind(tags: str) -> Binding:
    return bind(read_layout(f"<View>{tags}</View>"))


PROMPT = '<Text name="prompt" value="$prompt"/>'
ANSWER = '<Text name="response" value="$response"/>'


class TestWhatGoesWhere:
    def test_by_name(self) -> None:
        """
        What a Text shows is told by the name of its variable.
        """
        binding = _bind(f'<Text name="q" value="$question"/>{ANSWER}<Text name="m" value="$model"/>')

        assert [(slot.variable, slot.content) for slot in binding.slots] == [
            ("question", Content.PROMPT),
            ("response", Content.ANSWER),
            ("model", Content.FACT),
        ]

    def test_paragraphs(self) -> None:
        """
        Paragraphs show the conversation, under the keys that they ask for.
        """
        binding = _bind(f'<Paragraphs name="d" value="$anything" nameKey="who" textKey="said"/>{ANSWER}')

        assert binding.slots[0] == Slot("anything", Content.CONVERSATION, "who", "said")

    def test_paragraphs_without_keys(self) -> None:
        """
        Where they ask for none, Label Studio's own defaults hold.
        """
        assert _bind(f'<Paragraphs name="d" value="$d"/>{ANSWER}').slots[0].role_key == "author"

    def test_no_answer_is_shown(self) -> None:
        """
        Where nothing shows the answer, the first text area gets it to be edited.
        """
        area = '<TextArea name="reply" toName="prompt"/><TextArea name="notes" toName="prompt"/>'

        assert _bind(PROMPT + area).answer_area == ("reply", "prompt")
        assert _bind(PROMPT + ANSWER + area).answer_area is None

    def test_two_answers(self) -> None:
        """
        A page of two answers needs records of two.
        """
        pair = '<Text name="a" value="$answer_a"/><Text name="b" value="$answer_b"/>'

        assert _bind(PROMPT + pair).is_pair
        assert not _bind(PROMPT + ANSWER).is_pair

    def test_the_apps_own_facts(self) -> None:
        """
        A fact that the app set can be shown.
        """
        assert _bind(f'{PROMPT}{ANSWER}<Text name="t" value="$app_tenant"/>').slots[2].content is Content.FACT


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("tags", "said"),
        [
            pytest.param(ANSWER, "shows no question; add", id="no question"),
            pytest.param(PROMPT, "shows no answer; add", id="no answer"),
            pytest.param(f'{PROMPT}{ANSWER}<Text name="x" value="$weather"/>', "does not know what \\$weather", id="?"),
            pytest.param(f'{PROMPT}<Text name="a" value="$answer_a"/>', "shows only one of two", id="half a pair"),
            pytest.param(f'{PROMPT}{ANSWER}<Image name="x" value="$image"/>', "fills Text, Header", id="image"),
            pytest.param(f'{PROMPT}{ANSWER}<Text name="x" valueType="url" value="$text"/>', "gives texts", id="url"),
            pytest.param(f'{PROMPT}{ANSWER}<Paragraphs name="p" value="$prompt"/>', "two shapes at once", id="shapes"),
        ],
    )
    def test_is_explained(self, tags: str, said: str) -> None:
        """
        A page that cannot be filled is refused with the tag or variable that is to blame.
        """
        with pytest.raises(ConfigError, match=said):
            _bind(tags)

    @pytest.mark.parametrize("tag", ["HyperText", "Markdown", "Chat", "Table", "List", "TextArea"])
    def test_only_three_tags_are_filled(self, tag: str) -> None:
        """
        What a model wrote goes only into tags that show it as it is.
        """
        with pytest.raises(ConfigError, match=f'<{tag} value="\\$response"> cannot be filled'):
            _bind(f'{PROMPT}<{tag} name="r" value="$response"/>')
