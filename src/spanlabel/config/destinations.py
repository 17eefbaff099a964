"""The list of destinations, each with its platform's own settings."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel import registry
from spanlabel.errors import ConfigError

from .parts import Given, build_part, check_names
from .platform import settings_class
from .settings import Destination, Settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class NotRead(BaseSettings):
    """What a destination has instead of its platform's settings in a process that sends it nothing."""

    model_config = SettingsConfigDict(frozen=True)


def choose_destination(settings: Settings, name: str) -> Destination:
    """Find the destination that a person named.

    Args:
        settings: Settings as `load` gave them.
        name: A destination's name; or a platform's, which is then set by its variables and defaults.

    Raises:
        ConfigError: There is neither a destination nor a platform of this name.
    """
    for destination in settings.destinations:
        if destination.name == name:
            return destination
    if name in registry.platform_names():
        return default_destination(name)[0]
    known = {destination.name for destination in settings.destinations} | set(registry.platform_names())
    raise ConfigError(f"there is no destination {name!r}{registry.suggestion(name, tuple(sorted(known)))}")


def default_destination(
    platform: str, *, source: str = "default", is_sent_elsewhere: bool = False
) -> tuple[Destination, dict[str, str]]:
    """Make the destination that is named like its platform and set by the environment alone.

    Args:
        platform: The platform's name.
        source: Where the name was written, for the error.
        is_sent_elsewhere: Another process sends to it, and reads the platform's settings.

    Returns:
        It, and the source of each of its settings and of its platform.

    Raises:
        ConfigError: The platform is unknown or one of its settings is wrong.
    """
    if is_sent_elsewhere:
        registry.find_platform(platform, source=source)
        return Destination(name=platform, platform=platform, settings=NotRead()), {"platform": source}
    settings, sources = build_part(settings_class(platform, source=source), {}, {})
    return Destination(name=platform, platform=platform, settings=settings), {"platform": source} | sources


def read_destinations(
    listed: object, place: str, *, is_sent_elsewhere: bool = False
) -> list[tuple[Destination, dict[str, str]]]:
    """Read `destinations` of spanlabel.yaml.

    What stands in the list wins over the platform's environment variables: with two destinations of one
    platform a variable cannot mean both.

    Args:
        listed: As YAML gave it.
        place: File and key, such as "/app/spanlabel.yaml: destinations".
        is_sent_elsewhere: Another process sends to them, and reads the platforms' settings.

    Returns:
        Each, and the source of each of its settings and of its platform; at least one, in order, no name twice.

    Raises:
        ConfigError: Something in it is wrong; the text names the place, such as "destinations[0].path".
    """
    if not isinstance(listed, list) or not listed:
        raise ConfigError("must be a list of at least one destination", setting="destinations", source=place)
    found: list[tuple[Destination, dict[str, str]]] = []
    for index, entry in enumerate(listed):
        destination, sources = _read_one(entry, f"{place}[{index}]", is_sent_elsewhere=is_sent_elsewhere)
        if any(destination.name == other.name for other, _ in found):
            raise ConfigError(
                "two destinations have this name",
                setting="name",
                value=destination.name,
                source=f"{place}[{index}]",
            )
        found.append((destination, sources))
    return found


def _read_one(entry: object, place: str, *, is_sent_elsewhere: bool) -> tuple[Destination, dict[str, str]]:
    if not isinstance(entry, Mapping):
        raise ConfigError(
            "must be a mapping with platform, name and the platform's settings",
            setting="destination",
            source=place,
        )
    platform = entry.get("platform")
    if not isinstance(platform, str):
        raise ConfigError(
            f"must name a platform; known: {', '.join(registry.platform_names())}",
            setting="platform",
            source=place,
        )
    registry.find_platform(platform, source=f"{place}.platform")
    name = entry.get("name", platform)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(
            "must be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first",
            setting="name",
            source=f"{place}.name",
        )
    origin = {"platform": f"{place}.platform"}
    if is_sent_elsewhere:
        return Destination(name=name, platform=platform, settings=NotRead()), origin
    part = settings_class(platform, source=f"{place}.platform")
    own = {key: value for key, value in entry.items() if key not in {"name", "platform"}}
    check_names(own, part.model_fields, source=place)
    above = {key: Given(value, f"{place}.{key}") for key, value in own.items()}
    settings, sources = build_part(part, above, {}, place=place)
    found = Destination(name=name, platform=platform, settings=settings)
    return found, origin | sources
