"""`spanlabel config`: look at the settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import Annotated

import typer
from pydantic import SecretBytes, SecretStr
from pydantic_settings import BaseSettings
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spanlabel.config.loading import Loaded, load_receiver

app = typer.Typer(
    help="Look at the settings: what is in effect and where it comes from.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
)


class Format(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"


@app.callback()
def _group() -> None:
    """Keeps `show` a command of its own while it is the only one."""


@app.command()
def show(
    how: Annotated[Format, typer.Option("--format", help="For people or for programs.")] = Format.TABLE,
) -> None:
    """Print every setting in effect and where its value comes from; secrets are hidden.

    A value comes from, highest first: an environment variable,
    spanlabel.yaml (of this folder, or the one that SPANLABEL_CONFIG names),
    the default.

    For example:

        spanlabel config show
        SPANLABEL_HOME=/data spanlabel config show --format json
    """
    loaded, receiver, receivers_sources = load_receiver()
    rows, sources = [*_rows(loaded), *_own(receiver)], {**loaded.sources, **receivers_sources}
    if how is Format.JSON:
        settings = {name: {"value": value, "source": sources[name]} for name, value in rows}
        print(json.dumps({"file": _plain(loaded.file), "settings": settings}, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("Setting", "Value", "From"):
        table.add_column(title, overflow="fold")
    for name, value in rows:
        source = sources[name]
        shown = value if isinstance(value, str) else "not set" if value is None else json.dumps(value)
        table.add_row(Text(name), Text(shown), Text(source, style="dim" if source == "default" else ""))
    screen = Console()
    screen.print(table)
    found = "no spanlabel.yaml in this folder" if loaded.file is None else f"file: {_plain(loaded.file)}"
    screen.print(Text(f"\n{found}"))


def _rows(loaded: Loaded) -> Iterator[tuple[str, str | float | None]]:
    """Name and value of each setting, fit to be shown."""
    yield from ((name, value) for name, value in _own(loaded.settings) if name != "destinations")
    for destination in loaded.settings.destinations:
        place = f"destinations.{destination.name}"
        yield f"{place}.platform", destination.platform
        for name in type(destination.settings).model_fields:
            yield f"{place}.{name}", _plain(getattr(destination.settings, name))


def _own(part: BaseSettings) -> Iterator[tuple[str, str | float | None]]:
    for name in type(part).model_fields:
        yield name, _plain(getattr(part, name))


def _plain(value: object) -> str | float | None:
    if isinstance(value, SecretStr | SecretBytes):
        return "********"
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, tuple) and any(isinstance(entry, tuple) for entry in value):
        return ", ".join(f"{name}: {_plain(entry)}" if name else str(_plain(entry)) for name, entry in value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ", ".join(str(entry) for entry in value) or None
    # A path may hold bytes that are no UTF-8, which no terminal and no JSON takes.
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
