"""Checks of the ports' contracts, for every platform: ours and strangers'."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace

from spanlabel.model import (
    Document,
    Evaluation,
    Media,
    Message,
    MetadataValue,
    Reasoning,
    Record,
    Text,
    ToolCall,
    ToolResult,
)
from spanlabel.ports import Outcome, RecordWriter

from .records import make_record

_TIMEOUT_S = 60.0
_HARD_ANSWERS = (
    "",
    " leading and trailing \n",
    "line one\r\nline two\ttabbed",
    "日本語, العربية, e\u0301, 👩‍👩‍👧",
    "<b>bold</b> & \"quoted\" 'text' {{ template }} %s \\ $1; DROP TABLE records; --",
    "x" * 100_000,
)
_FULL_MESSAGES = (
    Message("system", (Text("Be brief."),)),
    Message("user", (Text("What is on it?"), Media("image", "image/png", "https://example.com/a.png")), name="ada"),
    Message("assistant", (Reasoning("I should look."), ToolCall("look", {"at": ["a.png"]}, "call-1"))),
    Message("tool", (ToolResult({"seen": "a cat"}, "call-1"),)),
)
_FULL_METADATA: Mapping[str, MetadataValue] = {
    "user_id": "ada", "agent": "seer", "tags": ("beta", "de"), "answer_state": "truncated", "answers_left_out": 1,
    "app.flag": True, "app.share": 0.5, "app.size": 2**53, "app.list": (), "app.Schlüssel mit Leerzeichen": "ß",
}  # fmt: skip


def check_writer(
    make: Callable[[], RecordWriter],
    stored: Callable[[], Mapping[str, str]],
    *,
    annotate: Callable[[str], None] | None = None,
    can_ask: bool = True,
) -> None:
    """Check one `RecordWriter` against its contract (`spanlabel.ports`).

    Some 1 020 records are written and stay there.

    Args:
        make: Makes a fresh writer to the same dataset; it is called several times.
        stored: Answers by record id, in order of arrival, asked from the platform itself.
        annotate: Lets a person work on the record of this id. None leaves out the lines about people.
        can_ask: The platform can tell which records it has. False for one that only takes: there a record that may be
            there must be UNKNOWN and must not be sent again.

    Raises:
        AssertionError: Names the broken line of the contract, and what was found instead.
    """
    threads = set(threading.enumerate())
    _check_close(make)
    _check_one(make, stored)
    _check_bare(make, stored)
    _check_full(make, stored)
    if can_ask:
        _check_twice(make, stored)
        _check_maybe_there(make, stored)
        _check_update(make, stored)
    else:
        _check_unknown(make, stored)
    if annotate is not None:
        _check_people(make, stored, annotate)
    _check_content(make, stored)
    _check_many(make, stored)
    left = [thread.name for thread in threading.enumerate() if thread not in threads]
    _require(not left, "It starts no thread that outlives `close`", f"left are {left}")


def _check_close(make: Callable[[], RecordWriter]) -> None:
    line = "`close` may come before `open`, and twice"
    try:
        never_opened = make()
        never_opened.close()
        never_opened.close()
        opened = make()
        opened.open()
        opened.close()
        opened.close()
    except Exception as error:
        raise AssertionError(f"{line}: raised {type(error).__name__}: {error}") from error


def _check_one(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    record = _record(1)
    outcomes = _write(make, [record])
    _require(
        outcomes == [Outcome.DELIVERED],
        "Returns: one outcome for each record; a new record is DELIVERED",
        f"found {outcomes}",
    )
    found = _found(stored, [record])
    _require(found == {record.id: record.answer}, "DELIVERED: it is there as given", f"found {found}")


def _check_bare(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    line = "a record of which nothing more is known than its answer is DELIVERED"
    bare = Record(_record(8).id, _record(8).trace_id, "", "the answer", ("the answer",), (), {})
    outcomes = _write(make, [bare])
    found = _found(stored, [bare])
    _require(outcomes == [Outcome.DELIVERED], line, f"found {outcomes}")
    _require(found == {bare.id: "the answer"}, line, f"found {found}")


def _check_full(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    line = "a record that has everything a record can have is DELIVERED"
    known = _record(7)
    full = replace(
        known,
        answers=(known.answer, "another answer", "a third one"),
        messages=_FULL_MESSAGES,
        metadata={**known.metadata, **_FULL_METADATA},
        documents=(Document("Cats are small.", "doc-1", 0.9, {"page": 3}), Document("")),
        suggestions=(Evaluation("quality", 0.75, "good", "It is short.", "llm"), Evaluation("tone", label="fine")),
    )
    outcomes = _write(make, [full])
    found = _found(stored, [full])
    _require(outcomes == [Outcome.DELIVERED], line, f"found {outcomes}")
    # How several answers are shown is the platform's own business.
    _require(list(found) == [full.id], line, f"found {found}")


def _check_twice(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    line = "a record written twice is there once"
    first, second = _record(2), _record(3)
    before = len(stored())
    writer = make()
    writer.open()
    try:
        writer.write([first], timeout_s=_TIMEOUT_S)
        outcomes = writer.write([second, first], timeout_s=_TIMEOUT_S, maybe_there={first.id})
    finally:
        writer.close()
    _require(outcomes == [Outcome.DELIVERED] * 2, f"{line} and is DELIVERED both times", f"found {outcomes}")
    _write(make, [first, second], maybe_there={first.id, second.id})
    n = len(stored()) - before
    _require(n == 2, f"{line}, also when another writer wrote it before", f"2 records became {n}")


def _check_maybe_there(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    line = "a record that may be there and is not is written"
    there, missing = _record(2), _record(9)
    outcomes = _write(make, [missing, there], maybe_there={missing.id, there.id})
    found = _found(stored, [missing])
    _require(outcomes == [Outcome.DELIVERED] * 2, line, f"found {outcomes}")
    _require(found == {missing.id: missing.answer}, line, f"found {found}")


def _check_unknown(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    line = "UNKNOWN: it cannot be found out, and so it must not be sent again"
    there, missing, new = _record(2), _record(3), _record(9)
    _write(make, [there])
    before = list(stored())
    outcomes = _write(make, [there, new, missing], maybe_there={there.id, missing.id})
    _require(
        outcomes == [Outcome.UNKNOWN, Outcome.DELIVERED, Outcome.UNKNOWN],
        "Returns: one outcome for each record, in order; UNKNOWN where it may be there",
        f"found {outcomes}",
    )
    written = list(stored())[len(before) :]
    _require(written == [new.id], line, f"of two such records and {new.id} were written: {written}")


def _check_update(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    line = "written again with other content it is updated"
    old, new = _record(4, "the old answer"), _record(4, "the new answer")
    _write(make, [old])
    outcomes = _write(make, [new], maybe_there={new.id})
    found = _found(stored, [new])
    _require(outcomes == [Outcome.DELIVERED], line, f"found {outcomes}")
    _require(found == {new.id: "the new answer"}, line, f"found {found}")


def _check_people(
    make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]], annotate: Callable[[str], None]
) -> None:
    old = [_record(n, "the old answer") for n in (20, 21, 22)]
    new = [_record(n, "the new answer") for n in (20, 21, 22)]
    _write(make, old)
    annotate(old[1].id)
    outcomes = _write(make, new, maybe_there={record.id for record in new})
    found = _found(stored, new)
    _require(
        found.get(old[1].id) == "the old answer",
        "it is updated, unless a person has worked on it",
        f"that record now has {found.get(old[1].id)!r}",
    )
    _require(
        outcomes == [Outcome.DELIVERED, Outcome.KEPT, Outcome.DELIVERED],
        "Returns: one outcome for each record, in order; KEPT where a person has worked on it",
        f"found {outcomes}",
    )


def _check_content(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    records = [_record(10 + n, answer) for n, answer in enumerate(_HARD_ANSWERS)]
    _write(make, records)
    found = _found(stored, records)
    for record in records:
        _require(
            found.get(record.id) == record.answer,
            "DELIVERED: it is there as given",
            f"{record.answer[:80]!r} became {found.get(record.id, '(nothing)')[:80]!r}",
        )


def _check_many(make: Callable[[], RecordWriter], stored: Callable[[], Mapping[str, str]]) -> None:
    records = [_record(1_000 + n) for n in range(1_000)]
    outcomes = _write(make, records)
    _require(outcomes == [Outcome.DELIVERED] * 1_000, "Write 1..1000 records", f"1000 gave {len(outcomes)} outcomes")
    found = _found(stored, records)
    _require(len(found) == 1_000, "`write` takes all of *batch* or raises", f"of 1000 records {len(found)} are there")
    _require(list(found) == [record.id for record in records], "`write` keeps order", "they are there in another order")


def _record(number: int, answer: str | None = None) -> Record:
    return make_record(number, answer=answer, service="contract")


def _write(
    make: Callable[[], RecordWriter], batch: Sequence[Record], *, maybe_there: Set[str] = frozenset()
) -> list[Outcome]:
    writer = make()
    writer.open()
    try:
        return writer.write(batch, timeout_s=_TIMEOUT_S, maybe_there=maybe_there)
    finally:
        writer.close()


def _found(stored: Callable[[], Mapping[str, str]], records: Sequence[Record]) -> dict[str, str]:
    ids = {record.id for record in records}
    return {record_id: answer for record_id, answer in stored().items() if record_id in ids}


def _require(holds: bool, line: str, found: str) -> None:
    if not holds:
        raise AssertionError(f"{line}: {found}")
