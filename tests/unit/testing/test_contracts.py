"""The checker finds each way to break the writer's contract, and names it."""

import threading
from collections.abc import Callable, Sequence, Set
from dataclasses import replace

import pytest

from spanlabel.model import Record
from spanlabel.ports import Outcome
from spanlabel.testing import MemoryPlatform, MemoryWriter, check_writer


class _CloseNeedsOpen(MemoryWriter):
    def close(self) -> None:
        if not self._was_opened:
            raise ValueError("not open")
        super().close()


class _CloseOnce(MemoryWriter):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise ValueError("closed already")
        self.closed = True


class _SaysNothing(MemoryWriter):
    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        super().write(batch, timeout_s=timeout_s, maybe_there=maybe_there)
        return []


class _StoresNothing(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        return Outcome.DELIVERED


class _Appends(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        n = len(self.platform.records)
        self.platform.records[record.id if record.id not in self.platform.records else f"{record.id}-{n}"] = record
        return Outcome.DELIVERED


class _ForgetsAtRestart(MemoryWriter):
    """Knows what it wrote itself, but not what another writer wrote."""

    def __init__(self, platform: MemoryPlatform) -> None:
        super().__init__(platform)
        self._mine: set[str] = set()

    def _store(self, record: Record) -> Outcome:
        known = record.id in self._mine or record.id not in self.platform.records
        self._mine.add(record.id)
        self.platform.records[record.id if known else f"{record.id}-again"] = record
        return Outcome.DELIVERED


class _NeverUpdates(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        self.platform.records.setdefault(record.id, record)
        return Outcome.DELIVERED


class _KeepsEverything(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        known = record.id in self.platform.records
        self.platform.records.setdefault(record.id, record)
        return Outcome.KEPT if known else Outcome.DELIVERED


class _NeedsFacts(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        return super()._store(record) if record.metadata.get("model") else Outcome.KEPT


class _KnowsNoFlags(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        is_flagged = any(fact is True for fact in record.metadata.values())
        return Outcome.KEPT if is_flagged else super()._store(record)


class _TrustsItsCaller(MemoryWriter):
    """Takes what may be there for there."""

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        new = [record for record in batch if record.id not in maybe_there]
        if new:
            super().write(new, timeout_s=timeout_s, maybe_there=maybe_there)
        return [Outcome.DELIVERED] * len(batch)


class _OverwritesPeople(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        self.platform.records[record.id] = record
        return Outcome.KEPT if record.id in self.platform.annotated else Outcome.DELIVERED


class _DoesNotSayKept(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        super()._store(record)
        return Outcome.DELIVERED


class _OutcomesInAnotherOrder(MemoryWriter):
    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        return sorted(
            super().write(batch, timeout_s=timeout_s, maybe_there=maybe_there), key=lambda outcome: outcome.value
        )


class _Strips(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        return super()._store(replace(record, answer=record.answer.strip()))


class _Escapes(MemoryWriter):
    def _store(self, record: Record) -> Outcome:
        return super()._store(replace(record, answer=record.answer.replace("<", "&lt;")))


class _LosesTheRest(MemoryWriter):
    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        outcomes = super().write(batch[:500], timeout_s=timeout_s, maybe_there=maybe_there)
        return outcomes + [Outcome.DELIVERED] * (len(batch) - len(outcomes))


class _Backwards(MemoryWriter):
    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        last = {record.id: record for record in batch}
        return super().write(
            batch[::-1] if len(last) == len(batch) else batch, timeout_s=timeout_s, maybe_there=maybe_there
        )[::-1]


class _LeavesAThread(MemoryWriter):
    over = threading.Event()

    def open(self) -> None:
        super().open()
        threading.Thread(target=self.over.wait, args=(30,), name="left behind", daemon=True).start()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (_CloseNeedsOpen, "`close` may come before `open`, and twice"),
        (_CloseOnce, "`close` may come before `open`, and twice"),
        (_SaysNothing, "one outcome for each record"),
        (_StoresNothing, "DELIVERED: it is there as given"),
        (_Appends, "a record written twice is there once"),
        (_ForgetsAtRestart, "also when another writer wrote it before"),
        (_NeedsFacts, "nothing more is known than its answer"),
        (_KnowsNoFlags, "everything a record can have"),
        (_TrustsItsCaller, "a record that may be there and is not is written"),
        (_NeverUpdates, "written again with other content it is updated"),
        (_KeepsEverything, "a record written twice is there once and is DELIVERED both times"),
        (_OverwritesPeople, "unless a person has worked on it"),
        (_DoesNotSayKept, "KEPT where a person has worked on it"),
        (_OutcomesInAnotherOrder, "one outcome for each record, in order"),
        (_Strips, "DELIVERED: it is there as given"),
        (_Escapes, "DELIVERED: it is there as given"),
        (_LosesTheRest, r"`write` takes all of \*batch\* or raises"),
        (_Backwards, "`write` keeps order"),
        (_LeavesAThread, "It starts no thread that outlives `close`: left are .*left behind"),
    ],
)
def test_finds_a_broken_writer(broken: Callable[[MemoryPlatform], MemoryWriter], line: str) -> None:
    """
    Whoever writes a platform is told which line of the contract it breaks.
    """
    platform = MemoryPlatform()
    _LeavesAThread.over.clear()

    with pytest.raises(AssertionError, match=line):
        check_writer(lambda: broken(platform), platform.answers, annotate=platform.annotated.add)
    _LeavesAThread.over.set()


def test_a_platform_without_people() -> None:
    """
    Where nobody can be made to work on a record, the lines about people are left out.
    """
    platform = MemoryPlatform()

    check_writer(lambda: _OverwritesPeople(platform), platform.answers)


class _OnlyTakes(MemoryWriter):
    """To a platform that cannot be asked."""

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        new = [record for record in batch if record.id not in maybe_there]
        if new:
            super().write(new, timeout_s=timeout_s)
        return [Outcome.UNKNOWN if record.id in maybe_there else Outcome.DELIVERED for record in batch]


class _SendsItAgain(MemoryWriter):
    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        super().write(batch, timeout_s=timeout_s)
        return [Outcome.UNKNOWN if record.id in maybe_there else Outcome.DELIVERED for record in batch]


def test_a_platform_that_cannot_be_asked() -> None:
    """
    Where nobody can ask what is there, a record that may be there is counted as such and never sent again.
    """
    platform = MemoryPlatform()

    check_writer(lambda: _OnlyTakes(platform), platform.answers, can_ask=False)

    assert platform.doubled == []


@pytest.mark.parametrize(
    ("broken", "line"),
    [(MemoryWriter, "UNKNOWN where it may be there"), (_SendsItAgain, "it must not be sent again")],
)
def test_finds_who_sends_it_again(broken: Callable[[MemoryPlatform], MemoryWriter], line: str) -> None:
    """
    There, a writer that sends such a record, or says that it is there, breaks the contract.
    """
    platform = MemoryPlatform()

    with pytest.raises(AssertionError, match=line):
        check_writer(lambda: broken(platform), platform.answers, can_ask=False)
