"""The tables of docs/how-to/migrate-from-langchain.md, held against the settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from pydantic import AliasChoices, TypeAdapter

from spanlabel import registry
from spanlabel.config.platform import settings_class

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "migrate-from-langchain.md"

PARAMETERS = {
    "ArgillaCallbackHandler": {"dataset_name", "workspace_name", "api_url", "api_key"},
    "LabelStudioCallbackHandler": {
        "api_key",
        "url",
        "project_id",
        "project_name",
        "project_config",
        'mode="prompt"',
        'mode="chat"',
    },
    "TrubricsCallbackHandler": {"project", "email", "password", "user_id", "session_id", "tags"},
    "TextGenerationToArgilla": {"dataset_name", "dataset_workspace", "api_url", "api_key"},
    "PreferenceToArgilla": {"dataset_name", "dataset_workspace", "api_url", "api_key", "num_generations"},
    "ArgillaHandler": {"dataset_name", "workspace_name", "api_url", "api_key", "number_of_retrievals"},
}
"""What each takes, as its own source has it."""


class Row(NamedTuple):
    """A row of one of the page's tables.

    Attributes:
        old: Who is replaced.
        platform: Whose settings take its place.
        parameter: The words of the first cell.
        settings: Each a name, or a name and a value as in spanlabel.yaml.
        variable: "" if there is none.
    """

    old: str
    platform: str
    parameter: str
    settings: list[str]
    variable: str


def _rows() -> Iterator[Row]:
    old = platform = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            old = ""
        elif cells[1].startswith("setting of"):
            [old], [platform] = _code(cells[0]), _code(cells[1])
        elif old and not set(cells[0]) <= set("-:"):
            variable = _code(cells[2])
            yield Row(old, platform, cells[0], _code(cells[1]), variable[0] if variable else "")


def _code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


ROWS = list(_rows())


def test_every_parameter_has_a_row() -> None:
    """
    Nobody looks in vain for a parameter of what is replaced.
    """
    named = {old: {word for row in ROWS if row.old == old for word in _code(row.parameter)} for old in PARAMETERS}

    assert {old: wanted - named[old] for old, wanted in PARAMETERS.items()} == {old: set() for old in PARAMETERS}
    assert {row.old for row in ROWS} == set(PARAMETERS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.old} {row.parameter}")
class TestRow:
    def test_settings_exist(self, row: Row) -> None:
        """
        Each setting that the page names is one, and takes the value that the page gives.
        """
        fields = settings_class(row.platform).model_fields

        for setting in row.settings:
            [(name, value)] = yaml.safe_load(setting).items() if ":" in setting else [(setting, None)]
            assert name in fields
            if value is not None:
                TypeAdapter(fields[name].annotation).validate_python(value)

    def test_variable_sets_it(self, row: Row) -> None:
        """
        The variable beside a setting is read for it.
        """
        assert bool(row.variable) == bool(row.settings)
        if row.settings:
            assert row.variable == _variable(row.platform, row.settings[-1].partition(":")[0])


def _variable(platform: str, name: str) -> str:
    part = settings_class(platform)
    alias = part.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return str(alias) if alias else part.model_config["env_prefix"] + name.upper()


def test_all_platforms_are_known() -> None:
    """
    The page names no platform that there is not.
    """
    assert {row.platform for row in ROWS} <= set(registry.platform_names())
