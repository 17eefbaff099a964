"""What a writer says to one batch, as a value."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from spanlabel.errors import ConfigError, Rejected, TryLater
from spanlabel.model import Record
from spanlabel.ports import Outcome, RecordWriter

from .untraced import untraced


@dataclass(frozen=True, slots=True)
class Taken:
    """One outcome for each record, in order."""

    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Later:
    """The platform did not take them now."""

    error: TryLater


@dataclass(frozen=True, slots=True)
class Refused:
    """The platform refuses at least one of them."""

    error: Rejected


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """No record will pass until somebody changes a setting."""

    error: ConfigError


@dataclass(frozen=True, slots=True)
class Surprise:
    """The writer broke its contract: an exception that it must not raise, or too few outcomes."""

    error: Exception

    @property
    def text(self) -> str:
        """The exception, as a person reads it."""
        return f"{type(self.error).__name__}: {self.error}"


Answer: TypeAlias = Taken | Later | Refused | Misconfigured | Surprise


def ask(writer: RecordWriter, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str]) -> Answer:
    """Write a batch, untraced."""
    try:
        with untraced():
            outcomes = writer.write(batch, timeout_s=timeout_s, maybe_there=maybe_there)
    except TryLater as error:
        return Later(error)
    except Rejected as error:
        return Refused(error)
    except ConfigError as error:
        return Misconfigured(error)
    except Exception as error:  # noqa: BLE001  a writer may be a stranger's
        return Surprise(error)
    if len(outcomes) != len(batch):
        return Surprise(RuntimeError(f"{len(outcomes)} outcomes for {len(batch)} records"))
    return Taken(outcomes)
