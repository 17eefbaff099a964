"""`spanlabel demo`: the whole path once, for real."""

from __future__ import annotations

from typing import Annotated

import typer

from spanlabel import registry
from spanlabel.demo.environment import own_environment
from spanlabel.demo.screen import Screen

from ._screen import PIPED_WIDTH, console, harmless

_PAGE_WIDTH = 100
"""Columns in a pipe, if nobody has said how many there are: texts are wrapped, as in a log or a file."""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def demo(
    live: Annotated[
        bool,
        typer.Option("--live", help="Ask the provider of OPENAI_API_KEY or OPENAI_BASE_URL, model OPENAI_MODEL."),
    ] = False,
) -> None:
    """Run a small application and see what a reviewer gets of it.

    Real calls of the openai SDK, traced by its real instrumentation, become
    the questions and final answers that a person should review. A script on
    127.0.0.1 plays the model: no key and no network are needed.

    The records go into the local store of SPANLABEL_HOME.

    For example:

        spanlabel demo
        OPENAI_API_KEY=... spanlabel demo --live
    """
    screen = console()
    if screen.width >= PIPED_WIDTH:
        screen.width = _PAGE_WIDTH
    with own_environment(live=live):
        # Only now: some of these packages read their variables when they are imported.
        play = registry.resolve("spanlabel.demo.run:play", extra="demo")
        play(live=live, screen=Screen(screen, harmless))
