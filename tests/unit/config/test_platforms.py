from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from spanlabel.config.loading import load
from spanlabel.errors import ConfigError

WriteYaml = Callable[[str], Path]


class TestItsOwnVariableNames:
    """A platform keeps the variable names that its users know, also several for one setting."""

    @pytest.mark.parametrize("variable", ["ACME_TOKEN", "HUB_TOKEN"])
    def test_either_sets_it(self, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
        """
        Each of the names sets the value and is named as its source.
        """
        monkeypatch.setenv(variable, "token-token")

        loaded = load(platform="acme")

        token = loaded.settings.destinations[0].settings.model_dump()["hub_token"]
        assert token.get_secret_value() == "token-token"
        assert loaded.sources["destinations.acme.hub_token"] == f"environment variable {variable}"

    def test_the_first_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        When both are set, the one that is named first counts.
        """
        monkeypatch.setenv("HUB_TOKEN", "second")
        monkeypatch.setenv("ACME_TOKEN", "first")

        loaded = load(platform="acme")

        token = loaded.settings.destinations[0].settings.model_dump()["hub_token"]
        assert token.get_secret_value() == "first"
        assert loaded.sources["destinations.acme.hub_token"] == "environment variable ACME_TOKEN"

    def test_file_by_the_settings_name(self, monkeypatch: pytest.MonkeyPatch, write_yaml: WriteYaml) -> None:
        """
        In spanlabel.yaml the setting has one name, and wins over both variables.
        """
        file = write_yaml("destinations: [{platform: acme, hub_token: from-file}]")
        monkeypatch.setenv("HUB_TOKEN", "from-environment")

        loaded = load()

        token = loaded.settings.destinations[0].settings.model_dump()["hub_token"]
        assert token.get_secret_value() == "from-file"
        assert loaded.sources["destinations.acme.hub_token"] == f"{file}: destinations[0].hub_token"


class TestMistakes:
    def test_in_a_variable_of_another_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A wrong value is named by setting and variable, also where their names differ.
        """
        monkeypatch.setenv("HUB_PORT", "http")

        with pytest.raises(ConfigError) as caught:
            load(platform="acme")

        assert str(caught.value) == (
            "hub_port = 'http' (environment variable HUB_PORT): must be a valid integer, unable to parse string as an "
            "integer. Meaning: Port of the hub."
        )

    def test_combination(self, write_yaml: WriteYaml) -> None:
        """
        A combination that the platform refuses is named by its destination, in the platform's words.
        """
        file = write_yaml("destinations: [{platform: acme, hub_port: 81}]")

        with pytest.raises(ConfigError) as caught:
            load()

        assert caught.value.source == f"{file}: destinations[0]"
        assert "hub_port needs hub_token" in str(caught.value)

    def test_missing(self, write_yaml: WriteYaml) -> None:
        """
        A value that a destination lacks is asked for at its place.
        """
        file = write_yaml("destinations: [{platform: acme}, {platform: needy}]")

        with pytest.raises(ConfigError) as caught:
            load()

        assert str(caught.value) == (f"url ({file}: destinations[1]): must be set, in spanlabel.yaml or by NEEDY_URL")

    def test_settings_that_can_change(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A platform whose settings are not frozen is told so: they are part of what tells one pipeline from another.
        """

        class Loose(BaseSettings):
            pass

        monkeypatch.setattr("acme_labels.AcmeSettings", Loose)

        with pytest.raises(ConfigError) as caught:
            load(platform="acme")

        assert str(caught.value) == (
            "platform = 'acme': acme_labels:AcmeSettings must be a class of pydantic_settings.BaseSettings with "
            "frozen=True"
        )
