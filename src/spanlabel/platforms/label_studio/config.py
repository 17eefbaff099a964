"""Label Studio's settings."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel.errors import ConfigError
from spanlabel.setting_types import ExistingFile, Headers, address, existing_file, key, without_header

MIN_TITLE, MAX_TITLE = 3, 50
"""Characters of a project's title, as Label Studio allows them."""


class PresetName(Enum):
    """Named shapes of a project."""

    REVIEW = "review"
    """Conversation and answer; the reviewer rates, judges, comments and corrects. Nothing is predicted."""
    PROMPT = "prompt"
    """LangChain's handler in prompt mode: a text, and the answer as an editable prediction."""
    CHAT = "chat"
    """LangChain's handler in chat mode: a dialogue, and the answer as an editable prediction."""
    PREFERENCE = "preference"
    """Two answers to one question, side by side."""
    CUSTOM = "custom"
    """The user's own label configuration."""


class Lookup(Enum):
    """When to ask whether a record is there before it is sent."""

    AUTO = "auto"
    """Where an earlier send may have put it there, as after a time-out or a crash."""
    ALWAYS = "always"
    """Before every send, for those whose spans reach spanlabel in two ways."""


def _as_label_config(given: str) -> str:
    """Leave text as it is; make a path independent of the working directory, which may change before it is read."""
    if given.lstrip().startswith("<"):
        return given
    return str(existing_file(Path(given)))


def _as_title(pattern: str) -> str:
    title = datetime(2026, 12, 31).strftime(pattern)  # noqa: DTZ001  only to see what the pattern makes
    if not MIN_TITLE <= len(title) <= MAX_TITLE or title != title.strip():
        raise ValueError(f"must be {MIN_TITLE} to {MAX_TITLE} characters, without spaces around them")
    return pattern


class LabelStudioSettings(BaseSettings):
    """Settings of one Label Studio destination. Frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SPANLABEL_LABEL_STUDIO_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    url: Annotated[str, address("http://localhost:8080")] = Field(
        "http://localhost:8080", validation_alias="LABEL_STUDIO_URL", description="Address of Label Studio."
    )
    api_key: Annotated[SecretStr, key("a token as Label Studio shows it")] = Field(
        validation_alias="LABEL_STUDIO_API_KEY",
        description="A personal access token or a legacy token, from the page Account & Settings.",
    )
    project_id: Annotated[int | None, Field(gt=0)] = Field(
        None,
        validation_alias="LABEL_STUDIO_PROJECT_ID",
        description="Number of the project, as in its address; wins over project.",
    )
    project: Annotated[str, AfterValidator(_as_title)] = Field(
        "spanlabel",
        description="Title of the project, exactly; it is made where it is missing. May hold strftime patterns, such "
        "as app-%Y-%m-%d: they stand for the time of the question, in UTC.",
    )
    preset: PresetName = Field(
        PresetName.REVIEW, description="Shape of the project: review, prompt, chat, preference or custom."
    )
    label_config: Annotated[str, AfterValidator(_as_label_config)] | None = Field(
        None, description="For preset custom: the label configuration, or the path of its file."
    )
    lookup: Lookup = Field(
        Lookup.AUTO,
        description="always asks before every send whether the record is there, for those whose spans reach spanlabel "
        "in two ways; auto only where an earlier send may have put it there.",
    )
    headers: Annotated[
        Headers, without_header("Authorization", "api_key makes it; a gate in front needs another header")
    ] = Field((), description="Further headers of every request, by name, for a gate in front of Label Studio.")
    verify_tls: bool = Field(True, description="Checks the server's certificate. Without it anybody may listen.")
    ca_file: ExistingFile | None = Field(
        None, description="Certificates to trust besides the system's own, a PEM file."
    )

    @model_validator(mode="after")
    def _only_for_custom(self) -> Self:
        if self.label_config is not None and self.preset is not PresetName.CUSTOM:
            raise ValueError("label_config needs preset: custom")
        if self.preset is PresetName.CUSTOM and self.label_config is None and self.project_id is None:
            raise ValueError("preset custom needs label_config, or project_id of a project that has one")
        return self

    def label_config_text(self) -> str | None:
        """The user's own label configuration, read from its file if it is in one; None if there is none.

        Raises:
            ConfigError: The file cannot be read.
        """
        given = self.label_config
        if given is None or given.lstrip().startswith("<"):
            return given
        try:
            return Path(given).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}", setting="label_config", value=given) from error
