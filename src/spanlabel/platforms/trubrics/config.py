"""Trubrics' settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel.setting_types import Headers, address, key, without_header


class TrubricsSettings(BaseSettings):
    """Settings of one Trubrics destination. Frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SPANLABEL_TRUBRICS_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    url: Annotated[str, address("https://app.trubrics.com/api/ingestion")] = Field(
        "https://app.trubrics.com/api/ingestion", description="Address of Trubrics' ingestion API."
    )
    api_key: Annotated[SecretStr, key("a project's API key as Trubrics shows it")] = Field(
        validation_alias="TRUBRICS_API_KEY",
        description="The project's API key, from the settings page of Trubrics. It can only write.",
    )
    preset: Literal["events"] = Field("events", description="Shape of what is written: events, an LLM event each.")
    default_user_id: Annotated[str, Field(min_length=1)] = Field(
        "unknown", description="User of the records whose spans name none; Trubrics takes no event without a user."
    )
    headers: Annotated[Headers, without_header("x-api-key", "api_key makes it")] = Field(
        (), description="Further headers of every request, by name, for a proxy that asks for them."
    )
