"""The embedded store's settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

FILE_NAME = "records.db"
"""Name of the file in spanlabel's home folder."""


def _refuse_empty(value: object) -> object:
    if value == "":
        raise ValueError("must not be empty")
    return value


def _as_place(path: Path | None) -> Path | None:
    """Make a path independent of the working directory, which may change before it is used."""
    if path is None:
        return None
    if "\0" in str(path):
        raise ValueError("must not contain a NUL character")
    return Path(os.path.abspath(os.path.expanduser(path)))  # pathlib raises for an unknown user


class LocalSettings(BaseSettings):
    """Settings of the embedded store. Frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SPANLABEL_LOCAL_", env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    path: Annotated[Path | None, BeforeValidator(_refuse_empty), AfterValidator(_as_place)] = Field(
        None, description="File of the embedded store. If not set, records.db in SPANLABEL_HOME."
    )

    def file(self, home: Path) -> Path:
        """Where the store is.

        Args:
            home: spanlabel's home folder, absolute.
        """
        return home / FILE_NAME if self.path is None else self.path
