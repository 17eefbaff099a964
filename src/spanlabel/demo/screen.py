"""What the demo shows, while it happens and at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spanlabel.model import Record

if TYPE_CHECKING:
    from .scenes import Scene

SERVICE = "spanlabel-demo"
"""The service's name on every span and record of the demo."""

_MARGIN = "  "


class Screen:
    """Prints on a terminal, or plainly into a pipe; no text is cut, whatever the width.

    What one may want to copy (a path, a command) stays on one line.

    Args:
        console: Where to.
        harmless: Takes from a text what could move the cursor or colour the screen; a real model may write anything.
    """

    def __init__(self, console: Console, harmless: Callable[[str], str]) -> None:
        self._console = console
        self._harmless = harmless

    def open(self, *, model: str, is_live: bool) -> None:
        """Say what is going to happen."""
        by = "a real provider" if is_live else "a script on 127.0.0.1: no key, no network"
        self._line(Text.assemble(("spanlabel demo", "bold"), f"  The model is {model}, played by {by}."))
        about = (
            "The openai SDK and its OpenTelemetry instrumentation are the real ones. Their spans go to spanlabel and, "
            "beside it, to the standard OTLP exporter.\n"
        )
        self._line(Text(about, style="dim"))

    @contextmanager
    def playing(self, scene: Scene) -> Iterator[None]:
        """Show, on a terminal, that a scene is being played."""
        with self._console.status(Text.assemble((scene.name, "bold"), f"  {scene.story}")):
            yield

    def played(self, scene: Scene, *, spans: int, records: int, is_good: bool) -> None:
        """Say what became of a scene."""
        mark = ("✓ ", "green") if is_good else ("✗ ", "red")
        figures = f"  {_count(spans, 'span')} → {_count(records, 'record')}"
        self._line(Text.assemble(mark, (scene.name, "bold"), (figures, "cyan")))
        self._line(Text(scene.story, style="dim"), indent=True)

    def refused(self, scene: Scene, why: str) -> None:
        """Say that the provider did not play along."""
        self._line(Text.assemble(("! ", "yellow"), (scene.name, "bold"), (f"  {self._harmless(why)}", "yellow")))

    def table(self, records: Sequence[Record]) -> None:
        """Show the records."""
        table = Table(
            title="What a reviewer gets", title_justify="left", title_style="bold", show_lines=True, expand=True
        )
        table.add_column("Question", overflow="fold", ratio=2)
        table.add_column("Final answer", overflow="fold", ratio=3)
        table.add_column("Steps skipped", overflow="fold", justify="right", width=7)
        table.add_column("Model", overflow="fold", width=14)
        for record in records:
            skipped = record.metadata.get("skipped_steps", 0)
            table.add_row(
                Text(self._harmless(record.prompt)),
                self._answers(record.answers),
                Text(str(skipped), style="bold" if skipped else "dim"),
                Text(self._harmless(str(record.metadata.get("model", "unknown")))),
            )
        self._line(Text())
        self._console.print(table)

    def close(self, *, calls: int, records: Sequence[Record], spans: int, exported: int, place: Path) -> None:
        """Sum up, and say how to go on."""
        self._line(Text())
        self._line(
            Text.assemble(
                (f"{_count(calls, 'call')} of the provider → {_count(len(records), 'record')} to review. ", "bold"),
                f"The OTLP exporter beside spanlabel delivered {exported} of {_count(spans, 'span')}.",
            )
        )
        stored = Text.assemble("Stored in ", (str(place), "cyan"), f" under the service name {SERVICE}.")
        self._console.print(stored, soft_wrap=True)
        if not records:
            return
        most = max(records, key=lambda record: int(str(record.metadata.get("skipped_steps", 0))))
        self._line(Text("\nTry next:"))
        for command in (
            f"spanlabel records list --service {SERVICE}",
            f"spanlabel records show {most.id}",
            "spanlabel records export --format jsonl",
        ):
            self._console.print(Text(_MARGIN + command, style="green"), soft_wrap=True)

    def _answers(self, answers: Sequence[str]) -> Text:
        texts = [self._harmless(answer) for answer in answers]
        if len(texts) > 1:
            texts = [f"{k}. {text}" for k, text in enumerate(texts, 1)]
        return Text("\n".join(texts))

    def _line(self, text: Text, *, indent: bool = False) -> None:
        if not indent:
            self._console.print(text)
            return
        grid = Table.grid()
        grid.add_row(_MARGIN, text)
        self._console.print(grid)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
