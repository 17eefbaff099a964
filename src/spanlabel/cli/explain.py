"""`spanlabel explain`: why a trace gives the pairs that it gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from spanlabel.model import Trace

    from ._explained import Explained

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class Format(StrEnum):
    """How to print."""

    TREE = "tree"
    JSON = "json"


@app.command()
def explain(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES", help="OTLP/JSON lines or protobuf, plain, gzip or zstd; - is standard input."),
    ],
    trace: Annotated[str, typer.Option("--trace", help="Only the trace whose id begins so.")] = "",
    how: Annotated[Format, typer.Option("--format", help="For people or for programs.")] = Format.TREE,
) -> None:
    """Show which span gave the question, which the final answer, and why.

    Prints the tree of each trace: what kind of step each span is, which
    dialects read it, which parts of a pair it gave, and why it was skipped.
    Below the tree stands each pair with its confidence and what lowered it,
    or the rule that drops it; or, if there is none, why, and what to do.
    dedup and per_day look back within these files only.

    Name the log file too where content lies in log records. What belongs
    together may lie in any of the files.

    For example:

        spanlabel explain traces.jsonl
        spanlabel explain traces.jsonl logs.jsonl --trace 4bf92f
        spanlabel explain traces.jsonl --format json | jq '.traces[].pairs'
    """
    import json

    from spanlabel.compose import admission_of, all_readers, redaction_of, rules_of, traces_of_files
    from spanlabel.config.loading import load

    from ._explained import Rules, explained
    from ._problems import Problems
    from ._progress import Bar, reading
    from ._screen import console, print_json_line
    from ._trace_dict import trace_dict

    settings = load().settings
    rules = Rules(rules_of(settings), admission_of(settings, is_passing=True), redaction_of(settings))
    errors = console(stderr=True)
    problems = Problems(errors)
    readers = all_readers()
    with Bar(errors) as bar:
        traces = traces_of_files(files, readers, problem=problems, progress=reading(bar, files))
        wanted = {one.trace_id for one in _chosen(traces, trace)}
        found = [one for one in explained(traces, readers, rules) if one.trace.trace_id in wanted]
    if rules.admission is not None:
        rules.admission.close()
    if how is Format.JSON:
        print_json_line(json.dumps({"traces": [trace_dict(one) for one in found]}, ensure_ascii=False, indent=2))
    else:
        _print_trees(console(), found, settings.min_confidence)
    problems.close()


def _chosen(traces: Sequence[Trace], prefix: str) -> list[Trace]:
    """The traces to show.

    Raises:
        SpanlabelError: No id, or more than one, begins with *prefix*.
    """
    from spanlabel.errors import SpanlabelError

    found = [one for one in traces if one.trace_id.startswith(prefix.strip().lower())]
    if not prefix or len(found) == 1:
        return found
    listed = [one.trace_id for one in (found or traces)[:10]]
    more = len(found or traces) - len(listed)
    what = f"{len(found)} traces begin with" if found else "no trace's id begins with"
    shown = "\n  ".join([*listed, *([f"... and {more} more"] if more > 0 else [])])
    raise SpanlabelError(f"{what} {prefix!r}; there are:\n  {shown}" if listed else f"{what} {prefix!r}; there is none")


def _print_trees(screen: Console, found: Sequence[Explained], min_confidence: float) -> None:
    from rich.text import Text

    from ._pairs import labelled, print_pair
    from ._screen import count, duration, harmless, moment, print_flowing
    from ._tree import print_tree
    from ._why_not import why_not

    pairs = [pair for one in found for pair in one.pairs]
    if len(found) != 1:
        dropped = Counter(pair.dropped for pair in pairs if pair.dropped is not None)
        summary = [
            count(len(found), "trace"),
            count(sum(len(one.trace.steps) for one in found), "span"),
            count(len(pairs) - dropped.total(), "pair"),
        ]
        for rule, n in dropped.items():
            by = f"below {min_confidence:g}" if rule == "low_confidence" else f"by {rule}"
            summary.append(f"{n} dropped {by}")
        screen.print(Text(" · ".join(summary), style="bold"), soft_wrap=True)
    for index, one in enumerate(found):
        if index or len(found) != 1:
            screen.print()
        spans = [step.span for step in one.trace.steps]
        facts = [
            count(len(spans), "span"),
            duration(max(span.end_ns for span in spans) - spans[0].start_ns),
            moment(spans[0].start_ns),
        ]
        title = Text(f"Trace {harmless(one.trace.trace_id)}", style="bold")
        print_flowing(screen, [title, Text(" · ".join(filter(None, facts)), style="dim")])
        print_tree(screen, one)
        for pair in one.pairs:
            screen.print()
            print_pair(screen, pair, of=len(one.pairs))
        if not one.pairs:
            for number, cause in enumerate(why_not(one)):
                labelled(screen, "" if number else "no pair", Text(cause))
    _print_meanings(screen, found)


def _print_meanings(screen: Console, found: Sequence[Explained]) -> None:
    """Say what the marks in the trees mean."""
    from rich.text import Text

    from spanlabel.pairing import words

    from ._pairs import labelled

    used = {word for one in found for of_span in one.fates.values() for word in of_span}
    if used:
        screen.print()
    for number, word in enumerate(word for word in words.FATES if word in used):
        meaning = words.fate(word)
        labelled(
            screen, "" if number else "marks", Text.assemble((f"· {meaning.short}", "yellow"), f"  {meaning.meaning}")
        )
