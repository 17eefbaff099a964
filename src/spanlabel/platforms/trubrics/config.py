"""Trubrics' settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Headers: TypeAlias = tuple[tuple[str, SecretStr], ...]
"""Name and value; pairs, because settings must be hashable."""

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _as_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address such as https://app.trubrics.com/api/ingestion")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("must be the address alone, without a user, a query or a fragment")
    return text.rstrip("/")


def _as_key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value().strip()  # copied from the page, it often ends in a line feed
    if not text or not (text.isascii() and text.isprintable()):
        raise ValueError("must be a project's API key as Trubrics shows it")
    return SecretStr(text)


def _as_pairs(given: object) -> object:
    return tuple(given.items()) if isinstance(given, Mapping) else given


def _check_headers(given: Headers) -> Headers:
    for name, value in given:
        text = value.get_secret_value()
        if not _HEADER.fullmatch(name) or not (text.isascii() and text.isprintable()):
            raise ValueError("must map names of headers to texts of one line")
        if name.lower() == "x-api-key":
            raise ValueError("must not hold x-api-key: api_key makes it")
    return given


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

    url: Annotated[str, AfterValidator(_as_url)] = Field(
        "https://app.trubrics.com/api/ingestion", description="Address of Trubrics' ingestion API."
    )
    api_key: Annotated[SecretStr, AfterValidator(_as_key)] = Field(
        validation_alias="TRUBRICS_API_KEY",
        description="The project's API key, from the settings page of Trubrics. It can only write.",
    )
    preset: Literal["events"] = Field("events", description="Shape of what is written: events, an LLM event each.")
    default_user_id: Annotated[str, Field(min_length=1)] = Field(
        "unknown", description="User of the records whose spans name none; Trubrics takes no event without a user."
    )
    headers: Annotated[Headers, BeforeValidator(_as_pairs), AfterValidator(_check_headers)] = Field(
        (), description="Further headers of every request, by name, for a proxy that asks for them."
    )
