"""Environment variables: which one sets what, and which ones are typing errors."""

from __future__ import annotations

import os

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from spanlabel import registry
from spanlabel.errors import ConfigError

from .file import VARIABLE as CONFIG_VARIABLE
from .platform import settings_class
from .settings import Settings

_PREFIX = "SPANLABEL_"
FILE_ONLY = frozenset({"destinations", "routes"})
"""Settings that no environment variable and no keyword can hold."""


def variables_of(part: type[BaseSettings]) -> dict[str, tuple[str, ...]]:
    """Environment variables that set each field of a class of settings, the winning one first."""
    prefix = part.model_config.get("env_prefix", "")
    names: dict[str, tuple[str, ...]] = {}
    for name, field in part.model_fields.items():
        match field.validation_alias:
            case str(alias):
                aliases: tuple[str, ...] = (alias,)
            case AliasChoices(choices=choices):
                aliases = tuple(alias for alias in choices if isinstance(alias, str))
            case _:
                aliases = (prefix + name,)
        names[name] = tuple(alias.upper() for alias in aliases)
    return names


def found_variables(part: type[BaseSettings]) -> dict[str, str]:
    """Name of the environment variable that sets a field, by field; an empty variable counts as not set."""
    present = {name.upper(): name for name, value in os.environ.items() if value}
    found = {}
    for field, variables in variables_of(part).items():
        here = [present[variable] for variable in variables if variable in present]
        if here:
            found[field] = here[0]
    return found


def check_variables() -> None:
    """Refuse a SPANLABEL_* variable that sets nothing: it is a typing error that would go unnoticed.

    Raises:
        ConfigError: Names the variable and the nearest one that exists.
    """
    known = {CONFIG_VARIABLE, *_all_variables(Settings)}
    given = [name for name in sorted(os.environ) if name.upper().startswith(_PREFIX)]
    if any(name.upper() not in known for name in given):  # only then: it imports the settings of all parts
        from .receiver import ReceiverSettings

        known |= _all_variables(ReceiverSettings)
    if any(name.upper() not in known for name in given):
        known = known.union(*(_all_variables(settings_class(name)) for name in registry.platform_names()))
    for name in given:
        setting = name.upper().removeprefix(_PREFIX).lower()
        if setting in FILE_ONLY:
            raise ConfigError(
                "can only be set in spanlabel.yaml", setting=setting, source=f"environment variable {name}"
            )
        if name.upper() not in known:
            right = tuple(sorted(variable for variable in known if variable.startswith(_PREFIX)))
            meant = registry.suggestion(name.upper(), right)
            raise ConfigError(f"not a setting{meant}", setting=name, source="environment variable")


def _all_variables(part: type[BaseSettings]) -> set[str]:
    return {variable for variables in variables_of(part).values() for variable in variables}
