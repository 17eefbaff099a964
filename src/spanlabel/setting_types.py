"""Types of settings that the platforms share: addresses, keys, headers, files. Errors are sentences for the user."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def address(example: str) -> AfterValidator:
    """The address of a server, without a slash at the end.

    Args:
        example: What the error shows, such as "https://argilla.example.com".
    """

    def check(url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"must be an address such as {example}")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("must be the server's address alone, without a user, a query or a fragment")
        return url.rstrip("/")

    return AfterValidator(check)


def key(meaning: str) -> AfterValidator:
    """A key or a token of one line, without the white space that it was copied with.

    Args:
        meaning: What it must be, such as "a token as Label Studio shows it".
    """

    def check(given: SecretStr) -> SecretStr:
        text = given.get_secret_value().strip()
        if not text or not (text.isascii() and text.isprintable()):
            raise ValueError(f"must be {meaning}")
        return SecretStr(text)

    return AfterValidator(check)


def _as_pairs(given: object) -> object:
    return tuple(given.items()) if isinstance(given, Mapping) else given


def _check_headers(given: tuple[tuple[str, SecretStr], ...]) -> tuple[tuple[str, SecretStr], ...]:
    for name, value in given:
        text = value.get_secret_value()
        if not _HEADER.fullmatch(name) or not (text.isascii() and text.isprintable()):
            raise ValueError("must map names of headers to texts of one line")
    return given


Headers: TypeAlias = Annotated[
    tuple[tuple[str, SecretStr], ...], BeforeValidator(_as_pairs), AfterValidator(_check_headers)
]
"""Further headers, given as a mapping: name and value; pairs, because settings must be hashable."""


def without_header(made_here: str, why: str) -> AfterValidator:
    """Refuse one header, in whatever case.

    Args:
        made_here: Its name.
        why: What makes it, after a colon.
    """

    def check(given: tuple[tuple[str, SecretStr], ...]) -> tuple[tuple[str, SecretStr], ...]:
        if any(name.lower() == made_here.lower() for name, _ in given):
            raise ValueError(f"must not hold {made_here}: {why}")
        return given

    return AfterValidator(check)


def existing_file(path: Path) -> Path:
    """An absolute path, because the working directory may change before the file is read.

    Raises:
        ValueError: There is no such file.
    """
    absolute = Path(os.path.abspath(os.path.expanduser(path)))  # pathlib raises for an unknown user
    if not absolute.is_file():
        raise ValueError("there is no such file")
    return absolute


ExistingFile: TypeAlias = Annotated[Path, AfterValidator(existing_file)]
"""As `existing_file`."""
