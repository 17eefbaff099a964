"""What platforms said, fit to be shown: without the secrets of the settings, and without control characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import SecretStr

from ._screen import harmless

if TYPE_CHECKING:
    from spanlabel.config.settings import Settings

_SHORTEST = 6
"""A secret of fewer characters would be found in every other word."""


class Words:
    """Makes text that came from elsewhere fit for a terminal.

    Args:
        settings: Whose secrets are not shown, as when a proxy repeats what it was sent.
    """

    def __init__(self, settings: Settings) -> None:
        found = {secret for one in settings.destinations for secret in _secrets(dict(one.settings))}
        self._secrets = sorted((one for one in found if len(one) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Give the text without what must not be shown."""
        for secret in self._secrets:
            text = text.replace(secret, "********")
        return harmless(text)


def _secrets(value: object) -> Iterator[str]:
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case Mapping():
            for one in value.values():
                yield from _secrets(one)
        case list() | tuple():
            for one in value:
                yield from _secrets(one)
