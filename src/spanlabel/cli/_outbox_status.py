"""What lies in the outbox, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from spanlabel.delivery import DeadLetter, Entry, Outbox, Tally
from spanlabel.delivery.lock import DeliveryLock
from spanlabel.errors import SpanlabelError
from spanlabel.records import from_json

from ._chat import print_record
from ._screen import count, duration, moment, size_of
from ._words import Words

if TYPE_CHECKING:
    from spanlabel.config.settings import Settings

REASONS = 10
"""Reasons of refusals that are shown for one destination."""


def print_status(
    screen: Console, outbox: Outbox, settings: Settings, names: Sequence[str], *, every: bool, now_s: float
) -> None:
    """Print for each destination its sums, why records wait, and what was refused."""
    words = Words(settings)
    is_any_dead = False
    for name in names:
        letters = outbox.dead_letters(name)
        is_any_dead = is_any_dead or bool(letters)
        screen.print(words(f"{name}: {_sums(outbox.tally(name))}"), soft_wrap=True)
        if first := outbox.first_waiting(name):
            size = size_of(outbox.waiting_bytes(name))
            screen.print(words(f"  waiting, {size}: {_next(first, now_s)}"), soft_wrap=True)
            if all(name != one.name for one in settings.destinations):
                screen.print(f"  no destination has this name {_by_whom(outbox, name)}", soft_wrap=True)
        for line in _each(letters) if every else _by_reason(letters):
            screen.print(words(line), soft_wrap=True)
    used, room = size_of(outbox.used_bytes()), size_of(settings.outbox_max_bytes)
    screen.print(f"{used} of {room} used", style="dim", soft_wrap=True)
    if is_any_dead:
        advice = "A refused record: spanlabel outbox show ID; again: retry --dead; away: purge"
        screen.print(advice, style="dim", soft_wrap=True)


def print_entries(screen: Console, entries: Sequence[Entry], settings: Settings, prefix: str, *, now_s: float) -> None:
    """Print what became of one record for each destination, and the record in each version that is here.

    Raises:
        SpanlabelError: There is none, or more than one record.
    """
    words = Words(settings)
    if not entries:
        raise SpanlabelError(f"no record's id in the outbox begins with {prefix!r}")
    if len({entry.id for entry in entries}) > 1:
        raise SpanlabelError(f"more than one record's id begins with {prefix!r}; give more of it")
    for entry in entries:
        screen.print(words(f"{entry.destination}: {_fate(entry, now_s)}"), soft_wrap=True)
    for payload in dict.fromkeys(entry.payload for entry in entries if entry.payload is not None):
        screen.print()
        try:
            record = from_json(payload)
        except ValueError as error:
            raise SpanlabelError(f"the outbox cannot read record {entries[0].id}: {words(str(error))}") from error
        print_record(screen, record)


def _by_whom(outbox: Outbox, name: str) -> str:
    """Who sends to a destination that our own settings do not name."""
    lock = DeliveryLock(outbox.path, name)
    if not lock.acquire():
        return "in this command's settings; a process that runs, such as spanlabel serve --platform, sends them"
    lock.release()
    return "now: nobody sends them"


def _sums(tally: Tally) -> str:
    parts = [
        f"{tally.waiting} waiting",
        f"{tally.delivered} delivered",
        f"{tally.dead} refused",
        f"{tally.superseded} superseded",
        f"{tally.dropped} dropped",
    ]
    if tally.unknown:
        parts.append(f"{tally.unknown} of unknown fate")
    kept = f"; {tally.kept} of those delivered were left as a person had them" if tally.kept else ""
    return f"{', '.join(parts)}, of {tally.made} made{kept}"


def _fate(entry: Entry, now_s: float) -> str:
    when = moment(int(entry.changed_s * 1e9))
    match entry.state:
        case "delivered" if entry.hash:
            return f"delivered, {when}"
        case "delivered":
            return f"taken back after it had been sent, {when}"
        case "dead":
            return f"refused after {_tries(entry)}, {when}: {entry.error}"
    return f"waiting: {_next(entry, now_s)}"


def _next(entry: Entry, now_s: float) -> str:
    if entry.state == "leased":
        said = "being sent"
    elif (left_s := entry.next_attempt_s - now_s) > 0:
        said = f"next try in {duration(int(left_s * 1e9))}"
    else:
        said = "due"
    tries = f" after {_tries(entry)}" if entry.attempts else ""
    return f"{said}{tries}: {entry.error}" if entry.error else f"{said}{tries}"


def _tries(entry: Entry) -> str:
    return "1 try" if entry.attempts == 1 else f"{entry.attempts} tries"


def _by_reason(letters: Sequence[DeadLetter]) -> list[str]:
    """A line for each reason, with the newest record that was refused for it."""
    reasons: dict[str, list[str]] = {}
    for letter in letters:
        reasons.setdefault(letter.error, []).append(letter.id)
    lines = []
    for error, ids in list(reasons.items())[:REASONS]:
        more = "" if len(ids) == 1 else f" and {count(len(ids) - 1, 'other')}"
        lines.append(f"  refused {ids[-1]}{more}: {error}")
    if len(reasons) > REASONS:
        lines.append(f"  ... and for {len(reasons) - REASONS} other reasons; --all lists every record")
    return lines


def _each(letters: Sequence[DeadLetter]) -> list[str]:
    return [f"  refused {letter.id}, {moment(int(letter.changed_s * 1e9))}: {letter.error}" for letter in letters]
