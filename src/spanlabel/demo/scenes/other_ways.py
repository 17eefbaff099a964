"""Other ways to call: several at once from an event loop, and the Responses API."""

from __future__ import annotations

import asyncio

from spanlabel.demo.script import answered

from .scene import App, Expected, Scene

_PHRASES = (
    (
        "How do I say “see you tomorrow” in Japanese?",
        "Among friends: また明日ね (mata ashita ne). To your boss: また明日よろしくお願いします.",
    ),
    (
        "How do I order two coffees in Greek?",
        "Δύο καφέδες, παρακαλώ (dýo kafédes, parakaló). Say “ellinikó” if you want the Greek kind.",
    ),
    (
        "How do I thank a host in Portuguese?",
        "“Muito obrigado” if you are a man, “muito obrigada” if you are a woman. And praise the soup.",
    ),
)


def _ask_at_once(app: App) -> None:
    asyncio.run(_ask_all(app))


async def _ask_all(app: App) -> None:
    async with app.new_async_client() as client:
        await asyncio.gather(
            *(
                client.chat.completions.create(model=app.model, messages=[{"role": "user", "content": question}])
                for question, _ in _PHRASES
            )
        )


ASYNC = Scene(
    name="Three at once",
    story="Three asynchronous calls that overlap: three records, nothing mixed up.",
    run=_ask_at_once,
    script=tuple(answered(question, answer) for question, answer in _PHRASES),
    expected=tuple(Expected(question, (answer,)) for question, answer in _PHRASES),
)

_CURATOR = "You write the labels of a natural history museum. One or two sentences, no exclamation marks."
_AMMONITE = "A label for the ammonite, please."
_AMMONITE_LABEL = (
    "A relative of the squid in a house that it built itself, chamber by chamber. The last of them died with the "
    "dinosaurs, 66 million years ago."
)
_DODO = "And one for the dodo?"
_DODO_LABEL = "It had no enemies, so it had no fear. People first described it in 1598; by 1700 it was gone."


def _respond(app: App) -> None:
    app.client.responses.create(model=app.model, instructions=_CURATOR, input=_AMMONITE)
    for _ in app.client.responses.create(model=app.model, instructions=_CURATOR, input=_DODO, stream=True):
        pass


RESPONSES = Scene(
    name="Responses API",
    story="The newer API, once plain and once streamed: two records.",
    run=_respond,
    script=(answered(_AMMONITE, _AMMONITE_LABEL), answered(_DODO, _DODO_LABEL)),
    expected=(
        Expected(_AMMONITE, (_AMMONITE_LABEL,), messages=2),
        Expected(_DODO, (_DODO_LABEL,), messages=2),
    ),
)
