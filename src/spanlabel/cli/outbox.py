"""`spanlabel outbox`: records on their way, and those that a platform refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spanlabel.delivery import Outbox

app = typer.Typer(
    help="Look at the records on their way, and at those that a platform refused.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def _open() -> Outbox:
    from spanlabel.config.loading import load
    from spanlabel.delivery import Outbox

    settings = load().settings
    return Outbox(settings.home / "outbox.db", max_bytes=settings.outbox_max_bytes)


@app.command()
def status() -> None:
    """Show for each destination what waits, was delivered and was refused.

    For example:

        spanlabel outbox status
    """
    from spanlabel.cli._screen import console, harmless

    outbox, screen = _open(), console()
    console(stderr=True).print(f"Outbox: {outbox.path}", soft_wrap=True)
    if not outbox.path.exists():
        console(stderr=True).print("Nothing was ever put into it.")
        return
    for name in outbox.destinations():
        tally = outbox.tally(name)
        screen.print(
            f"{harmless(name)}: {tally.waiting} waiting, {tally.delivered} delivered, {tally.dead} refused, "
            f"{tally.superseded} superseded, {tally.dropped} dropped, of {tally.made} made",
            soft_wrap=True,
        )
        for letter in outbox.dead_letters(name):
            screen.print(f"  refused {letter.id}: {harmless(letter.error)}", soft_wrap=True)


@app.command()
def retry(
    destination: Annotated[
        str | None, typer.Argument(help="Name of a destination; without it all that have refused records.")
    ] = None,
) -> None:
    """Let refused records wait again, after you have changed what they were refused for.

    For example:

        spanlabel outbox retry argilla
    """
    from spanlabel.cli._screen import console

    outbox, screen = _open(), console()
    if not outbox.path.exists():
        console(stderr=True).print(f"Nothing was ever put into {outbox.path}.", soft_wrap=True)
        return
    for name in [destination] if destination else outbox.destinations():
        screen.print(f"{name}: {outbox.requeue(name, now_s=time.time())} records wait again")
