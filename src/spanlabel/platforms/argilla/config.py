"""Argilla's settings."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel.setting_types import ExistingFile, Headers, address

MAX_NAME = 200
"""Characters of a dataset's name."""

_IN_URL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def _as_dataset(text: str) -> str:
    name = datetime(2026, 12, 31).strftime(text)  # noqa: DTZ001  only to see what the pattern makes
    if not name.strip() or len(name) > MAX_NAME:
        raise ValueError(f"must be 1 to {MAX_NAME} characters")
    return text


def _as_workspace(text: str) -> str:
    if not _IN_URL.fullmatch(text):
        raise ValueError("must be letters, digits, '_', '.' or '-', a letter or digit first")
    return text


class ArgillaSettings(BaseSettings):
    """Settings of one Argilla destination. Frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SPANLABEL_ARGILLA_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    api_url: Annotated[str, address("https://argilla.example.com or http://localhost:6900")] = Field(
        validation_alias=AliasChoices("ARGILLA_API_URL"),
        description="Address of the Argilla server, such as https://argilla.example.com.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        validation_alias=AliasChoices("ARGILLA_API_KEY"),
        description="API key of an owner, or of an admin of the workspace. Argilla shows it under My settings.",
    )
    hf_token: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("HF_TOKEN"),
        description="Hugging Face token that opens a private Space. Sent only to https addresses under hf.space.",
    )
    workspace: Annotated[str, AfterValidator(_as_workspace)] = Field("argilla", description="Workspace of the dataset.")
    create_workspace: bool = Field(True, description="Makes the workspace where it is missing; only an owner can.")
    dataset: Annotated[str, AfterValidator(_as_dataset)] = Field(
        "spanlabel",
        description="Name of the dataset, which is made where it is missing. May hold strftime patterns, such as "
        "answers-%Y-%m-%d: they stand for the time of the question, in UTC.",
    )
    preset: Literal["review", "langchain", "llama-index", "distilabel-text-generation", "distilabel-preference"] = (
        Field("review", description="Shape of the dataset and how records fill it.")
    )
    num_generations: Annotated[int, Field(ge=1, le=20)] = Field(
        2, description="How many answers a record of preset distilabel-preference shows, 1 to 20."
    )
    number_of_retrievals: Annotated[int, Field(ge=0, le=20)] = Field(
        2, description="How many retrieved documents a record of preset llama-index shows, 0 to 20."
    )
    note_newer: bool = Field(
        False,
        description="Adds newer_version_came to the metadata of a record that was answered before its newer version "
        "came, and that therefore stays as it is.",
    )
    headers: Headers = Field(
        (), description="Further headers of every request, by name, for a proxy that asks for them."
    )
    verify_tls: bool = Field(True, description="Checks the server's certificate. Without it anybody may listen.")
    ca_file: ExistingFile | None = Field(
        None, description="Certificates to trust besides the system's own, a PEM file."
    )
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        60.0, description="Seconds that one request may take at most."
    )

    @property
    def is_hf_space(self) -> bool:
        """The server is a Hugging Face Space."""
        return (urlsplit(self.api_url).hostname or "").endswith(".hf.space")

    def sent_headers(self) -> dict[str, str]:
        """What every request carries beside the API key. Holds secrets."""
        made = {}
        if self.hf_token is not None and self.is_hf_space and self.api_url.startswith("https:"):
            made["Authorization"] = f"Bearer {self.hf_token.get_secret_value()}"
        return made | {name: value.get_secret_value() for name, value in self.headers}
