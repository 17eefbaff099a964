"""A label configuration of the user's own on a real Label Studio: made, filled, answered, read back, and refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers.label_studio import Stage

from spanlabel.errors import ConfigError
from spanlabel.platforms.label_studio.checks import check
from spanlabel.platforms.label_studio.reader import read_answers
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration

OWN = (
    '<View><Text name="asked" value="$question"/><Text name="said" value="$answer"/><Header value="$model"/>'
    '<Choices name="ok" toName="said"><Choice value="yes"/><Choice value="no"/></Choices>'
    '<TextArea name="why" toName="said"/></View>'
)


def _choice(word: str) -> dict[str, object]:
    return {"from_name": "ok", "to_name": "said", "type": "choices", "value": {"choices": [word]}}


class TestOwn:
    @pytest.mark.parametrize("is_file", [False, True], ids=["text", "file"])
    def test_there_and_back(self, stage: Stage, tmp_path: Path, is_file: bool) -> None:
        """
        Given as text or as a file, it becomes the project's page; what a person answers there comes back under its own
        names.
        """
        (tmp_path / "own.xml").write_text(OWN)
        given = {"preset": "custom", "label_config": str(tmp_path / "own.xml") if is_file else OWN}
        stage.open(**given).write([make_record(1)], timeout_s=60)
        [task] = stage.tasks()
        assert (task["data"]["question"], task["data"]["answer"]) == ("question 1", "answer 1")

        why = {"from_name": "why", "to_name": "said", "type": "textarea", "value": {"text": ["too short"]}}
        stage.annotate(make_record(1).id, [_choice("no"), why])

        [answered] = read_answers(stage.settings(**given))
        assert answered.values == {"ok": "no", "why": "too short"}

    def test_of_a_project_that_is_there(self, stage: Stage) -> None:
        """
        With the number alone the project's own configuration says what goes where.
        """
        number = stage.make_project(OWN)
        given = {"preset": "custom", "project_id": number}
        stage.open(**given).write([make_record(1)], timeout_s=60)
        [task] = stage.tasks(number)
        assert (task["data"]["question"], task["data"]["model"]) == ("question 1", "gpt-4o-mini")

        stage.annotate(make_record(1).id, [_choice("yes")])

        [answered] = read_answers(stage.settings(**given))
        assert answered.values == {"ok": "yes"}


class TestMismatch:
    def test_another_project(self, stage: Stage) -> None:
        """
        A project that lacks something of it is refused when the writer opens, with each difference.
        """
        number = stage.make_project(
            '<View><Text name="asked" value="$question"/><Text name="said" value="$answer"/>'
            '<Choices name="ok" toName="said"><Choice value="yes"/></Choices></View>'
        )

        with pytest.raises(ConfigError) as caught:
            stage.open(preset="custom", label_config=OWN)

        assert str(caught.value) == (
            f"label_config: project {number} ({stage.title!r}) lacks what this has: 'ok' does not "
            "offer 'no'; it has no <TextArea> named 'why'. Choose another project or preset, or change the label "
            "configuration in the project's settings"
        )

    @pytest.mark.parametrize(
        ("own", "words"),
        [
            pytest.param(
                '<View><Image name="i" value="$picture"/><Text name="t" value="$question"/></View>',
                '<Image value="$picture"> cannot be filled; spanlabel fills Text, Header and Paragraphs',
                id="a tag of another kind",
            ),
            pytest.param(
                '<View><Text name="t" value="$qestion"/></View>',
                "does not know what $qestion is",
                id="a variable that nobody knows",
            ),
            pytest.param('<View><Text name="t" value="$question"/></View>', "shows no answer", id="no answer"),
            pytest.param('<View><Text name="t" value="$question"/>', "is not XML", id="broken"),
        ],
    )
    def test_what_cannot_be_filled(self, stage: Stage, own: str, words: str) -> None:
        """
        What spanlabel cannot fill is said by the writer and by the check, before a project is made.
        """
        given = {"preset": "custom", "label_config": own}
        with pytest.raises(ConfigError) as caught:
            stage.open(**given)
        last = list(check(stage.settings(**given), home=Path("/nowhere"), write=False))[-1]

        assert words in str(caught.value)
        assert (last.is_good, last.setting) == (False, "label_config")
        assert words in last.words
        assert stage.project_ids() == []
