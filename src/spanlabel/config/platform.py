"""A platform's own class of settings, by the platform's name."""

from __future__ import annotations

from pydantic_settings import BaseSettings

from spanlabel import registry
from spanlabel.errors import ConfigError


def settings_class(platform: str, *, source: str | None = None) -> type[BaseSettings]:
    """Import a platform's class of settings; it needs no SDK.

    Args:
        platform: The platform's name.
        source: Where the name was written, for the error.

    Raises:
        ConfigError: There is no such platform, or what a stranger offers is not a class of settings.
    """
    reference = registry.find_platform(platform, source=source).settings
    found = registry.resolve(reference)
    if isinstance(found, type) and issubclass(found, BaseSettings) and found.model_config.get("frozen"):
        return found
    raise ConfigError(
        f"{reference} must be a class of pydantic_settings.BaseSettings with frozen=True",
        setting="platform",
        value=platform,
    )
