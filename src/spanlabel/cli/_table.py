"""A table with a line for each record: as much of question and answer as the screen has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spanlabel.model import Record

from ._screen import PIPED_WIDTH, moment, one_line

WIDE = 110
"""From this many columns on there is room for more than question and answer."""

_PIPED_CELL = 100


@dataclass(frozen=True, slots=True)
class _Column:
    """One column.

    Attributes:
        title: What stands above it.
        cell: What it shows of a record.
        ratio: Its share of the room that the others leave; 0 if it takes what it needs.
        style: How it looks.
        is_number: Set to the right.
    """

    title: str
    cell: Callable[[Record], str]
    ratio: int = 0
    style: str = ""
    is_number: bool = False


def _fact(name: str) -> Callable[[Record], str]:
    return lambda record: str(record.metadata.get(name, ""))


_ID = _Column("Record", lambda record: record.id[:8], style="cyan")
_TRACE = _Column("Trace", lambda record: record.trace_id[:8], style="cyan")
_TIME = _Column("Time (UTC)", lambda record: moment(record.time_ns)[:16], style="dim")
_QUESTION = _Column("Question", lambda record: record.prompt, ratio=2)
_ANSWER = _Column("Final answer", lambda record: " | ".join(record.answers), ratio=3)
_MODEL = _Column("Model", _fact("model"), style="dim")
_CONVERSATION = _Column("Conversation", _fact("conversation_id"), style="dim")
_SKIPPED = _Column("Skipped", _fact("skipped_steps"), is_number=True)
_SURE = _Column("Sure", _fact("confidence"), is_number=True)


def print_stored(screen: Console, records: Sequence[Record]) -> None:
    """Print records of the store: each begins with its id."""
    columns = [_ID, _QUESTION, _ANSWER]
    if screen.width >= WIDE:
        columns = [_ID, _TIME, _QUESTION, _ANSWER, _MODEL]
        if any("conversation_id" in record.metadata for record in records):
            columns.append(_CONVERSATION)
    _print(screen, columns, records)


def print_extracted(screen: Console, records: Sequence[Record]) -> None:
    """Print records out of traces: each begins with its trace's id, which `spanlabel explain` takes."""
    columns = [_TRACE, _QUESTION, _ANSWER, _SURE]
    if screen.width >= WIDE:
        columns = [_TRACE, _QUESTION, _ANSWER, _SKIPPED, _SURE, _MODEL]
    _print(screen, columns, records)


def _print(screen: Console, columns: Sequence[_Column], records: Sequence[Record]) -> None:
    is_piped = screen.width >= PIPED_WIDTH
    width = _PIPED_CELL if is_piped else screen.width
    table = Table(box=None, pad_edge=False, expand=not is_piped, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.title,
            no_wrap=True,
            overflow="ellipsis",
            ratio=column.ratio or None,
            style=column.style,
            justify="right" if column.is_number else "left",
            max_width=None if column.ratio else 20,
        )
    for record in records:
        table.add_row(*(Text(one_line(column.cell(record), width)) for column in columns))
    screen.print(table)
