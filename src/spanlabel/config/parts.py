"""Make one class of settings out of what was written down, and say where each value came from.

It serves spanlabel's own settings and each platform's. Reading the environment is pydantic-settings' work;
here its exceptions become a `ConfigError` that names setting, value and place, and never shows a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsError

from spanlabel.errors import ConfigError
from spanlabel.registry import suggestion

from .variables import found_variables, variables_of

Part = TypeVar("Part", bound=BaseSettings)

_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Given:
    """One value that somebody wrote down, and where.

    Attributes:
        value: As written, not checked.
        source: "keyword argument", or file and key such as "/app/spanlabel.yaml: max_bytes".
    """

    value: object
    source: str


def build_part(
    part: type[Part], above: Mapping[str, Given], below: Mapping[str, Given], *, place: str | None = None
) -> tuple[Part, dict[str, str]]:
    """Build one class of settings.

    Args:
        part: The class.
        above: Values that win over the environment, by field of *part*.
        below: Values that the environment wins over, by field of *part*.
        place: Where a missing value belongs, such as "/app/spanlabel.yaml: destinations[0]"; None if nowhere special.

    Returns:
        The settings, and the source of each field.

    Raises:
        ConfigError: A value has the wrong type or is out of bounds.
    """
    variables = {name: f"environment variable {found}" for name, found in found_variables(part).items()}
    written = {name: given for name, given in below.items() if name not in variables} | dict(above)
    sources = dict.fromkeys(part.model_fields, "default") | variables
    sources |= {name: given.source for name, given in written.items()}
    values: dict[str, Any] = {name: given.value for name, given in written.items()}
    try:
        return part(**values), sources
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        raise _explained(problem, part, sources, place) from None
    except SettingsError as error:  # a variable that must hold JSON does not; the text has no value in it
        raise ConfigError(str(error)) from None


def check_names(names: Iterable[object], known: Iterable[str], *, source: str) -> None:
    """Refuse a name that is not known.

    Args:
        names: As written; YAML's keys need not be text.
        known: All names that would be right.
        source: "keyword argument", or file, or file and key.

    Raises:
        ConfigError: Names the first unknown one and the nearest known one.
    """
    right = tuple(known)
    for name in names:
        if name not in right:
            # Whatever YAML takes for a key: a number of 5000 digits cannot even be printed.
            shown = name[:_LONGEST_SHOWN] if isinstance(name, str) else f"a key of type {type(name).__name__}"
            raise ConfigError(f"not a setting{suggestion(shown, right)}", setting=shown, source=source)


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a field is a secret, also an optional one."""
    kinds = {field.annotation, *get_args(field.annotation)}
    return not kinds.isdisjoint({SecretStr, SecretBytes})


def _holds_secret(kind: object) -> bool:
    """Whether something of this type holds one, as a list of tokens does: then it is not shown."""
    return kind in (SecretStr, SecretBytes) or any(map(_holds_secret, get_args(kind)))


def _explained(
    problem: ErrorDetails, part: type[BaseSettings], sources: Mapping[str, str], place: str | None
) -> ConfigError:
    rule = problem["msg"].removeprefix("Value error, ").replace("Input should", "must")
    if not problem["loc"]:  # a rule about several fields
        return ConfigError(rule, source=place)
    name = _field(str(problem["loc"][0]), part)
    field = part.model_fields[name]
    meaning = f". Meaning: {field.description}" if field.description else ""
    if problem["type"] == "missing":
        ways = " or ".join(variables_of(part)[name])
        return ConfigError(f"must be set, in spanlabel.yaml or by {ways}{meaning}", setting=name, source=place)
    if is_secret(field):
        rule = "is not valid"  # a platform's own rule might repeat the secret
    shown = None if _holds_secret(field.annotation) else _showable(problem["input"])
    return ConfigError(rule + meaning, setting=name, value=shown, source=sources[name])


def _field(name: str, part: type[BaseSettings]) -> str:
    """The field that pydantic means: it names one by its alias where it has one."""
    if name in part.model_fields:
        return name
    return next(field for field, variables in variables_of(part).items() if name.upper() in variables)


def _showable(value: object) -> object:
    """A value that may be shown: a list or mapping may hold a secret, a long text helps nobody."""
    if isinstance(value, str) and len(value) > _LONGEST_SHOWN:
        return value[:_LONGEST_SHOWN] + "…"
    if isinstance(value, int) and value.bit_length() > _LONGEST_SHOWN:
        return None
    return value if isinstance(value, str | int | float) else None
