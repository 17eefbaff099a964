"""`spanlabel outbox`: records on their way, and those that a platform refused."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from spanlabel.config.settings import Settings
    from spanlabel.delivery import Outbox

app = typer.Typer(
    help="Look at the records on their way, and at those that a platform refused.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Name = Annotated[str | None, typer.Argument(metavar="DESTINATION", help="Only this one; without it all of them.")]


@app.command()
def status(
    destination: Name = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="List every refused record, not one for each reason.")] = False,
) -> None:
    """Show for each destination what waits, was delivered and was refused.

    The sums are of everything that was ever put into the outbox. Then comes
    what is there now: why records wait and when they are tried again, and
    what the platform said about those that it refused.

    For example:

        spanlabel outbox status
        spanlabel outbox status argilla --all
    """
    from ._outbox_status import print_status
    from ._screen import console

    with _opened() as (outbox, settings):
        if outbox is not None:
            print_status(console(), outbox, settings, _names(outbox, destination), every=every, now_s=time.time())


@app.command()
def retry(
    destination: Name = None,
    *,
    dead: Annotated[bool, typer.Option("--dead", help="Also those that were refused: they wait again.")] = False,
) -> None:
    """Let records be tried again at once that wait for their next try.

    With --dead also those that a platform refused, after you have changed
    what they were refused for. They are sent by the application if it runs,
    else by spanlabel deliver. A process that pauses just now, because the
    platform did not answer, ends its pause first: a minute at most, or as
    long as the platform asked for.

    For example:

        spanlabel outbox retry
        spanlabel outbox retry argilla --dead
    """
    from ._screen import console, count, harmless

    with _opened() as (outbox, _):
        if outbox is None:
            return
        for name in _names(outbox, destination):
            again = outbox.requeue(name, now_s=time.time()) if dead else 0
            hurried = outbox.hurry(name)
            said = f"{name}: {count(hurried, 'waiting record')} made due"
            if dead:
                said += f", {count(again, 'refused record')} made to wait again"
            console().print(harmless(said), soft_wrap=True)


@app.command()
def show(record_id: Annotated[str, typer.Argument(metavar="ID", help="The id, or enough of its beginning.")]) -> None:
    """Show what became of one record, for each destination, and the record itself.

    Of a delivered record the outbox keeps only that it was delivered; the
    record is on the platform.

    For example:

        spanlabel outbox show 19494a36
    """
    from ._outbox_status import print_entries
    from ._screen import console

    with _opened() as (outbox, settings):
        if outbox is None:
            raise typer.Exit(1)
        print_entries(console(), outbox.entries(record_id.strip().lower()), settings, record_id, now_s=time.time())


@app.command()
def purge(
    destination: Name = None,
    *,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="The records that wait, instead of those that were refused.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove refused records for good, or with --waiting those that wait.

    Look at them first: spanlabel outbox status --all, spanlabel outbox show
    ID. What is removed cannot be brought back, but by sending the same spans
    again. What is on the platform stays there.

    For example:

        spanlabel outbox purge argilla
        spanlabel outbox purge old-name --waiting --yes
    """
    from ._screen import console, count, harmless

    which: Literal["dead", "waiting"] = "waiting" if waiting else "dead"
    noun = "waiting record" if waiting else "refused record"
    with _opened() as (outbox, _):
        if outbox is None:
            return
        found = {name: _number(outbox, name, which) for name in _names(outbox, destination)}
        found = {name: n for name, n in found.items() if n}
        if not found:
            console(stderr=True).print(f"There is no {noun}.")
            return
        what = " and ".join(f"{count(n, noun)} of {name}" for name, n in found.items())
        if not yes:
            _confirm(f"Remove {harmless(what)} for good?")
        for name in found:
            removed = outbox.purge(name, which)
            console().print(harmless(f"{name}: {count(removed, noun)} removed"), soft_wrap=True)


@contextmanager
def _opened() -> Iterator[tuple[Outbox | None, Settings]]:
    """Open the outbox and say where it is; None if nothing was ever put into it, which is said too."""
    from spanlabel.config.loading import load
    from spanlabel.delivery import Outbox

    from ._screen import console

    settings = load().settings
    outbox = Outbox(settings.home / "outbox.db", max_bytes=settings.outbox_max_bytes)
    screen = console(stderr=True)
    if not outbox.path.exists():
        screen.print(f"Nothing was ever put into {outbox.path}.", style="dim", soft_wrap=True)
        yield None, settings
        return
    screen.print(f"Outbox: {outbox.path}", style="dim", soft_wrap=True)
    try:
        yield outbox, settings
    finally:
        outbox.close()


def _names(outbox: Outbox, wanted: str | None) -> Sequence[str]:
    """Names of the destinations that were meant.

    Raises:
        ConfigError: Nothing was ever put for one of this name.
    """
    from spanlabel.errors import ConfigError
    from spanlabel.registry import suggestion

    names = outbox.destinations()
    if wanted is None:
        return names
    if wanted not in names:
        raise ConfigError(f"nothing was ever put for a destination {wanted!r}{suggestion(wanted, names)}")
    return [wanted]


def _number(outbox: Outbox, name: str, which: Literal["dead", "waiting"]) -> int:
    return outbox.tally(name).waiting if which == "waiting" else len(outbox.dead_letters(name))


def _confirm(question: str) -> None:
    """Ask a person.

    Raises:
        typer.Exit: He does not want it.
        typer.BadParameter: Nobody is there to be asked.
    """
    if not _is_somebody_there():
        raise typer.BadParameter("is needed where nobody can be asked", param_hint="--yes")
    if not typer.confirm(question, err=True):
        typer.echo("Nothing was removed.", err=True)
        raise typer.Exit(1)


def _is_somebody_there() -> bool:
    return sys.stdin.isatty()
