"""`spanlabel deliver`: what waits in the outbox is sent, from this process."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spanlabel.config.settings import Settings
    from spanlabel.delivery import Outbox

    from ._delivering import Delivering, Stop, Watched
    from ._words import Words

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

CLOSE_S = 5.0
"""What letting go of files and connections may take."""

APPEARS_S = 0.5
"""How often `--follow` looks for an outbox that is not there yet."""


@app.command()
def deliver(
    destinations: Annotated[
        list[str] | None,
        typer.Argument(metavar="DESTINATION", help="Only these; without it all of spanlabel.yaml."),
    ] = None,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on and send what comes, until Ctrl-C or SIGTERM.")
    ] = False,
    patience: Annotated[
        float,
        typer.Option(min=0, help="Seconds to wait for a destination that takes nothing.", metavar="SECONDS"),
    ] = 60.0,
) -> None:
    """Send what waits in the outbox, from this process.

    An application sends its records itself. Use this where it only writes
    them down (SPANLABEL_DELIVER_IN=elsewhere), where it has ended, or where it
    cannot reach the platform. Both need the same SPANLABEL_HOME and may run at
    the same time: one at a time sends to a destination, the other stands by.

    Ctrl-C loses nothing: what is on its way is finished, the rest waits in
    the outbox. With --follow a platform that is away is waited for as long as
    it takes.

    Exit code 0: nothing waits any more, or --follow was ended by SIGTERM.
    1: something waits or was refused. 2: a setting is wrong. 130: Ctrl-C.

    For example:

        spanlabel deliver
        spanlabel deliver argilla --patience 5
        SPANLABEL_HOME=/data spanlabel deliver --follow
    """
    from spanlabel.assembly import Limits
    from spanlabel.compose import Running
    from spanlabel.config.loading import load
    from spanlabel.metrics import Counts

    from ._delivering import Delivering, stopped_by_signals, worker_says
    from ._progress import Bar
    from ._screen import console
    from ._words import Words

    settings = _chosen(load().settings, destinations)
    errors, words = console(stderr=True), Words(settings)

    def say(text: str) -> None:
        errors.print(words(text), soft_wrap=True)

    running = Running(settings, Limits.for_files(), Counts())
    outbox, close_s = running.outbox, CLOSE_S
    try:
        with stopped_by_signals() as stop, worker_says(say):
            if not _is_there(outbox, stop, follow=follow):
                say(f"Nothing was ever put into {outbox.path}.")
                raise typer.Exit(_code(stop, 0))
            delivering = Delivering(outbox, running.workers, say, patience_s=None if follow else patience)
            if follow:
                say(f"Delivering {outbox.path}; Ctrl-C ends it.")
                delivering.run(stop, lambda _done, _left: None)
            else:
                with Bar(errors) as bar:
                    bar.begin("delivering", delivering.waiting)
                    delivering.run(stop, bar.show)
        left = _sum_up(outbox, delivering, words)
        if not destinations:
            left += _sum_up_strays(outbox, settings, words)
        raise typer.Exit(_code(stop, 2 if delivering.is_stopped else 1 if left and not follow else 0))
    except KeyboardInterrupt:
        close_s = 0.0
        raise
    finally:
        running.close(close_s)


def _chosen(settings: Settings, names: Sequence[str] | None) -> Settings:
    from spanlabel.config.destinations import choose_destination

    if not names:
        return settings
    chosen = tuple(choose_destination(settings, name) for name in dict.fromkeys(names))
    return settings.model_copy(update={"destinations": chosen})


def _is_there(outbox: Outbox, stop: Stop, *, follow: bool) -> bool:
    """Whether there is an outbox; `--follow` waits for one: whoever makes it owns it, and that is the application."""
    while follow and stop.signal is None and not outbox.path.exists():
        time.sleep(APPEARS_S)
    return outbox.path.exists()


def _sum_up(outbox: Outbox, delivering: Delivering, words: Words) -> int:
    """Print what became of the records of each destination; gives how many wait or were refused."""
    from ._screen import console

    screen = console()
    left = 0
    for one in delivering.watched:
        screen.print(words(_line(one)), soft_wrap=True)
        left += one.now.waiting + one.refused
        if one.refused:
            letter = outbox.dead_letters(one.worker.destination)[-1]
            screen.print(words(f"  refused {letter.id}: {letter.error}"), soft_wrap=True)
    return left


def _sum_up_strays(outbox: Outbox, settings: Settings, words: Words) -> int:
    """Print what waits for destinations that are not set any more; gives how many."""
    from ._screen import console

    strays = {name: outbox.tally(name).waiting for name in outbox.destinations()}
    for one in settings.destinations:
        strays.pop(one.name, None)
    for name, waiting in strays.items():
        if waiting:
            console().print(words(f"{name}: {waiting} waiting: no destination has this name now"), soft_wrap=True)
    return sum(strays.values())


def _line(one: Watched) -> str:
    parts = [f"{one.delivered} delivered", f"{one.now.waiting} waiting"]
    if one.refused:
        parts.insert(1, f"{one.refused} refused")
    why = f": {one.why}" if one.now.waiting and one.why else ""
    return f"{one.worker.destination}: {', '.join(parts)}{why}"


def _code(stop: Stop, code: int) -> int:
    return 130 if stop.signal == signal.SIGINT else code
