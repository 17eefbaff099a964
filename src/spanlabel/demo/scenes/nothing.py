"""Calls that nobody needs to review: they give spans, and no record."""

from __future__ import annotations

from openai import APIStatusError

from .scene import App, Scene

_MISSING_MODEL = "no-such-model"


def _fail(app: App) -> None:
    client = app.client.with_options(max_retries=0)
    try:
        client.chat.completions.create(
            model=_MISSING_MODEL, messages=[{"role": "user", "content": "Is the museum open on Mondays?"}]
        )
    except APIStatusError:
        return
    raise RuntimeError(f"the provider serves {_MISSING_MODEL!r}, which it should not")


FAILING = Scene(
    name="A failing call",
    story="The model does not exist and the call fails: nothing to review, no record.",
    run=_fail,
)

_BLURBS = (
    "A whale who cannot sleep counts the stars and is one short.",
    "How a voice that weighs ninety tons travels across an ocean.",
)


def _embed(app: App) -> None:
    app.client.embeddings.create(model=app.embedding_model, input=list(_BLURBS))


EMBEDDING = Scene(
    name="An embedding",
    story="Two texts become vectors: nothing to review, no record.",
    run=_embed,
)
