from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from typer.testing import CliRunner

from spanlabel import registry
from spanlabel.cli.config import app
from spanlabel.config.receiver import ReceiverSettings
from spanlabel.config.settings import Settings


class AcmeSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ACME_", frozen=True)

    url: str = "http://localhost"
    api_key: SecretStr | None = None


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory, no variable of ours, and a platform that has a secret."""
    for name in list(os.environ):
        if name.upper().startswith(("SPANLABEL_", "ACME_", "OTEL_SDK_DISABLED")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    folder = ModuleType("acme_labels")
    vars(folder).update(AcmeSettings=AcmeSettings)
    monkeypatch.setitem(sys.modules, "acme_labels", folder)
    acme = registry.Platform("acme_labels:AcmeSettings", "acme_labels:make_writer")
    monkeypatch.setattr(registry, "PLATFORMS", {**registry.PLATFORMS, "acme": acme})
    return tmp_path


def show(*arguments: str, columns: int = 200) -> str:
    done = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, ["show", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def rows(printed: str) -> list[list[str]]:
    """The table's cells, line by line."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in printed.splitlines()]


class TestTable:
    def test_every_setting_value_and_place(self, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
        """
        Every setting stands in the table with its value and where that came from.
        """
        (place / "spanlabel.yaml").write_text("min_confidence: 0.5\nhome: /data")
        monkeypatch.setenv("SPANLABEL_IDLE_S", "9")
        monkeypatch.setenv("SPANLABEL_PLATFORM", "acme")

        printed = rows(show())

        file = str(place / "spanlabel.yaml")
        assert ["min_confidence", "0.5", f"{file}: min_confidence"] in printed
        assert ["home", "/data", f"{file}: home"] in printed
        assert ["idle_s", "9.0", "environment variable SPANLABEL_IDLE_S"] in printed
        assert ["disabled", "false", "default"] in printed
        assert ["max_age_s", "not set", "default"] in printed
        assert ["destinations.acme.url", "http://localhost", "default"] in printed
        assert ["destinations.acme.platform", "acme", "environment variable SPANLABEL_PLATFORM"] in printed
        assert [f"file: {file}"] in printed
        first_cells = [row[0] for row in printed if row]
        assert [n for n in first_cells if n in Settings.model_fields] == [
            n for n in Settings.model_fields if n != "destinations"
        ]

    def test_without_a_file(self) -> None:
        """
        Where no spanlabel.yaml was read the table says so.
        """
        assert show().splitlines()[-1] == "no spanlabel.yaml in this folder"

    def test_long_values_wrap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A value longer than the screen goes over several lines; no character is lost, also where it looks like markup.
        """
        home = "/" + "[b]".join(f"folder{n}" for n in range(20))
        monkeypatch.setenv("SPANLABEL_HOME", home)

        printed = show(columns=60)

        assert all(len(line) <= 60 for line in printed.splitlines())
        lines = printed.splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("home"))
        column = lines[start].index("/folder0")
        width = lines[0].index("From") - column
        value = ""
        for line in lines[start:]:
            if value and not line.startswith(" "):
                break
            value += line[column : column + width].strip()
        assert value == home


class TestJson:
    def test_for_programs(self, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
        """
        --format json gives the same in values of JSON: numbers, true, null.
        """
        (place / "spanlabel.yaml").write_text("destinations: [{name: a, platform: acme, url: 'http://x'}]")
        monkeypatch.setenv("SPANLABEL_MAX_BYTES", "5")

        found = json.loads(show("--format", "json"))

        file = str(place / "spanlabel.yaml")
        assert found["file"] == file
        settings = found["settings"]
        assert settings["max_bytes"] == {"value": 5, "source": "environment variable SPANLABEL_MAX_BYTES"}
        assert settings["disabled"] == {"value": False, "source": "default"}
        assert settings["max_traces"] == {"value": None, "source": "default"}
        assert settings["destinations.a.url"] == {"value": "http://x", "source": f"{file}: destinations[0].url"}
        own = set(Settings.model_fields) | set(ReceiverSettings.model_fields)
        assert set(settings) == (own - {"destinations"}) | {
            "destinations.a.platform",
            "destinations.a.url",
            "destinations.a.api_key",
        }

    def test_path_that_is_no_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A folder whose name is no UTF-8 is shown with its bytes spelled out.
        """
        monkeypatch.setenv("SPANLABEL_HOME", os.fsdecode(b"/data/\xff"))

        found = json.loads(show("--format", "json"))

        assert found["settings"]["home"]["value"] == "/data/\\udcff"


@pytest.mark.parametrize("how", ["table", "json"])
def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """
    A secret is shown as stars, one that is not set as not set; where it came from is said.
    """
    monkeypatch.setenv("SPANLABEL_PLATFORM", "acme")
    unset = show("--format", how)
    monkeypatch.setenv("ACME_API_KEY", "hunter2hunter2")
    printed = show("--format", how)

    assert "hunter2" not in printed
    assert "********" in printed
    assert "environment variable ACME_API_KEY" in printed
    assert "*" not in unset

    def test_tokens_are_hidden(self, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
        """
        Of the receiver's tokens the names are shown, and nothing of the secrets.
        """
        (place / "spanlabel.yaml").write_text("tokens: {team-a: hunter22}")

        shown = show("--format", "json")

        assert json.loads(shown)["settings"]["tokens"]["value"] == "team-a: ********"
        assert "hunter" not in shown
