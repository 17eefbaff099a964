"""`spanlabel extract`: pairs out of files with traces."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from spanlabel.config.settings import Settings
    from spanlabel.metrics import Counts
    from spanlabel.model import Record

    from ._problems import Problems
    from ._progress import Bar

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class Format(StrEnum):
    """How to print."""

    TABLE = "table"
    JSONL = "jsonl"


@app.command()
def extract(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES",
            help="OTLP/JSON lines or protobuf, plain, gzip or zstd; folders with such files; - is standard input.",
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="DESTINATION", help="Put them there instead of printing them.")
    ] = "",
    how: Annotated[
        Format | None,
        typer.Option("--format", help="Without it: a table on a terminal, JSON lines into a pipe or a file."),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Leave out what is less sure. Without it: SPANLABEL_MIN_CONFIDENCE, else 0.7."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first thing that cannot be read.")] = False,
) -> None:
    """Take the pairs out of files with traces.

    The files hold what the Collector's file exporter writes. Name the files
    with logs too where content lies in log records: what belongs together
    may lie in any of them. A folder stands for all files in it and in its
    folders, but for hidden and empty ones. A file stands for itself: name
    the folder, or traces*.json, to read what was rotated too.

    A destination is one of spanlabel.yaml, or a platform's name, such as
    local. What is there already is not written twice, so a command that was
    stopped can be given again.

    What could not be read is said with file and line; the rest is read, and
    the exit code is 1.

    For example:

        spanlabel extract traces.jsonl
        spanlabel extract traces.jsonl.zst logs.jsonl --to local
        spanlabel extract /var/lib/otelcol/traces/ --to argilla
        zcat old/*.gz | spanlabel extract - | jq -r .prompt
    """
    from spanlabel.config.loading import load
    from spanlabel.metrics import Counts

    from ._problems import Problems
    from ._progress import Bar
    from ._screen import console

    if to and how is not None:
        raise typer.BadParameter("goes with printing only, not with --to", param_hint="--format")
    settings = load(min_confidence=min_confidence).settings
    errors = console(stderr=True)
    problems, counts = Problems(errors), Counts()
    is_done = True
    with Bar(errors) as bar:
        found = _records(files, settings, problems, counts, bar, strict=strict)
        if to:
            is_done = _send(to, found, settings, counts=counts, errors=errors, bar=bar)
        else:
            _print(how, found, bar)
    _sum_up(errors, counts)
    problems.close()
    if not is_done:
        raise typer.Exit(1)


def _records(
    files: list[Path], settings: Settings, problems: Problems, counts: Counts, bar: Bar, *, strict: bool
) -> Iterator[Record]:
    from spanlabel.compose import records_of_files

    from ._progress import reading

    records = records_of_files(
        files, settings, problem=problems, strict=strict, progress=reading(bar, files), counts=counts
    )
    yield from list(records) if strict else records  # until the end it may come to nothing


def _print(how: Format | None, records: Iterator[Record], bar: Bar) -> None:
    from spanlabel.records import to_json

    from ._screen import console, is_kept, print_json_line
    from ._table import print_extracted

    screen, may_show = console(), is_kept()
    if how is Format.JSONL or (how is None and not screen.is_terminal):
        for record in records:
            if not may_show:
                bar.close()  # whoever reads what is printed may show it on the same screen
            print_json_line(to_json(record))
    elif listed := list(records):
        bar.close()
        print_extracted(screen, listed)


def _send(to: str, records: Iterator[Record], settings: Settings, *, counts: Counts, errors: Console, bar: Bar) -> bool:
    """Put records into a destination.

    Returns:
        Whether it has all of them.
    """
    from spanlabel.compose import for_one_destination
    from spanlabel.config.destinations import choose_destination
    from spanlabel.metrics import Metric
    from spanlabel.platforms.local.config import LocalSettings

    from ._screen import count, harmless
    from ._sending import Sending

    def say(text: str) -> None:
        errors.print(harmless(text), soft_wrap=True)

    destination = choose_destination(settings, to)
    own = destination.settings
    place = str(own.file(settings.home)) if isinstance(own, LocalSettings) else destination.platform
    running = for_one_destination(settings, destination, counts)
    try:
        sending = Sending(running, say)
        sending.put(records)
        bar.begin(f"to {to}", sending.waiting)
        is_done = sending.deliver(bar.advance)
        made = counts.total(Metric.RECORDS_MADE)
        sent = counts.total(Metric.RECORDS_DELIVERED)
        dead = counts.total(Metric.RECORDS_DEAD)
        unknown = counts.total(Metric.RECORDS_UNKNOWN)
        say(f"{count(made, 'record')} for {to} ({place}): {sent:,} sent, {sending.there:,} there already")
        if dead:
            say(f"{dead} of them refused: {running.outbox.dead_letters(to)[-1].error}")
        if unknown:
            say(f"{unknown} of them may have arrived or not; they are not sent again")
        if not is_done:
            say(f"{sending.waiting} wait in {running.outbox.path}: {sending.worker.error}")
            say("Give the same command again to go on.")
        return is_done and not dead and not unknown
    except KeyboardInterrupt:
        if counts.total(Metric.RECORDS_MADE):
            say(f"What was found is kept in {running.outbox.path}; give the same command again to go on.")
        raise
    finally:
        running.close()


def _sum_up(errors: Console, counts: Counts) -> None:
    """Say in a line what was found and what was not."""
    from spanlabel.metrics import Metric

    from ._screen import count

    dropped = {
        dict(labels)["rule"]: n for (metric, labels), n in counts.snapshot().items() if metric is Metric.PAIRS_DROPPED
    }
    pairs = counts.total(Metric.PAIRS) - sum(dropped.values())
    facts = [
        count(counts.total(Metric.SPANS_RECEIVED), "span"),
        count(counts.total(Metric.TRACES_DECIDED), "trace"),
        count(pairs, "pair"),
        *(f"{n:,} dropped ({rule})" for rule, n in sorted(dropped.items())),
    ]
    lost = counts.total(Metric.LOGS_LOST, reason="no_span")
    if lost:
        facts.append(f"{count(lost, 'log record')} found no span")
    errors.print(" · ".join(facts), style="dim", soft_wrap=True)
    if not pairs and counts.total(Metric.SPANS_RECEIVED):
        errors.print("Why there is none: spanlabel explain with the same files.", style="dim", soft_wrap=True)
