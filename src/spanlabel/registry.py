"""Which parts exist, by name, without importing one before it is needed.

Built-in platforms stand in `PLATFORMS`: a new one is a folder and a line. Strangers add theirs from outside
by entry points: `spanlabel.platforms` (each gives a `Platform`), `spanlabel.dialects`, `spanlabel.sources`. A
stranger cannot take a built-in name. A part that is not installed or does not load is a `ConfigError` that
says what to install or whose fault it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .errors import ConfigError


@dataclass(frozen=True, slots=True)
class Platform:
    """Where a platform's parts are; `resolve` turns each text into the thing.

    Attributes:
        settings: "module:attribute" of its settings, a frozen pydantic-settings class; needs no SDK.
        writer: "module:attribute" of what makes its `RecordWriter`; called as `make(settings, home=folder)`, where
            the folder is spanlabel's own; may need the SDK.
        extra: The extra of spanlabel that brings its SDK; empty if it needs none.
        check: "module:attribute" of what `spanlabel check` calls as `check(settings, home=folder, write=False)` to get
            `spanlabel.ports.Finding`s, one after the other; empty if the platform has none.
    """

    settings: str
    writer: str
    extra: str = ""
    check: str = ""


PLATFORMS: Mapping[str, Platform] = {
    "argilla": Platform(
        "spanlabel.platforms.argilla.config:ArgillaSettings",
        "spanlabel.platforms.argilla:make_writer",
        extra="argilla",
        check="spanlabel.platforms.argilla.checks:check",
    ),
    "label-studio": Platform(
        "spanlabel.platforms.label_studio.config:LabelStudioSettings",
        "spanlabel.platforms.label_studio:make_writer",
        extra="label-studio",
        check="spanlabel.platforms.label_studio.checks:check",
    ),
    "local": Platform(
        "spanlabel.platforms.local.config:LocalSettings",
        "spanlabel.platforms.local:make_writer",
        check="spanlabel.platforms.local.checks:check",
    ),
    "trubrics": Platform(
        "spanlabel.platforms.trubrics.config:TrubricsSettings",
        "spanlabel.platforms.trubrics.writer:make_writer",
        extra="trubrics",
        check="spanlabel.platforms.trubrics.checks:check",
    ),
}


def platform_names() -> tuple[str, ...]:
    """Names of all platforms, sorted; strangers' ones are listed, not loaded."""
    return tuple(sorted({*PLATFORMS, *(point.name for point in entry_points(group="spanlabel.platforms"))}))


def find_platform(name: str, *, source: str | None = None) -> Platform:
    """Find a platform by its name.

    Args:
        name: As the user wrote it.
        source: Where it was written, for the error.

    Raises:
        ConfigError: There is none of this name, or a stranger's does not load.
    """
    if name in PLATFORMS:
        return PLATFORMS[name]
    for point in entry_points(group="spanlabel.platforms", name=name):
        found = _load(point)
        if not isinstance(found, Platform):
            raise ConfigError(f"{_whose(point)} must give a spanlabel.registry.Platform, not {type(found).__name__}")
        return found
    raise ConfigError(
        f"there is no such platform{suggestion(name, platform_names())}",
        setting="platform",
        value=name,
        source=source,
    )


def extra_dialects() -> dict[str, Any]:
    """Strangers' dialects by name; the built-in ones stand in `spanlabel.dialects`.

    Raises:
        ConfigError: One does not load; the text names the distribution that brought it.
    """
    return dict(_load_all("spanlabel.dialects"))


def extra_sources() -> dict[str, Any]:
    """Strangers' sources by name.

    Raises:
        ConfigError: One does not load; the text names the distribution that brought it.
    """
    return dict(_load_all("spanlabel.sources"))


def resolve(reference: str, *, extra: str = "") -> Any:
    """Import a part.

    Args:
        reference: "module:attribute", or "module" for the module itself.
        extra: The extra of spanlabel that brings what the module needs; empty if it needs nothing more.

    Raises:
        ConfigError: A package that *extra* would bring is not installed.
        ImportError: The module is not there for another reason.
        AttributeError: The module has no such attribute.
    """
    module_name, _, attribute = reference.partition(":")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if not extra or error.name is None or error.name.partition(".")[0] == "spanlabel":
            raise
        raise ConfigError(
            f'{error.name} is not installed; install it with: pip install "spanlabel[{extra}]"'
        ) from error
    return getattr(found, attribute) if attribute else found


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """Say what a mistyped name may have meant: "; did you mean X?", or "; known: ..." if nothing is near."""
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"


def _load_all(group: str) -> Iterator[tuple[str, Any]]:
    for point in entry_points(group=group):
        yield point.name, _load(point)


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise ConfigError(f"{_whose(point)} does not load: {type(error).__name__}: {error}") from error


def _whose(point: EntryPoint) -> str:
    owner = "an unknown distribution" if point.dist is None else f"the distribution {point.dist.name}"
    return f"entry point {point.group}: {point.name} = {point.value} of {owner}"
