"""Find and read spanlabel.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spanlabel.errors import ConfigError

_NAME = "spanlabel.yaml"
VARIABLE = "SPANLABEL_CONFIG"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What stands in a spanlabel.yaml.

    Attributes:
        path: Absolute.
        values: Its top level as YAML gave it; the keys need not be strings.
    """

    path: Path
    values: Mapping[object, object]


def read_config_file(given: str | os.PathLike[str] | None) -> ConfigFile | None:
    """Read the file that *given* names, else SPANLABEL_CONFIG, else ./spanlabel.yaml if there is one.

    Returns:
        None if nothing was named and ./spanlabel.yaml does not exist.

    Raises:
        ConfigError: A named file is missing, or the file cannot be read as YAML, or is not a mapping.
    """
    named, source = _named(given)
    if named is None:
        if not os.path.isfile(_NAME):  # pathlib raises where the folder may not be entered
            return None
        named = _NAME
    try:
        path = Path(os.path.abspath(os.path.expanduser(named)))  # pathlib raises for an unknown user
        return ConfigFile(path, _read(path))
    except FileNotFoundError as error:
        raise ConfigError("there is no such file", setting="config", value=named, source=source) from error


def _named(given: str | os.PathLike[str] | None) -> tuple[str | None, str | None]:
    if given is not None:
        return os.fspath(given), "keyword argument"
    if variable := os.environ.get(VARIABLE):
        return variable, f"environment variable {VARIABLE}"
    return None, None


def _read(path: Path) -> Mapping[object, object]:
    import yaml  # an application without a file does not pay for it

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        # The parser's own words are left out: they repeat what it stumbled over, which may be half a secret.
        mark = error.problem_mark or error.context_mark
        place = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        raise ConfigError(
            f"{path}{place}: not valid YAML (a value that begins with ! & * @ % ` or holds ': ' needs quotes)"
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML ({type(error).__name__})") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: must hold settings as 'name: value' lines, not {type(found).__name__}")
    return found
