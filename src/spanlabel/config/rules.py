"""How the settings of rules are written: lists of conditions, of kinds, of patterns, and an import path.

What a text means is known to `spanlabel.rules`, which is imported only where one is given.
"""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

_IMPORT_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class Placed(str):
    """A text that knows where it was written, for what is found wrong with it only when it is used.

    Attributes:
        source: As in `Loaded.sources`.
    """

    __slots__ = ("source",)

    source: str

    @classmethod
    def at(cls, text: str, source: str) -> Placed:
        """Note where a text was written."""
        placed = cls(text)
        placed.source = source
        return placed


def _as_list(value: object) -> object:
    """A text is a list: with commas between, or as JSON where an entry holds a comma."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("begins with [ but is no JSON list") from None
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def _condition(text: str) -> str:
    from spanlabel.rules.condition import parse_condition

    parse_condition(text)
    return text


def _pattern(text: str) -> str:
    from spanlabel.rules.redaction import parse_pattern

    parse_pattern(text)
    return text


def _kind(text: str) -> str:
    from spanlabel.rules.patterns import KINDS

    if text not in KINDS:
        raise ValueError(f"must be one of {', '.join(KINDS)}")
    return text


def _import_path(text: str) -> str:
    if not _IMPORT_PATH.fullmatch(text):
        raise ValueError("must be module:function, such as myapp.privacy:mask")
    return text


Conditions = Annotated[tuple[Annotated[str, AfterValidator(_condition)], ...], NoDecode, BeforeValidator(_as_list)]
Kinds = Annotated[tuple[Annotated[str, AfterValidator(_kind)], ...], NoDecode, BeforeValidator(_as_list)]
Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], NoDecode, BeforeValidator(_as_list)]
ImportPath = Annotated[str, AfterValidator(_import_path)]
