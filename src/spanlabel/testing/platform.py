"""An annotation platform in memory, which fails on demand."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set

from spanlabel.errors import ConfigError, Rejected, TryLater
from spanlabel.model import Record
from spanlabel.ports import Outcome


class MemoryPlatform:
    """What stays when its writers come and go.

    Attributes:
        records: What is stored, by id, in order of arrival.
        annotated: Ids of records that a person has worked on.
        requests: Ids of each batch that a writer sent, also of those that failed.
        maybe_there: For each of them, which ids the caller held to be there perhaps.
        doubled: Ids that were there when they came again though the caller did not hold it for possible: a platform
            without keys has them twice now.
        refused: Ids that the platform refuses, as long as they stand here.
        names_culprits: Whether it says which ones of a batch it refuses.
        later: How many of the next requests it does not take now.
        retry_after_s: What it then asks to wait; None if it says nothing.
        lost_answers: How many of the next requests are stored while their answer is lost on the way.
        wrong_setting: Its complaint about a setting, as long as it has one.
        surprise: What its writer raises against its contract, as long as it stands here.
    """

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.annotated: set[str] = set()
        self.requests: list[list[str]] = []
        self.maybe_there: list[Set[str]] = []
        self.doubled: list[str] = []
        self.refused: Collection[str] = frozenset()
        self.names_culprits = False
        self.later = 0
        self.retry_after_s: float | None = None
        self.lost_answers = 0
        self.wrong_setting: str | None = None
        self.surprise: Exception | None = None

    def writer(self) -> MemoryWriter:
        """Make a writer to this platform."""
        return MemoryWriter(self)

    def answers(self) -> dict[str, str]:
        """The stored answers by record id, in order of arrival: what `check_writer` asks for."""
        return {record_id: record.answer for record_id, record in self.records.items()}


class MemoryWriter:
    """A `RecordWriter` to a `MemoryPlatform`. It also holds its caller to the contract.

    Args:
        platform: Where to write; by default one of its own.

    Raises:
        RuntimeError: From `open` and `write`, if the caller breaks the contract.
    """

    def __init__(self, platform: MemoryPlatform | None = None) -> None:
        self.platform = MemoryPlatform() if platform is None else platform
        self.is_open = False
        self._was_opened = False

    def open(self) -> None:
        """Connect."""
        if self._was_opened:
            raise RuntimeError("contract: open is called once")
        if self.platform.wrong_setting is not None:
            raise ConfigError(self.platform.wrong_setting)
        self._was_opened = self.is_open = True

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        """Store a batch, or fail as the platform is told to."""
        if not self.is_open:
            raise RuntimeError("contract: write comes after open and before close")
        if not 1 <= len(batch) <= 1_000 or timeout_s <= 0:
            raise RuntimeError("contract: 1 to 1000 records, and time for them")
        platform = self.platform
        platform.requests.append([record.id for record in batch])
        platform.maybe_there.append(maybe_there)
        self._fail(batch)
        platform.doubled += [one.id for one in batch if one.id in platform.records and one.id not in maybe_there]
        outcomes = [self._store(record) for record in batch]
        if platform.lost_answers:
            platform.lost_answers -= 1
            raise TryLater("the connection was lost before the answer came")
        return outcomes

    def close(self) -> None:
        """Disconnect."""
        self.is_open = False

    def _fail(self, batch: Sequence[Record]) -> None:
        platform = self.platform
        if platform.surprise is not None:
            raise platform.surprise
        if platform.wrong_setting is not None:
            raise ConfigError(platform.wrong_setting)
        if platform.later:
            platform.later -= 1
            raise TryLater("not now", retry_after_s=platform.retry_after_s, nothing_written=True)
        refused = {place: record.id for place, record in enumerate(batch) if record.id in platform.refused}
        if refused:
            culprits = tuple(refused) if platform.names_culprits else ()
            raise Rejected(f"refused: {', '.join(refused.values())}", culprits=culprits, nothing_written=True)

    def _store(self, record: Record) -> Outcome:
        if record.id in self.platform.annotated:
            return Outcome.KEPT
        self.platform.records[record.id] = record
        return Outcome.DELIVERED
