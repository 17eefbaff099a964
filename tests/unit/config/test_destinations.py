from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.config.destinations import choose_destination
from spanlabel.config.loading import load
from spanlabel.errors import ConfigError
from spanlabel.registry import platform_names

WriteYaml = Callable[[str], Path]

TWO = """
destinations:
  - {name: first, platform: acme, api_url: "http://one", api_key: key-one}
  - {name: second, platform: acme}
"""


class TestTheList:
    def test_several_destinations(self, write_yaml: WriteYaml) -> None:
        """
        Records can go to several places, each with its own settings, in the order of the file.
        """
        write_yaml(TWO)

        destinations = load().settings.destinations

        assert [(d.name, d.platform) for d in destinations] == [("first", "acme"), ("second", "acme")]
        assert destinations[0].settings.model_dump()["api_url"] == "http://one"

    def test_written_wins_over_the_platforms_variables(
        self, monkeypatch: pytest.MonkeyPatch, write_yaml: WriteYaml
    ) -> None:
        """
        A platform's variable fills what a destination leaves open, and does not redirect the one that says it.
        """
        file = write_yaml(TWO)
        monkeypatch.setenv("ACME_API_URL", "http://ambient")

        loaded = load()

        urls = [d.settings.model_dump()["api_url"] for d in loaded.settings.destinations]
        assert urls == ["http://one", "http://ambient"]
        assert loaded.sources["destinations.first.api_url"] == f"{file}: destinations[0].api_url"
        assert loaded.sources["destinations.second.api_url"] == "environment variable ACME_API_URL"
        assert loaded.sources["destinations.second.batch"] == "default"
        assert loaded.sources["destinations.second.platform"] == f"{file}: destinations[1].platform"

    def test_name_is_the_platforms_unless_given(self, write_yaml: WriteYaml) -> None:
        """
        A destination without a name is named like its platform.
        """
        write_yaml("destinations: [{platform: acme}]")

        assert [d.name for d in load().settings.destinations] == ["acme"]

    def test_without_a_list_there_is_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        `platform` alone makes one destination of that name, set by the platform's own variables.
        """
        monkeypatch.setenv("ACME_BATCH", "7")

        loaded = load(platform="acme")

        [destination] = loaded.settings.destinations
        assert (destination.name, destination.settings.model_dump()["batch"]) == ("acme", 7)
        assert loaded.sources["destinations.acme.platform"] == "keyword argument"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            pytest.param(
                "destinations: []",
                "destinations ({file}: destinations): must be a list of at least one destination",
                id="empty",
            ),
            pytest.param(
                "destinations: {platform: acme}",
                "destinations ({file}: destinations): must be a list of at least one destination",
                id="not a list",
            ),
            pytest.param(
                "destinations: [acme]",
                "destination ({file}: destinations[0]): must be a mapping with platform, name and the platform's "
                "settings",
                id="only a word",
            ),
            pytest.param(
                "destinations: [{name: a}]",
                "platform ({file}: destinations[0]): must name a platform; known: {platforms}",
                id="no platform",
            ),
            pytest.param(
                "destinations: [{platform: acmee}]",
                "platform = 'acmee' ({file}: destinations[0].platform): there is no such platform; did you mean acme?",
                id="mistyped platform",
            ),
            pytest.param(
                "destinations: [{platform: acme, name: a/b}]",
                "name ({file}: destinations[0].name): must be 1 to 64 letters, digits, '.', '_' or '-', a letter "
                "or digit first",
                id="bad name",
            ),
            pytest.param(
                "destinations: [{platform: acme}, {platform: acme}]",
                "name = 'acme' ({file}: destinations[1]): two destinations have this name",
                id="same name twice",
            ),
            pytest.param(
                "destinations: [{platform: acme, bacth: 5}]",
                "bacth ({file}: destinations[0]): not a setting; did you mean batch?",
                id="mistyped setting",
            ),
            pytest.param(
                "destinations: [{platform: acme, batch: many}]",
                "batch = 'many' ({file}: destinations[0].batch): must be a valid integer, unable to parse string "
                "as an integer",
                id="wrong type",
            ),
            pytest.param(
                "platform: local\ndestinations: [{platform: acme}]",
                "platform = 'local' ({file}: platform): contradicts {file}: destinations; remove one of them",
                id="platform and list",
            ),
        ],
    )
    def test_mistakes(self, write_yaml: WriteYaml, text: str, message: str) -> None:
        """
        A mistake in the list is named by its place in the file.
        """
        file = write_yaml(text)

        with pytest.raises(ConfigError) as caught:
            load()

        known = ", ".join(platform_names())
        assert str(caught.value) == message.replace("{file}", str(file)).replace("{platforms}", known)

    def test_a_variable_does_not_silently_lose(self, monkeypatch: pytest.MonkeyPatch, write_yaml: WriteYaml) -> None:
        """
        SPANLABEL_PLATFORM beside a list of destinations is refused, not ignored.
        """
        file = write_yaml(TWO)
        monkeypatch.setenv("SPANLABEL_PLATFORM", "acme")

        with pytest.raises(ConfigError) as caught:
            load()

        assert str(caught.value) == (
            f"platform = 'acme' (environment variable SPANLABEL_PLATFORM): contradicts {file}: destinations; "
            "remove one of them"
        )


class TestChoosing:
    def test_by_name(self, write_yaml: WriteYaml) -> None:
        """
        A person names a destination of the file.
        """
        write_yaml(TWO)

        assert choose_destination(load().settings, "second").name == "second"

    def test_by_platform(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A person names a platform that no destination mentions: its variables and defaults are used.
        """
        monkeypatch.setenv("ACME_BATCH", "9")

        chosen = choose_destination(load().settings, "acme")

        assert (chosen.platform, chosen.settings.model_dump()["batch"]) == ("acme", 9)

    def test_neither(self, write_yaml: WriteYaml) -> None:
        """
        An unknown name is answered with the nearest one.
        """
        write_yaml(TWO)

        with pytest.raises(ConfigError) as caught:
            choose_destination(load().settings, "secnod")

        assert str(caught.value) == "there is no destination 'secnod'; did you mean second?"
