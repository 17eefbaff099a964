from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from spanlabel.model import Document, Evaluation, Media, Message, Reasoning, Record, Text, ToolCall, ToolResult
from spanlabel.platforms.local import LocalWriter
from spanlabel.records import to_dict
from spanlabel.testing import make_record

from .conftest import Ran

Run = Callable[..., Ran]
Fill = Callable[[Sequence[Record]], Path]

CHAT = replace(
    make_record(7, prompt="And in Rome?", answer="24 °C."),
    id="abcdef01-0000-5000-8000-000000000000",
    answers=("24 °C.", "Warm."),
    messages=(
        Message("system", (Text("Be short."),)),
        Message("user", (Text("How warm is it in Oslo?"), Media("image", "image/png", "https://x/y.png"))),
        Message("assistant", (Reasoning("Look it up."), ToolCall("get_weather", {"city": "Oslo"}, "c1"))),
        Message("tool", (ToolResult({"temp_c": 9}, "c1"),)),
        Message("assistant", (Text("9 °C."),)),
        Message("user", (Text("And in Rome?"),)),
    ),
    documents=(Document("Rome lies in the south.", id="d1"),),
    suggestions=(Evaluation("helpful", score=0.9, label="yes", explanation="It is short.", source="llm"),),
)


@pytest.fixture
def fill(home: Path) -> Fill:
    """Writes records into the embedded store, and tells where that is."""

    def write(records: Sequence[Record]) -> Path:
        writer = LocalWriter(home / "records.db")
        writer.open()
        writer.write(records, timeout_s=5)
        writer.close()
        return home / "records.db"

    return write


def prompts(ran: Ran) -> list[str]:
    return [json.loads(line)["prompt"] for line in ran.out.splitlines()]


class TestNothingThere:
    @pytest.mark.parametrize("command", ["list", "export"])
    def test_no_store(self, spanlabel: Run, home: Path, command: str) -> None:
        """
        Before anything was stored it is said so, where the store would be, and how to fill it; nothing is made.
        """
        ran = spanlabel("records", command)

        assert (ran.code, ran.out) == (0, "")
        assert ran.err == (
            f"Nothing is stored yet: there is no {home / 'records.db'}.\n"
            "To fill it: spanlabel demo, or spanlabel extract FILES --to local.\n"
        )
        assert not home.exists()

    def test_no_store_to_show_from(self, spanlabel: Run) -> None:
        """
        A record cannot be shown then: exit code 1.
        """
        ran = spanlabel("records", "show", "ab")

        assert (ran.code, ran.out) == (1, "")
        assert "Nothing is stored yet" in ran.err

    @pytest.mark.parametrize("command", ["list", "export"])
    def test_empty_store(self, spanlabel: Run, home: Path, command: str) -> None:
        """
        A store without records says how to fill it.
        """
        writer = LocalWriter(home / "records.db")
        writer.open()
        writer.close()

        ran = spanlabel("records", command)

        assert (ran.code, ran.out) == (0, "")
        assert "The store is empty. To fill it: spanlabel demo" in ran.err

    @pytest.mark.parametrize("command", ["list", "export"])
    def test_filter_that_lets_nothing_pass(self, spanlabel: Run, fill: Fill, command: str) -> None:
        """
        Where records are there but none fits, that is said.
        """
        fill([make_record(1), make_record(2)])

        ran = spanlabel("records", command, "--service", "nobody")

        assert (ran.code, ran.out) == (0, "")
        assert "None of the 2 records in the store fits." in ran.err

    def test_file_that_is_no_store(self, spanlabel: Run, home: Path) -> None:
        """
        A file that is something else is one message.
        """
        home.mkdir()
        (home / "records.db").write_text("hello, this is no database at all, only text" * 50)

        ran = spanlabel("records", "list")

        assert (ran.code, ran.out) == (1, "")
        assert f"Error: {home / 'records.db'}: is not a database or is damaged" in ran.err


class TestList:
    def test_newest_first(self, spanlabel: Run, fill: Fill) -> None:
        """
        Into a pipe records come as JSON lines that hold everything, the newest first; where the store is stands on
        standard error.
        """
        records = [make_record(n) for n in (2, 3, 1)]
        place = fill(records)

        ran = spanlabel("records", "list")

        assert (ran.code, ran.err) == (0, f"Store: {place}\n")
        found = [json.loads(line) for line in ran.out.splitlines()]
        assert [one["prompt"] for one in found] == ["question 3", "question 2", "question 1"]
        assert found[0] == json.loads(json.dumps(to_dict(records[1])))

    def test_table(self, spanlabel: Run, fill: Fill) -> None:
        """
        As a table each record is one line, with as much of its id as `show` needs.
        """
        records = [make_record(1, conversation="chat-1"), make_record(2)]
        fill(records)

        rows = spanlabel("records", "list", "--format", "table").out.splitlines()

        assert [row.split() for row in rows] == [
            ["Record", "Time", "(UTC)", "Question", "Final", "answer", "Model", "Conversation"],
            [records[1].id[:8], "2025-06-15", "15:06", "question", "2", "answer", "2", "gpt-4o-mini"],
            [records[0].id[:8], "2025-06-15", "15:06", "question", "1", "answer", "1", "gpt-4o-mini", "chat-1"],
        ]

    def test_narrow_table(self, spanlabel: Run, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        On a narrow screen question and answer get the room.
        """
        monkeypatch.setenv("COLUMNS", "80")
        fill([make_record(1, prompt="Why " * 30, answer="Because " * 30)])

        header, row = spanlabel("records", "list", "--format", "table").out.splitlines()

        assert header.split() == ["Record", "Question", "Final", "answer"]
        assert "Why Why Why Why Why" in row
        assert "Because Because Because" in row
        assert len(row) == 80

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            pytest.param(["--conversation", "chat-1"], [2, 1], id="conversation"),
            pytest.param(["--service", "shop"], [4], id="service"),
            pytest.param(["--model", "big"], [5], id="model"),
            pytest.param(["--since", "2025-06-15T15:06:43"], [5, 4, 3], id="since, in UTC"),
            pytest.param(["--since", "2025-06-15T17:06:43+02:00"], [5, 4, 3], id="since, elsewhere"),
            pytest.param(["--until", "2025-06-15T15:06:43"], [2, 1], id="until"),
            pytest.param(["--since", "2025-06-15", "--until", "2025-06-16"], [5, 4, 3, 2, 1], id="a day"),
            pytest.param(["--since", "1h"], [], id="an hour ago"),
            pytest.param(["--since", "999999h"], [5, 4, 3, 2, 1], id="a hundred years ago"),
            pytest.param(["--limit", "2"], [5, 4], id="limit"),
            pytest.param(["--conversation", "chat-1", "--limit", "1"], [2], id="two"),
        ],
    )
    @pytest.mark.parametrize("command", ["list", "export"])
    def test_filters(self, spanlabel: Run, fill: Fill, command: str, options: list[str], expected: list[int]) -> None:
        """
        Each option leaves out what does not fit; together all must fit.
        """
        fill(
            [
                make_record(1, conversation="chat-1"),
                make_record(2, conversation="chat-1"),
                make_record(3, conversation="chat-2"),
                make_record(4, service="shop"),
                make_record(5, model="big"),
            ]
        )

        ran = spanlabel("records", command, *options)

        assert ran.code == 0
        assert prompts(ran) == [f"question {n}" for n in expected]

    def test_more_than_listed(self, spanlabel: Run, fill: Fill) -> None:
        """
        The list shows fifty, and says how many there are; an export writes all.
        """
        place = fill([make_record(n) for n in range(1, 61)])

        listed, exported = spanlabel("records", "list"), spanlabel("records", "export")

        assert len(listed.out.splitlines()) == 50
        assert listed.err == f"Store: {place}\n50 of 60 records; --limit shows more.\n"
        assert len(exported.out.splitlines()) == 60
        assert exported.err == f"Store: {place}\n60 records written.\n"

    @pytest.mark.parametrize("time", ["yesterday", "2025-13-01", "5y", ""])
    def test_no_time(self, spanlabel: Run, fill: Fill, time: str) -> None:
        """
        What is no time is wrong usage, and what would be one is said.
        """
        ran = spanlabel("records", "list", "--since", time)

        assert (ran.code, ran.out) == (2, "")
        assert "2025-06-15" in ran.err


class TestShow:
    def test_chat(self, spanlabel: Run, fill: Fill) -> None:
        """
        A record is shown as the chat that it is, with tools, thoughts, media, all answers, documents, judgements, and
        all facts.
        """
        place = fill([CHAT, make_record(1)])

        ran = spanlabel("records", "show", CHAT.id[:8])

        assert (ran.code, ran.err) == (0, f"Store: {place}\n")
        head, *said = ran.out.split("\n\n")
        assert head == f"Record {CHAT.id}\n2025-06-15 15:06:47 UTC  trace {CHAT.trace_id}"
        assert said[:-1] == [
            "system\n  Be short.",
            "user\n  How warm is it in Oslo?\n  [image image/png https://x/y.png]",
            "assistant\n  Look it up.\n  calls get_weather with {'city': 'Oslo'}",
            "tool\n  result {'temp_c': 9}",
            "assistant\n  9 °C.",
            "user\n  And in Rome?",
            "answer 1 of 2\n  24 °C.",
            "answer 2 of 2\n  Warm.",
            "document\n  Rome lies in the south.",
            "judgement\n  helpful: yes 0.9 It is short. (llm)",
        ]
        facts = dict(line.split(None, 1) for line in said[-1].splitlines())
        assert facts["model"] == "gpt-4o-mini"
        assert facts["latency_ms"] == "1500"
        assert facts["reasons"] == "single_call"

    def test_width(self, spanlabel: Run, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Long texts are wrapped to the screen; no word of a usual answer is lost.
        """
        monkeypatch.setenv("COLUMNS", "60")
        answer = " ".join(f"word{n}" for n in range(300))
        fill([make_record(1, answer=answer)])

        ran = spanlabel("records", "show", make_record(1).id)

        assert max(map(len, ran.out.splitlines())) <= 60
        assert answer in " ".join(ran.out.split())

    def test_hostile_text(self, spanlabel: Run, fill: Fill) -> None:
        """
        What a model wrote cannot do anything to the terminal.
        """
        evil = "a\x9b31mb\u202ec\rd[red]e"
        fill([replace(make_record(1, prompt=evil, answer=evil), metadata={"app.x": evil, evil: evil})])

        printed = spanlabel("records", "show", make_record(1).id).out

        assert "a\ufffd31mb\ufffdc\ufffdd[red]e" in printed
        assert not {"\x9b", "\u202e", "\r"} & set(printed)

    @pytest.mark.parametrize(
        ("prefix", "message"),
        [
            pytest.param("zz", "no record's id begins with 'zz'", id="none"),
            pytest.param("abcdef", "more than one record's id begins with 'abcdef'; give more of it", id="several"),
        ],
    )
    def test_not_one(self, spanlabel: Run, fill: Fill, prefix: str, message: str) -> None:
        """
        Where no record or more than one is meant, that is said, with exit code 1.
        """
        place = fill([CHAT, replace(CHAT, id="abcdef02-0000-5000-8000-000000000000")])

        assert spanlabel("records", "show", prefix) == (1, "", f"Store: {place}\nError: {message}\n")

    def test_case_does_not_matter(self, spanlabel: Run, fill: Fill) -> None:
        """
        An id that was copied in capitals is found.
        """
        fill([CHAT])

        assert spanlabel("records", "show", " ABCDEF01 ").code == 0


def test_store_of_the_settings_file(spanlabel: Run, fill: Fill, tmp_path: Path, home: Path) -> None:
    """
    The store is that of the first embedded store in spanlabel.yaml, whatever its name.
    """
    fill([make_record(1)])
    (home / "records.db").rename(tmp_path / "mine.db")
    (tmp_path / "spanlabel.yaml").write_text("destinations: [{name: mine, platform: local, path: mine.db}]")

    ran = spanlabel("records", "list")

    assert prompts(ran) == ["question 1"]
    assert ran.err == f"Store: {tmp_path / 'mine.db'}\n"


def test_changed_by_hand(spanlabel: Run, fill: Fill) -> None:
    """
    A record that somebody has damaged is named.
    """
    import sqlite3

    place = fill([make_record(1)])
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE records SET messages = 'oops'")
    connection.close()

    ran = spanlabel("records", "export")

    assert ran.code == 1
    assert ran.err.endswith(f"record {make_record(1).id} was changed by hand and cannot be read\n")
