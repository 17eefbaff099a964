"""The scenes agree with themselves; whether they come true is a matter for tests/integration/demo."""

import json
from itertools import combinations

import pytest

from spanlabel.demo.scenes import SCENES, Scene
from spanlabel.demo.scenes import agent as bookshop
from spanlabel.demo.script import UNPREPARED, Said, Script

SCRIPT = Script(line for scene in SCENES for line in scene.script)
BY_NAME = [pytest.param(scene, id=scene.name) for scene in SCENES]


@pytest.mark.parametrize("scene", BY_NAME)
def test_a_story_tells_how_many_records_come(scene: Scene) -> None:
    """
    What the screen says about a scene is what the scene expects.
    """
    words = {0: "no record", 1: "one record", 2: "two records", 3: "three records", 6: "six records"}

    assert words[scene.expected_records] in scene.story


def test_no_text_of_one_scene_occurs_in_another() -> None:
    """
    Scenes are apart: no question or answer of one could be taken for a part of another.
    """
    for one, other in combinations(SCENES, 2):
        for mine in (text for record in one.expected for text in (record.prompt, *record.answers)):
            for theirs in (text for record in other.expected for text in (record.prompt, *record.answers)):
                assert mine not in theirs
                assert theirs not in mine


@pytest.mark.parametrize("scene", BY_NAME)
def test_the_script_knows_each_expected_question(scene: Scene) -> None:
    """
    No scene runs into the stand-in's excuse.
    """
    for record in scene.expected:
        assert SCRIPT.reply([Said("user", record.prompt)]) is not UNPREPARED


def test_the_agents_answer_is_what_its_tools_found() -> None:
    """
    The bookshop's answer is no fairy tale: the tools, run with the scripted arguments, find those copies.
    """
    [line] = bookshop.AGENT.script
    results = [
        bookshop._TOOLS[call.name](**json.loads(json.dumps(call.arguments)))
        for reply in line.replies
        for call in reply.calls
    ]

    assert results == [
        [bookshop._STARS, bookshop._SONG],
        {"title": bookshop._STARS, "shop": "harbour", "copies": 0},
        {"title": bookshop._SONG, "shop": "harbour", "copies": 4},
        {"title": bookshop._STARS, "shop": "hill", "copies": 1},
    ]
    assert "four copies" in bookshop._ANSWER
    assert "the hill shop has one" in bookshop._ANSWER
