"""`spanlabel check`: whether records can get where they are to go, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spanlabel.config.settings import Destination, Settings
    from spanlabel.ports import Finding
    from spanlabel.registry import Platform

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def check(
    destination: Annotated[
        str | None, typer.Argument(help="Name of a destination or a platform; without it all destinations.")
    ] = None,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Also write one marked test record, and remove it again.")
    ] = False,
) -> None:
    """See whether records can get where they are to go.

    Goes through address, token, rights and what is there, and says of each line
    that is not as it should be which setting is to blame, where that was set,
    and what to do. Nothing is made or changed without --write.

    Exit code 1 if a line is not good.

    For example:

        spanlabel check
        ARGILLA_API_URL=http://127.0.0.1:6900 spanlabel check argilla --write
    """
    from spanlabel.cli._screen import console, harmless
    from spanlabel.config.destinations import choose_destination, default_destination
    from spanlabel.config.loading import load

    loaded = load()
    settings = loaded.settings
    sources = dict(loaded.sources)
    chosen = settings.destinations if destination is None else (choose_destination(settings, destination),)
    for one in set(chosen).difference(settings.destinations):  # a platform that was named instead of a destination
        own = default_destination(one.platform)[1]
        sources |= {f"destinations.{one.name}.{setting}": source for setting, source in own.items()}
    screen = console()
    bad = 0
    for one in chosen:
        screen.print(f"{one.name} ({one.platform})")
        for finding in findings(one, settings, write=write):
            bad += not finding.is_good
            mark = "✓" if finding.is_good else "✗"
            where = "" if finding.is_good else _place(one, finding.setting, sources)
            screen.print(f"  {mark} {finding.what}: {harmless(finding.words)}{where}", soft_wrap=True)
    if bad:
        raise typer.Exit(1)


def findings(destination: Destination, settings: Settings, *, write: bool) -> Iterator[Finding]:
    """What the destination's platform finds out about itself.

    Raises:
        ConfigError: Its SDK is not installed.
    """
    from spanlabel import registry

    platform = registry.find_platform(destination.platform)
    if not platform.check:
        yield _opened(destination, settings, platform, write=write)
        return
    yield from registry.resolve(platform.check, extra=platform.extra)(
        destination.settings, home=settings.home, write=write
    )


def _opened(destination: Destination, settings: Settings, platform: Platform, *, write: bool) -> Finding:
    """What can be found out of a platform that brings no check of its own."""
    from spanlabel import registry
    from spanlabel.errors import ConfigError, TryLater
    from spanlabel.ports import Finding

    if not write:
        words = f"the platform {destination.platform} brings no check of its own; with --write it is opened"
        return Finding("settings", True, words)
    writer = registry.resolve(platform.writer, extra=platform.extra)(destination.settings, home=settings.home)
    try:
        writer.open()
    except (ConfigError, TryLater) as error:
        return Finding("opening", False, str(error), error.setting if isinstance(error, ConfigError) else None)
    finally:
        writer.close()
    return Finding("opening", True, "its writer opens, as before the first record")


def _place(destination: Destination, setting: str | None, sources: Mapping[str, str]) -> str:
    """Where the setting that is to blame was set."""
    if setting is None:
        return ""
    source = sources.get(f"destinations.{destination.name}.{setting}")
    return f" [{setting}: {source}]" if source else ""
