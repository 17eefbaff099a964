import pytest

from spanlabel.demo.script import UNPREPARED, Line, Reply, Said, Script, ToolCall, answered

LOOK = Reply(("",), (ToolCall("look", {"shelf": 3}),))
FOUND = Reply(("It is on shelf three.",))
SCRIPT = Script([answered("Where?", "Here.", "There."), Line("Find it.", (LOOK, FOUND))])


def test_the_last_text_of_the_user_decides() -> None:
    """
    History and system prompt do not matter: the answer belongs to what the user said last.
    """
    said = [Said("system", "Be kind."), Said("user", "Find it."), Said("assistant", "No."), Said("user", " Where? \n")]

    assert SCRIPT.reply(said).texts == ("Here.", "There.")


@pytest.mark.parametrize(
    ("spoken", "reply"),
    [
        pytest.param([], LOOK, id="first it calls a tool"),
        pytest.param([Said("assistant", ""), Said("tool", "shelf 3")], FOUND, id="then it answers"),
        pytest.param(
            [Said("assistant", ""), Said("tool", "?"), Said("assistant", ""), Said("tool", "?")],
            FOUND,
            id="and stays with its last reply",
        ),
    ],
)
def test_tool_results_move_the_model_on(spoken: list[Said], reply: Reply) -> None:
    """
    Each time the model has spoken since the user did, it says its next reply.
    """
    assert SCRIPT.reply([Said("user", "Find it."), *spoken]) == reply


@pytest.mark.parametrize(
    "said", [pytest.param([Said("user", "Why?")], id="unknown"), pytest.param([], id="nothing said")]
)
def test_an_unknown_question_gets_a_polite_answer(said: list[Said]) -> None:
    """
    What is not in the script is answered all the same, and the answer says why it is so thin.
    """
    assert SCRIPT.reply(said) is UNPREPARED
    assert "--live" in UNPREPARED.texts[0]


def test_two_lines_for_one_text_are_an_error() -> None:
    """
    A script that contradicts itself is refused, with the text that is there twice.
    """
    with pytest.raises(ValueError, match=r"two lines for 'Where\?'"):
        Script([answered("Where?", "Here."), answered("Where?", "There.")])
