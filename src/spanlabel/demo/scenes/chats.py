"""Chats: one with a system prompt and a history, and one whose turns are calls of their own."""

from __future__ import annotations

from uuid import uuid4

from spanlabel.demo.conversation import in_conversation
from spanlabel.demo.script import answered

from .scene import App, Expected, Scene

_DESK = "You are the front desk of the Hotel Meridian in Lisbon. Answer in one or two friendly sentences."
_BREAKFAST = "Is breakfast included?"
_BREAKFAST_ANSWER = "Yes, every morning from seven to half past ten, in the winter garden."
_TRAIN = "And if my train leaves at six?"
_TRAIN_ANSWER = (
    "Then tell us tonight, and a bag with coffee, fruit and a warm pastel de nata waits for you here from a quarter "
    "past five."
)


def _chat_with_history(app: App) -> None:
    app.ask(
        {"role": "system", "content": _DESK},
        {"role": "user", "content": _BREAKFAST},
        {"role": "assistant", "content": _BREAKFAST_ANSWER},
        {"role": "user", "content": _TRAIN},
    )


HISTORY = Scene(
    name="A chat with history",
    story="System prompt and an earlier turn go along: one record, the last question, the rest as context.",
    run=_chat_with_history,
    script=(answered(_TRAIN, _TRAIN_ANSWER),),
    expected=(Expected(_TRAIN, (_TRAIN_ANSWER,), messages=4),),
)

_DINNER = "I have leeks, two eggs and the end of a loaf. What is for dinner?"
_DINNER_ANSWER = (
    "Leeks on toast with a soft egg: sweat the sliced leeks in butter for ten minutes, fry the bread in what is left "
    "in the pan, and put the eggs on top."
)
_NO_EGGS = "My daughter does not eat eggs."
_NO_EGGS_ANSWER = "Then grate some cheese over her leeks and let it melt under the grill. The second egg is yours."
_CONVERSATION = "kitchen-"


def _talk(app: App) -> None:
    """Each turn is a request of its own, so a trace of its own; the id tells that they belong together."""
    with in_conversation(_CONVERSATION + uuid4().hex[:8]):
        answer = app.ask({"role": "user", "content": _DINNER})
        app.ask(
            {"role": "user", "content": _DINNER},
            {"role": "assistant", "content": answer},
            {"role": "user", "content": _NO_EGGS},
        )


CONVERSATION = Scene(
    name="Two turns",
    story="Two requests of one conversation: two records that know that they belong together.",
    run=_talk,
    script=(answered(_DINNER, _DINNER_ANSWER), answered(_NO_EGGS, _NO_EGGS_ANSWER)),
    expected=(
        Expected(_DINNER, (_DINNER_ANSWER,), conversation=_CONVERSATION),
        Expected(_NO_EGGS, (_NO_EGGS_ANSWER,), messages=3, conversation=_CONVERSATION),
    ),
)
