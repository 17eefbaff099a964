"""`spanlabel records`: what lies in the local store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

if TYPE_CHECKING:
    from spanlabel.platforms.local import LocalStore

app = typer.Typer(
    help="Look at the records in the local store.", add_completion=False, no_args_is_help=True, rich_markup_mode="rich"
)


class Format(StrEnum):
    """How to print."""

    TABLE = "table"
    JSONL = "jsonl"


class ExportFormat(StrEnum):
    """How to write."""

    JSONL = "jsonl"


class Filter(TypedDict):
    """Which records; None lets all pass."""

    conversation: str | None
    service: str | None
    model: str | None
    since: datetime | None
    until: datetime | None


LISTED = 50
"""Records that `list` shows if nobody says how many."""

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def _moment(text: str) -> datetime:
    """Read a time: ISO 8601, or how long ago.

    Raises:
        typer.BadParameter: It is neither.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2025-06-15, 2025-06-15T14:30, or how long ago: 30m, 2h, 7d"
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


_TIME = "such as 2025-06-15, 2025-06-15T14:30 (UTC unless it says otherwise), or 2h or 7d ago"
Conversation = Annotated[str | None, typer.Option(help="Only this conversation.")]
Service = Annotated[str | None, typer.Option(help="Only this service.")]
Model = Annotated[str | None, typer.Option(help="Only this model.")]
Since = Annotated[
    datetime | None, typer.Option(parser=_moment, metavar="TIME", help=f"Only what was asked then or later: {_TIME}.")
]
Until = Annotated[
    datetime | None, typer.Option(parser=_moment, metavar="TIME", help=f"Only what was asked before: {_TIME}.")
]


@app.command("list")
def list_records(
    *,
    conversation: Conversation = None,
    service: Service = None,
    model: Model = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = LISTED,
    how: Annotated[
        Format | None,
        typer.Option("--format", help="Without it: a table on a terminal, JSON lines into a pipe or a file."),
    ] = None,
) -> None:
    """List records, the newest first.

    For example:

        spanlabel records list
        spanlabel records list --service shop --since 2h
        spanlabel records list --format table | less
    """
    from spanlabel.records import to_json

    from ._screen import console, count, print_json_line
    from ._table import print_stored

    wanted = Filter(conversation=conversation, service=service, model=model, since=since, until=until)
    screen = console()
    with _opened() as store:
        if store is None:
            return
        records = list(store.records(**wanted, limit=limit))
        number = store.count(**wanted)
        _say_if_none(store, number)
    if how is Format.JSONL or (how is None and not screen.is_terminal):
        for record in records:
            print_json_line(to_json(record))
    elif records:
        print_stored(screen, records)
    if number > len(records):
        _say(f"{len(records)} of {count(number, 'record')}; --limit shows more.")


@app.command()
def show(record_id: Annotated[str, typer.Argument(metavar="ID", help="The id, or enough of its beginning.")]) -> None:
    """Show one record whole: the conversation, the answer, and all facts.

    For example:

        spanlabel records show 19494a36
    """
    from spanlabel.errors import SpanlabelError

    from ._chat import print_record
    from ._screen import console

    with _opened() as store:
        if store is None:
            raise typer.Exit(1)
        try:
            record = store.record(record_id.strip().lower())
        except LookupError as error:
            raise SpanlabelError(str(error.args[0])) from None
    print_record(console(), record)


@app.command()
def export(
    *,
    conversation: Conversation = None,
    service: Service = None,
    model: Model = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    how: Annotated[ExportFormat, typer.Option("--format", help="JSON lines are all there is.")] = ExportFormat.JSONL,
) -> None:
    """Write records to standard output, the newest first, each with all that is known of it.

    For example:

        spanlabel records export > records.jsonl
        spanlabel records export --since 7d --format jsonl | jq -r .answer
    """
    from spanlabel.records import to_json

    from ._screen import count, print_json_line

    wanted = Filter(conversation=conversation, service=service, model=model, since=since, until=until)
    with _opened() as store:
        if store is None:
            return
        number = 0
        for record in store.records(**wanted, limit=limit):
            print_json_line(to_json(record))
            number += 1
        _say_if_none(store, number)
    if number:
        _say(f"{count(number, 'record')} written.")


@contextmanager
def _opened() -> Iterator[LocalStore | None]:
    """Open the store and say where it is; None if nothing was ever stored, which is said too."""
    from spanlabel.compose import local_store
    from spanlabel.config.loading import load
    from spanlabel.platforms.local import LocalStore

    file = local_store(load().settings)
    if not file.exists():
        _say(f"Nothing is stored yet: there is no {file}.")
        _say("To fill it: spanlabel demo, or spanlabel extract FILES --to local.")
        yield None
        return
    _say(f"Store: {file}")
    with LocalStore(file) as store:
        yield store


def _say_if_none(store: LocalStore, number: int) -> None:
    if number:
        return
    held = store.count()
    if held:
        _say(f"None of the {held:,} records in the store fits.")
    else:
        _say("The store is empty. To fill it: spanlabel demo, or spanlabel extract FILES --to local.")


def _say(text: str) -> None:
    from ._screen import console

    console(stderr=True).print(text, style="dim", soft_wrap=True)
