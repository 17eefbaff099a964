from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Self

import pytest
from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel import registry


class AcmeSettings(BaseSettings):
    """What a platform's folder declares: its own variable names, a secret, a rule that is careless with it."""

    model_config = SettingsConfigDict(env_prefix="ACME_", env_ignore_empty=True, frozen=True, populate_by_name=True)

    api_url: str = "http://localhost"
    api_key: SecretStr | None = None
    batch: int = 100
    hub_token: SecretStr | None = Field(None, validation_alias=AliasChoices("ACME_TOKEN", "HUB_TOKEN"))
    hub_port: int = Field(80, validation_alias="HUB_PORT", description="Port of the hub.")

    @model_validator(mode="after")
    def _only_together(self) -> Self:
        if self.hub_port != 80 and self.hub_token is None:
            raise ValueError("hub_port needs hub_token")
        return self

    @field_validator("api_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 4:
            raise ValueError(f"{key.get_secret_value()} is too short")
        return key


class NeedySettings(BaseSettings):
    """A platform that does not work without being told its place."""

    model_config = SettingsConfigDict(env_prefix="NEEDY_", frozen=True)

    url: str


@pytest.fixture(autouse=True)
def empty_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory, and none of our variables in the environment."""
    for name in list(os.environ):
        if name.upper().startswith(("SPANLABEL_", "ACME_", "NEEDY_", "HUB_", "OTEL_SDK_DISABLED", "XDG_DATA_HOME")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def more_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more platforms, added as a newcomer adds one: a folder and a registry line."""
    folder = ModuleType("acme_labels")
    vars(folder).update(AcmeSettings=AcmeSettings, NeedySettings=NeedySettings)
    monkeypatch.setitem(sys.modules, "acme_labels", folder)
    monkeypatch.setattr(
        registry,
        "PLATFORMS",
        {
            **registry.PLATFORMS,
            "acme": registry.Platform("acme_labels:AcmeSettings", "acme_labels:make_writer"),
            "needy": registry.Platform("acme_labels:NeedySettings", "acme_labels:make_writer"),
        },
    )


@pytest.fixture
def write_yaml(empty_place: Path) -> Callable[[str], Path]:
    """Writes ./spanlabel.yaml and returns its path."""

    def write(text: str) -> Path:
        path = empty_place / "spanlabel.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
