"""The command line: `spanlabel COMMAND`. One file per command, imported only when that command runs.

To add a command, write `cli/NAME.py` with a Typer object named `app` (made with `add_completion=False`) and add
its line to `COMMANDS`. A command prints its result on standard output, everything else on standard error, and
raises a `SpanlabelError` for what the user can put right: `main` turns it into one message and an exit code.

Exit codes: 0 done; 1 a file, a store or a platform failed; 2 wrong usage or a wrong setting; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from spanlabel.errors import ConfigError, SpanlabelError

COMMANDS = {
    "demo": "Run a small application and see what a reviewer gets of it.",
    "extract": "Take the pairs out of files with traces.",
    "explain": "Show which span gave the question, which the final answer, and why.",
    "serve": "Receive traces and log records, and deliver the records made of them.",
    "records": "Look at the records in the local store.",
    "check": "See whether records can get where they are to go.",
    "deliver": "Send what waits in the outbox, from this process.",
    "outbox": "Look at the records on their way, and at those that a platform refused.",
    "config": "Look at the settings: what is in effect and where it comes from.",
}
"""Name, which is also the module's, and the first line of its help."""

_INTERRUPTED = 130  # what typer makes of Ctrl-C: 128 + SIGINT

app = typer.Typer(
    help="The question and the final answer out of GenAI traces, as records that people review.",
    epilog="Start with: spanlabel demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


class _LaterCommand(TyperCommand):
    """Stands in the list of commands; becomes the real one when it is called."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the rest of the command line with the real command, whose module is imported now."""
        real = get_command(import_module(f"spanlabel.cli.{self.name}").app)
        return real.make_context(*args, **kwargs)


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help, cls=_LaterCommand)(lambda: None)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"spanlabel {version('spanlabel')}")
        raise typer.Exit


@app.callback()
def _top(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    pass


def main() -> int:
    """Run the command line.

    Returns:
        The exit code; errors have been said on standard error, without a traceback.
    """
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:  # who read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run() -> int:
    try:
        get_command(app)(prog_name="spanlabel")  # calling the app itself would replace sys.excepthook
    except SystemExit as stop:  # how typer returns, always with a number
        code = stop.code if isinstance(stop.code, int) else 1
        if code == _INTERRUPTED:
            typer.echo("Stopped.", err=True)
        return code
    except ConfigError as error:
        _complain(error)
        return 2
    except (SpanlabelError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        _complain(error)
        return 1
    return 0


def _complain(error: Exception) -> None:
    typer.secho("Error: ", fg="red", bold=True, nl=False, err=True)
    said = str(error)
    if isinstance(error, ConfigError) and error.source == "keyword argument":  # here it was an option
        said = said.replace("(keyword argument)", "(command line)", 1)
    typer.echo(said, err=True)
