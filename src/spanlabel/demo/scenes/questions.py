"""Single calls without any span of the application: plain, with several choices, and streamed."""

from __future__ import annotations

from spanlabel.demo.script import answered

from .scene import App, Expected, Scene

_QUESTIONS = (
    (
        "Why does the sky turn red in the evening?",
        "The light of a low sun crosses far more air. Blue is lost on the way, and orange and red arrive.",
    ),
    (
        "How many moons does Mars have?",
        # Wrong, and said with confidence: this is what people review for.
        "Mars has three moons: Phobos, Deimos and the much smaller Triton.",
    ),
    (
        "Which river flows through Vienna, Budapest and Belgrade?",
        "The Danube. It also flows through Bratislava, so it passes four capitals, more than any other river.",
    ),
    (
        "How long do I boil an egg so that the yolk stays soft?",
        "Six minutes from the moment it goes into boiling water, then a minute under cold water.",
    ),
    (
        "How would a German say “the early bird catches the worm”?",
        "“Morgenstund hat Gold im Mund.” Or, nearly word for word: “Der frühe Vogel fängt den Wurm.”",
    ),
    (
        "Write a friendly note to the neighbour whose dog barks at night.",
        (
            "Dear neighbour, your dog guards us all through the night. Could his shift begin at seven, not three?\n"
            "We will gladly help with walks. Yours, the second floor"
        ),
    ),
)


def _ask_each(app: App) -> None:
    for question, _ in _QUESTIONS:
        app.ask({"role": "user", "content": question})


PLAIN = Scene(
    name="Six questions",
    story="Six plain calls: six records. One of the answers is wrong. Would you have noticed?",
    run=_ask_each,
    script=tuple(answered(question, answer) for question, answer in _QUESTIONS),
    expected=tuple(Expected(question, (answer,)) for question, answer in _QUESTIONS),
)

_NAMING = "Name our new house blend, and add one line for the bag."
_NAMES = (
    "Harbour Fog: dark, soft, and gone by ten.",
    "First Ferry: the cup that gets you across.",
)


def _ask_for_two(app: App) -> None:
    app.client.chat.completions.create(model=app.model, messages=[{"role": "user", "content": _NAMING}], n=len(_NAMES))


CHOICES = Scene(
    name="Two choices",
    story="One call with n=2: one record with both answers. Which one is better?",
    run=_ask_for_two,
    script=(answered(_NAMING, *_NAMES),),
    expected=(Expected(_NAMING, _NAMES),),
)

_STORY_WISH = "Tell me a bedtime story of three sentences, with a lighthouse and a very small dragon."
_STORY = (
    "Once the lamp of the lighthouse went out in a storm, and the keeper found no match in the whole tower. A dragon "
    "no bigger than a teapot, who had lived behind the stove since spring, climbed all ninety steps and sneezed. The "
    "ships came home that night, and ever since there has been a saucer of warm milk behind the stove."
)


def _listen(app: App) -> None:
    stream = app.client.chat.completions.create(
        model=app.model,
        messages=[{"role": "user", "content": _STORY_WISH}],
        stream=True,
        stream_options={"include_usage": True},
    )
    for _ in stream:
        pass


STREAMING = Scene(
    name="Streaming",
    story="The answer arrives word by word: one record with the whole text.",
    run=_listen,
    script=(answered(_STORY_WISH, _STORY),),
    expected=(Expected(_STORY_WISH, (_STORY,)),),
)
