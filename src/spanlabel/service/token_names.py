"""Conditions on names that no token has: a typo in one would send a team's pairs elsewhere, or nowhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spanlabel.config.settings import Settings

_ASKED = re.compile(r"(?:^| & )\s*token\s*=\s*(.+?)\s*(?= & |$)")


def unknown_names(settings: Settings, names: Collection[str]) -> Iterator[str]:
    """Sentences about conditions on tokens that can never hold, as long as the tokens are these.

    Args:
        settings: Whose routes, `include` and `exclude` are looked at.
        names: Of the tokens.
    """
    lists = {f"route {route.name}": route.when for route in settings.routes}
    for place, conditions in {**lists, "include": settings.include, "exclude": settings.exclude}.items():
        for glob in (found for text in conditions for found in _ASKED.findall(text)):
            if not any(fnmatchcase(name, glob) for name in names):
                known = ", ".join(sorted(name for name in names if name)) or "none"
                yield f"{place} asks for token={glob}, and no token has that name (names: {known})"
