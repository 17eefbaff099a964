"""Put the settings together from keywords, environment, file and defaults, and say where each came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_settings import BaseSettings

from spanlabel.errors import ConfigError

from .destinations import default_destination, read_destinations
from .file import ConfigFile, read_config_file
from .parts import Given, build_part, check_names
from .rules import Placed
from .settings import DeliverIn, Destination, Settings
from .switches import is_sdk_disabled
from .variables import FILE_ONLY, check_variables

if TYPE_CHECKING:
    from .receiver import ReceiverSettings

_KEYWORD = "keyword argument"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in effect, and where they came from.

    Attributes:
        settings: All of them; `settings.destinations` holds at least one.
        sources: By setting: "default", "environment variable SPANLABEL_X", "keyword argument", or file and
            key such as "/app/spanlabel.yaml: max_bytes". A destination's own ones are named
            "destinations.NAME.SETTING".
        file: The spanlabel.yaml that was read, absolute; None if there was none.
    """

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None


def load(*, config: str | os.PathLike[str] | None = None, **given: object) -> Loaded:
    """Read all settings.

    Args:
        config: The file to read instead of ./spanlabel.yaml; it must exist. SPANLABEL_CONFIG does the same.
        given: Settings by name; they win over the environment and the file. None means not given.

    Returns:
        The settings in effect, checked, with their sources.

    Raises:
        ConfigError: A name is unknown, a value is of the wrong type or out of bounds, two settings contradict
            each other, or the file cannot be read. The text names the setting, the value (never a secret) and
            its place.
    """
    return _loaded(config, given)


def load_for_application(*, config: str | os.PathLike[str] | None = None, **given: object) -> Loaded:
    """Read all settings that an application needs.

    Where `deliver_in` is elsewhere, the platforms' own settings, with their keys, are not read: `spanlabel deliver`
    needs them, and the application only the names of its destinations.

    Args:
        config: As for `load`.
        given: As for `load`.

    Raises:
        ConfigError: As for `load`.
    """
    return _loaded(config, given, is_application=True)


def _loaded(
    config: str | os.PathLike[str] | None, given: Mapping[str, object], *, is_application: bool = False
) -> Loaded:
    check_variables()
    file = read_config_file(config)
    above = _keywords(given)
    below = _written(file)
    listed, routes = below.pop("destinations", None), below.pop("routes", None)
    if is_sdk_disabled() and "disabled" not in above and not os.environ.get("SPANLABEL_DISABLED"):
        above["disabled"] = Given(True, "environment variable OTEL_SDK_DISABLED")
    settings, sources = build_part(Settings, above, _of(Settings, below))
    destinations, own_sources = _destinations(
        settings.platform,
        sources["platform"],
        listed,
        is_sent_elsewhere=is_application and settings.deliver_in is DeliverIn.ELSEWHERE,
    )
    if listed is not None:
        sources["destinations"] = listed.source
    update: dict[str, object] = {"destinations": destinations}
    if settings.redact_with is not None:
        update["redact_with"] = Placed.at(settings.redact_with, sources["redact_with"])
    if routes is not None:
        from .routes import read_routes

        sources["routes"] = routes.source
        update["routes"] = read_routes(routes.value, routes.source, [one.name for one in destinations])
    return Loaded(
        settings.model_copy(update=update),
        sources | own_sources,
        None if file is None else file.path,
    )


def load_receiver(
    *, config: str | os.PathLike[str] | None = None, **given: object
) -> tuple[Loaded, ReceiverSettings, Mapping[str, str]]:
    """Read all settings, those of the receiver too.

    Args:
        config: As for `load`.
        given: Settings by name, the receiver's or others.

    Returns:
        What `load` returns, the receiver's settings, and the source of each of these.

    Raises:
        ConfigError: As for `load`.
    """
    from .receiver import ReceiverSettings

    own = {name: value for name, value in given.items() if name in ReceiverSettings.model_fields}
    loaded = load(config=config, **{name: value for name, value in given.items() if name not in own})
    above = {name: Given(value, _KEYWORD) for name, value in own.items() if value is not None}
    below = _of(ReceiverSettings, _written(read_config_file(config)))
    return loaded, *build_part(ReceiverSettings, above, below)


def _of(part: type[BaseSettings], written: Mapping[str, Given]) -> dict[str, Given]:
    return {name: value for name, value in written.items() if name in part.model_fields}


def _keywords(given: Mapping[str, object]) -> dict[str, Given]:
    above = {name: Given(value, _KEYWORD) for name, value in given.items() if value is not None}
    for name in FILE_ONLY & above.keys():
        raise ConfigError("can only be set in spanlabel.yaml", setting=name, source=_KEYWORD)
    _check_names(above, _KEYWORD)
    return above


def _written(file: ConfigFile | None) -> dict[str, Given]:
    if file is None:
        return {}
    _check_names(file.values, str(file.path), is_file=True)
    return {str(name): Given(value, f"{file.path}: {name}") for name, value in file.values.items()}


def _check_names(names: Mapping[Any, object], source: str, *, is_file: bool = False) -> None:
    known = Settings.model_fields
    if is_file and any(name not in known for name in names):
        from .receiver import ReceiverSettings  # one file serves the receiver and all others

        known = known | ReceiverSettings.model_fields
    check_names(names, known, source=source)
    if "auto_processor" in names:  # the hook that reads it must not look for a file first: see switches
        raise ConfigError(
            "can only be set by the environment variable SPANLABEL_AUTO_PROCESSOR",
            setting="auto_processor",
            source=source,
        )


def _destinations(
    platform: str, source: str, listed: Given | None, *, is_sent_elsewhere: bool
) -> tuple[tuple[Destination, ...], dict[str, str]]:
    if listed is None:
        found = [default_destination(platform, source=source, is_sent_elsewhere=is_sent_elsewhere)]
    elif source != "default":
        raise ConfigError(
            f"contradicts {listed.source}; remove one of them",
            setting="platform",
            value=platform,
            source=source,
        )
    else:
        found = read_destinations(listed.value, listed.source, is_sent_elsewhere=is_sent_elsewhere)
    sources = {
        f"destinations.{destination.name}.{name}": place for destination, own in found for name, place in own.items()
    }
    return tuple(destination for destination, _ in found), sources
