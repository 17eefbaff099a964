"""The edges' contracts. The docstring is the contract; `spanlabel.testing.contracts` checks its lines."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from .model import Log, Record, Span


class Outcome(Enum):
    """What became of one record that a writer was given."""

    DELIVERED = "delivered"
    """It is there as given."""
    KEPT = "kept"
    """It was there already and a person has worked on it, so it was left as it was."""
    UNKNOWN = "unknown"
    """It may be there or not, this cannot be found out, and so it must not be sent again."""


class SpanConsumer(Protocol):
    """Takes spans from a source.

    A source acknowledges its sender only after `accept` has returned.
    """

    def accept(self, spans: Sequence[Span], logs: Sequence[Log] = ()) -> None:
        """Take spans and log records, in any order, duplicates allowed.

        Raises:
            TryLater: There is no room now; nothing was taken.
        """


class RecordWriter(Protocol):
    """Puts records into one annotation platform.

    - `write` is idempotent: a record written twice is there once; written again with other content
      it is updated, unless a person has worked on it. A platform without a key of its own must ask for that
      whether the record is there, so the caller says for which ones it need not: all that *maybe_there* leaves out.
      Where the platform cannot be asked either, those in *maybe_there* are UNKNOWN and are not sent.
    - `write` keeps order and takes all of *batch* or raises.
    - `open` is called once before the first `write`; `close` may come before `open`, and twice.
    - One thread at a time calls it. It starts no thread that outlives `close`.
    """

    def open(self) -> None:
        """Connect, check the dataset or project, create it where it is missing.

        Raises:
            ConfigError: A setting is wrong, or what is there does not fit.
            TryLater: The platform cannot be reached now.
        """

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        """Write 1..1000 records.

        Args:
            batch: No id twice.
            timeout_s: What it may take.
            maybe_there: Ids that an earlier `write`, also of another process, may have put there: its answer was
                lost, its process died before it could note the answer, it wrote another version, or it raised an error
                that did not say `nothing_written`.

        Returns:
            One outcome for each record, in order.

        Raises:
            TryLater: None of *batch* is sure to be there; send it again.
            Rejected: The platform refuses at least one record; nothing else is sure to be there.
                Where the platform named the culprit, its place is given; else the caller halves the batch to find it.
            ConfigError: No record will pass until somebody changes a setting.
        """

    def close(self) -> None:
        """Let go of connections and files."""


class RecordSink(Protocol):
    """Where the pipeline hands its records in: the outbox, or a list in a test."""

    def put(self, records: Sequence[Record]) -> None:
        """Take records; one that was put before with the same content changes nothing.

        Raises:
            StoreError: They could not be kept.
        """

    def supersede(self, record_ids: Sequence[str]) -> None:
        """Say that these records are no longer what their trace says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of what `spanlabel check` found out about a destination.

    Attributes:
        what: What was looked at: "address", "token", "rights", "workspace", "dataset", "shape", "test record", ...
        is_good: Whether it is as it should be.
        words: What is there; if it is not good, what is wrong, which setting is to blame, and what to do.
        setting: Name of the setting that is to blame or that was looked at; None if there is none.
    """

    what: str
    is_good: bool
    words: str
    setting: str | None = None
