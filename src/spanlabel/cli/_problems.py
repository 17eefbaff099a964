"""What could not be read: each thing in a line on standard error, and their number in the exit code."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.text import Text

from spanlabel.errors import InputError

from ._screen import count, harmless

MOST_SHOWN = 100
"""Problems of one run that are shown; a big file of another format would fill the screen with the same line."""


class Problems:
    """Shows and counts problems.

    Args:
        screen: Where to.

    Attributes:
        number: How many there were.
    """

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self.number = 0

    def __call__(self, problem: InputError) -> None:
        """Show one."""
        self.number += 1
        if self.number <= MOST_SHOWN:
            self._screen.print(Text(harmless(str(problem)), style="yellow"), soft_wrap=True)
        elif self.number == MOST_SHOWN + 1:
            self._screen.print(Text("... further problems are counted only", style="yellow"), soft_wrap=True)

    def close(self) -> None:
        """Say how many there were.

        Raises:
            typer.Exit: With code 1, if there was one.
        """
        if self.number:
            said = f"{count(self.number, 'problem')}; everything else was read."
            self._screen.print(Text(said, style="yellow"), soft_wrap=True)
            raise typer.Exit(1)
