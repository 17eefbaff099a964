from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from spanlabel import compose, read_pairs
from spanlabel.assembly import limits
from spanlabel.cli._progress import Bar
from spanlabel.cli._sending import Sending
from spanlabel.cli.extract import Format, _print
from spanlabel.compose import Running, for_one_destination, records_of_files
from spanlabel.config.destinations import choose_destination
from spanlabel.config.loading import load
from spanlabel.delivery import Worker
from spanlabel.errors import ConfigError, StoreError
from spanlabel.metrics import Counts, Metric, check_conservation
from spanlabel.model import Record
from spanlabel.ports import Outcome
from spanlabel.records import record_of, to_dict
from spanlabel.testing import FakeClock, MemoryPlatform, llm_span, make_record, make_span

from .conftest import Ran

Run = Callable[..., Ran]
Recorded = Callable[[str], list[Path]]
Written = Callable[..., Path]
Stored = Callable[[], list[tuple[str, str]]]

QUESTIONS = [llm_span(f"question {n}", f"answer {n}", trace=n, start_s=n, end_s=n + 0.5) for n in range(1, 4)]


class TestPrinting:
    def test_json_lines_into_a_pipe(self, spanlabel: Run, recorded: Recorded) -> None:
        """
        Into a pipe each pair is a line of JSON that holds everything of its record.
        """
        files = recorded("langgraph__openinference__S12")

        ran = spanlabel("extract", *files)

        assert (ran.code, ran.err) == (0, "15 spans · 1 trace · 2 pairs\n")
        expected = [to_dict(record_of(pair)) for pair in read_pairs(*files)]
        assert [json.loads(line) for line in ran.out.splitlines()] == json.loads(json.dumps(expected))

    def test_table(self, spanlabel: Run, written: Written) -> None:
        """
        As a table each pair is one line, which begins with what `explain --trace` takes.
        """
        file = written(llm_span("first\nquestion", ("answer", "other"), trace=0xAB << 120), QUESTIONS[1])

        ran = spanlabel("extract", file, "--format", "table")

        rows = [line.split("  ") for line in ran.out.splitlines()]
        cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
        assert cells == [
            ["Trace", "Question", "Final answer", "Skipped", "Sure", "Model"],
            ["ab000000", "first question", "answer | other", "0", "0.9", "gpt-4o-mini"],
            ["00000000", "question 2", "answer 2", "0", "0.9", "gpt-4o-mini"],
        ]
        assert spanlabel("explain", file, "--trace", "ab000000").code == 0

    @pytest.mark.parametrize("columns", [60, 80, 120])
    def test_table_on_a_screen(
        self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch, columns: int
    ) -> None:
        """
        The table is as wide as the screen; of a long question and answer enough is left to recognise them.
        """
        monkeypatch.setenv("COLUMNS", str(columns))

        printed = spanlabel("extract", written(llm_span("Why " * 50, "Because " * 50)), "--format", "table").out

        assert max(map(len, printed.splitlines())) == columns
        assert "Why Why Why W" in printed
        assert "Because Because" in printed

    def test_no_pair(self, spanlabel: Run, written: Written) -> None:
        """
        Where there is no pair, the way to learn why is said.
        """
        ran = spanlabel("extract", written(make_span()))

        assert (ran.code, ran.out) == (0, "")
        assert ran.err == "1 span · 1 trace · 0 pairs\nWhy there is none: spanlabel explain with the same files.\n"

    def test_min_confidence(self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        What is not sure enough is left out and counted: the option wins over the setting.
        """
        file = written(QUESTIONS[0])
        monkeypatch.setenv("SPANLABEL_MIN_CONFIDENCE", "0.95")

        by_setting = spanlabel("extract", file)
        by_option = spanlabel("extract", file, "--min-confidence", "0.5")

        assert by_setting.out == ""
        assert by_setting.err.startswith("1 span · 1 trace · 0 pairs · 1 dropped (low_confidence)\n")
        assert json.loads(by_option.out)["prompt"] == "question 1"

    def test_wrong_option(self, spanlabel: Run, written: Written) -> None:
        """
        A confidence that is none is wrong usage.
        """
        ran = spanlabel("extract", written(QUESTIONS[0]), "--min-confidence", "7")

        assert (ran.code, ran.out) == (2, "")
        assert "--min-confidence" in ran.err

    def test_compressed_and_from_standard_input(self, spanlabel: Run, written: Written, tmp_path: Path) -> None:
        """
        gzip is seen by its content, in a file and on standard input.
        """
        packed = gzip.compress(written(QUESTIONS[0]).read_bytes())
        (tmp_path / "packed").write_bytes(packed)

        assert json.loads(spanlabel("extract", tmp_path / "packed").out)["prompt"] == "question 1"
        assert json.loads(spanlabel("extract", "-", stdin=packed).out)["prompt"] == "question 1"

    def test_log_records_without_a_span(self, spanlabel: Run) -> None:
        """
        Log records with content of which no span was read are counted.
        """
        folder = Path(__file__).parents[2] / "data" / "otlp_json"

        ran = spanlabel("extract", folder / "openai-js__otel__S5-responses.logs.jsonl")

        assert ran.err.splitlines()[0].startswith("0 spans · 0 traces · 0 pairs · ")
        assert "found no span" in ran.err


class TestProgress:
    @pytest.mark.parametrize(("is_file", "is_over"), [(True, False), (False, True)], ids=["file", "pipe"])
    def test_while_lines_are_printed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_file: bool, is_over: bool
    ) -> None:
        """
        The bar goes on while lines are written into a file; it does not run through what a pipe's reader may show.
        """
        out = (tmp_path / "out.jsonl").open("w") if is_file else io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        with Bar(Console(file=io.StringIO(), force_terminal=True), delay_s=0) as bar:
            _print(Format.JSONL, iter([make_record(1)]), bar)
            assert bar._is_closed is is_over
        out.close()


class TestFolders:
    def test_rotated_set(self, spanlabel: Run, written: Written, tmp_path: Path) -> None:
        """
        A folder is read whole, and a run that began before its file was rotated is one.
        """
        folder = tmp_path / "by-service" / "shop"
        folder.mkdir(parents=True)
        written(
            llm_span("question", "answer", trace=7, span=2, parent=1),
            name=folder / "t-2026-11-21T07-53-52.372-size.json",
        )
        written(make_span(trace=7, end_s=2), name=folder / "t.json")
        (folder / ".t.json.swp").write_text("not for us")
        (folder / "new.json").touch()

        ran = spanlabel("extract", tmp_path / "by-service")

        assert (ran.code, ran.err) == (0, "2 spans · 1 trace · 1 pair\n")
        assert json.loads(ran.out)["prompt"] == "question"

    def test_one_of_a_rotated_set(self, spanlabel: Run, written: Written) -> None:
        """
        A file stands for itself: what was rotated away from it is read when it, a pattern or the folder is named.
        """
        older = written(QUESTIONS[0], name="traces-2026-11-21T07-53-52.372-size.json")
        current = written(QUESTIONS[1], name="traces.json")

        assert len(spanlabel("extract", current).out.splitlines()) == 1
        assert len(spanlabel("extract", *current.parent.glob("traces*.json")).out.splitlines()) == 2
        assert older.exists()

    def test_explained(self, spanlabel: Run, written: Written) -> None:
        """
        `explain` takes folders, too.
        """
        folder = written(*QUESTIONS).parent

        assert spanlabel("explain", folder).out.startswith("3 traces")


class TestBadInput:
    def test_the_rest_is_read(self, spanlabel: Run, written: Written, tmp_path: Path) -> None:
        """
        Each thing that cannot be read is said by file and line; the pairs of all the rest come out, and the exit code
        is 1.
        """
        lines = written(*QUESTIONS).read_text().splitlines()
        torn = tmp_path / "torn.jsonl"
        torn.write_text("\n".join(["no JSON", lines[0], lines[1][:100], lines[2]]))
        empty = tmp_path / "empty.jsonl"
        empty.touch()

        folder = tmp_path / "folder"
        folder.mkdir()

        ran = spanlabel("extract", torn, empty, folder, tmp_path / "gone")

        assert ran.code == 1
        assert [json.loads(line)["prompt"] for line in ran.out.splitlines()] == ["question 1", "question 3"]
        places = [line.removeprefix(str(tmp_path)).partition(": ")[0] for line in ran.err.splitlines()]
        assert places == [
            "/folder",
            "/torn.jsonl:1",
            "/torn.jsonl:3",
            "/empty.jsonl",
            "/gone",
            "2 spans · 2 traces · 2 pairs",
            "5 problems; everything else was read.",
        ]

    def test_strict(self, spanlabel: Run, written: Written, tmp_path: Path) -> None:
        """
        --strict stops at the first thing that cannot be read, and nothing comes out.
        """
        torn = tmp_path / "torn.jsonl"
        torn.write_text("no JSON\nno JSON\n")

        ran = spanlabel("extract", written(QUESTIONS[0]), torn, "--strict")

        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"Error: {torn}:1: ")
        assert len(ran.err.splitlines()) == 1

    @pytest.mark.parametrize("to", [[], ["--to", "local"]], ids=["printed", "stored"])
    def test_strict_and_large(
        self, spanlabel: Run, written: Written, home: Path, monkeypatch: pytest.MonkeyPatch, to: list[str]
    ) -> None:
        """
        The same where files are so large that the first records are found long before the end.
        """
        for module in (limits, compose):
            monkeypatch.setattr(module, "FILES_BYTES", 100)
        file = written(*QUESTIONS)
        file.write_text(file.read_text() + "no JSON\n")

        assert spanlabel("extract", file, "--strict", *to)[:2] == (1, "")
        assert not (home / "records.db").exists()
        assert spanlabel("extract", file, *to).code == 1
        assert (home / "records.db").exists() == bool(to)

    def test_name_that_is_hostile(self, spanlabel: Run, tmp_path: Path) -> None:
        """
        A file's name cannot colour the screen.
        """
        ran = spanlabel("extract", tmp_path / "a\x1b[31mb")

        assert ran.code == 1
        assert "\x1b" not in ran.err
        assert "a\ufffd[31mb: no such file" in ran.err


class TestTo:
    def test_local(self, spanlabel: Run, written: Written, stored: Stored, home: Path) -> None:
        """
        --to local fills the embedded store and prints nothing else; what is there already is not written twice.
        """
        first = spanlabel("extract", written(*QUESTIONS[:2]), "--to", "local")
        again = spanlabel("extract", written(*QUESTIONS), "--to", "local")

        place = f"local ({home / 'records.db'})"
        assert first == (
            0,
            "",
            f"2 records for {place}: 2 sent, 0 there already\n2 spans · 2 traces · 2 pairs\n",
        )
        assert again == (
            0,
            "",
            f"3 records for {place}: 1 sent, 2 there already\n3 spans · 3 traces · 3 pairs\n",
        )
        assert stored() == [(f"question {n}", f"answer {n}") for n in (1, 2, 3)]

    def test_records_before_the_outbox_is_full(
        self, spanlabel: Run, written: Written, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        More records than the outbox has room for all arrive: what waits is delivered first.
        """
        monkeypatch.setenv("SPANLABEL_OUTBOX_MAX_BYTES", str(200_000))
        monkeypatch.setattr("spanlabel.cli._sending.AT_ONCE", 5)
        spans = [llm_span(f"{n} " + "why " * 2_000, "because", trace=n, start_s=n, end_s=n) for n in range(1, 41)]

        ran = spanlabel("extract", written(*spans), "--to", "local")

        assert ran.code == 0
        assert len(stored()) == 40

    def test_unknown_destination(self, spanlabel: Run, written: Written) -> None:
        """
        A mistyped destination is exit code 2, before anything is read.
        """
        ran = spanlabel("extract", written(QUESTIONS[0]), "--to", "locla")

        assert ran == (2, "", "Error: there is no destination 'locla'; did you mean local?\n")

    def test_format_beside_it(self, spanlabel: Run, written: Written) -> None:
        """
        Records that go to a destination are not printed too.
        """
        ran = spanlabel("extract", written(QUESTIONS[0]), "--to", "local", "--format", "jsonl")

        assert (ran.code, ran.out) == (2, "")
        assert "not with --to" in ran.err

    def test_destination_of_the_file(
        self, spanlabel: Run, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        A destination may be one that spanlabel.yaml names; `records` then shows that store.
        """
        (tmp_path / "spanlabel.yaml").write_text("destinations: [{name: archive, platform: local, path: archive.db}]")

        ran = spanlabel("extract", written(QUESTIONS[0]), "--to", "archive")

        assert f"1 record for archive ({tmp_path / 'archive.db'}): 1 sent" in ran.err
        assert json.loads(spanlabel("records", "list").out)["prompt"] == "question 1"

    def test_bad_input_and_records(self, spanlabel: Run, written: Written, stored: Stored, tmp_path: Path) -> None:
        """
        What could be read is stored although something else could not.
        """
        ran = spanlabel("extract", tmp_path / "gone", written(QUESTIONS[0]), "--to", "local")

        assert ran.code == 1
        assert stored() == [("question 1", "answer 1")]

    def test_unusable_home(self, spanlabel: Run, written: Written, home: Path) -> None:
        """
        A home that is no folder is one message with the place and what to do.
        """
        home.write_text("a file")

        ran = spanlabel("extract", written(QUESTIONS[0]), "--to", "local")

        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"Error: {home / 'outbox.db'}: ")
        assert "SPANLABEL_HOME" in ran.err

    def test_refused_record(self, spanlabel: Run, written: Written, scripted: Any) -> None:
        """
        A record that the platform refuses is said with the platform's words; the others are there, and the exit code
        is 1.
        """
        file = written(*QUESTIONS)
        bad = record_of(next(iter(read_pairs(file)))).id
        scripted.platform.refused = {bad}

        ran = spanlabel("extract", file, "--to", "scripted")

        assert ran.code == 1
        assert len(scripted.platform.records) == 2
        assert f"1 of them refused: refused: {bad}\n" in ran.err

    def test_wrong_setting_of_the_platform(self, spanlabel: Run, written: Written, scripted: Any, home: Path) -> None:
        """
        Where the platform finds a setting wrong the command says so with exit code 2. The records wait, and come when
        the same command is given again.
        """
        scripted.platform.wrong_setting = "the key is not known"

        ran = spanlabel("extract", written(*QUESTIONS), "--to", "scripted")
        assert (ran.code, ran.err.splitlines()[-1]) == (2, "Error: the key is not known")

        scripted.platform.wrong_setting = None
        ran = spanlabel("extract", written(*QUESTIONS), "--to", "scripted")
        assert ran.code == 0
        assert len(scripted.platform.records) == 3

    def test_interrupted(self, spanlabel: Run, written: Written, scripted: Any, home: Path) -> None:
        """
        Ctrl-C while records are delivered loses none: it is said where they are, without a traceback, and the same
        command goes on.
        """
        scripted.platform.surprise = KeyboardInterrupt()

        ran = spanlabel("extract", written(*QUESTIONS), "--to", "scripted")

        assert (ran.code, ran.out) == (130, "")
        assert ran.err.splitlines() == [
            f"What was found is kept in {home / 'outbox.db'}; give the same command again to go on.",
            "Stopped.",
        ]
        scripted.platform.surprise = None
        scripted._was_opened = False  # the next process has a writer of its own
        assert spanlabel("extract", written(*QUESTIONS), "--to", "scripted").code == 0
        assert len(scripted.platform.records) == 3


class Patient:
    """Records on their way to a platform in memory, on a clock that only pauses move."""

    def __init__(self) -> None:
        self.platform = MemoryPlatform()
        self.clock = FakeClock()
        self.said: list[str] = []
        self.pauses = 0
        settings = load().settings
        self.running: Running = for_one_destination(settings, choose_destination(settings, "local"), Counts())
        worker = Worker(
            self.running.outbox,
            "local",
            self.platform.writer,
            clock=self.clock.time,
            pause=self.clock.advance,
            jitter=lambda: 0.5,
        )
        self.running.workers = (worker,)
        self.sending = Sending(self.running, self.said.append, clock=self.clock.time, pause=self.pause)

    def pause(self, seconds: float) -> None:
        self.pauses += 1
        self.clock.advance(seconds)


@pytest.fixture
def patient(home: Path) -> Iterator[Patient]:
    made = Patient()
    yield made
    made.running.close()


class TestPatience:
    def records(self, n: int = 3) -> Sequence[Record]:
        return [make_record(number) for number in range(1, n + 1)]

    def test_platform_that_comes_back(self, patient: Patient) -> None:
        """
        A platform that takes nothing for a moment is waited for, and why is said once.
        """
        patient.platform.later = 3
        patient.sending.put(self.records())
        delivered: list[int] = []

        assert patient.sending.deliver(delivered.append)

        assert sum(delivered) == len(patient.platform.records) == 3
        assert patient.said == ["local: takes no records now, trying again: not now"]

    def test_platform_that_stays_away(self, patient: Patient) -> None:
        """
        One that takes nothing for a minute is left; the records wait in the outbox.
        """
        patient.platform.later = 1_000
        patient.sending.put(self.records())
        begin_s = patient.clock.time()

        assert not patient.sending.deliver()

        assert 20 < patient.clock.time() - begin_s <= 60
        assert patient.sending.waiting == 3

    def test_slow_platform_is_not_left(self, patient: Patient) -> None:
        """
        As long as some records arrive within each minute the command goes on.
        """
        patient.sending.put(self.records(500))
        taken = [0]

        class Slow:
            batch_size = 10

            def open(self) -> None: ...

            def close(self) -> None: ...

            def write(self, batch: Sequence[Record], **_: object) -> list[Outcome]:
                patient.clock.advance(50.0)
                taken[0] += len(batch)
                return [Outcome.DELIVERED] * len(batch)

        [worker] = patient.running.workers
        worker._make_writer = Slow

        assert patient.sending.deliver()
        assert taken == [500]

    def test_wrong_setting(self, patient: Patient) -> None:
        """
        A wrong setting ends it at once.
        """
        patient.platform.wrong_setting = "no such dataset"
        patient.sending.put(self.records())

        with pytest.raises(ConfigError, match="no such dataset"):
            patient.sending.deliver()

        assert patient.pauses == 0

    def test_full_outbox_and_no_platform(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Where the outbox is full and the platform takes nothing, the command ends with the outbox's own words.
        """
        monkeypatch.setenv("SPANLABEL_OUTBOX_MAX_BYTES", "1000")
        patient = Patient()
        patient.platform.later = 1_000

        with pytest.raises(StoreError, match="SPANLABEL_OUTBOX_MAX_BYTES"):
            patient.sending.put(self.records())

        patient.running.close()

    def test_nothing_is_lost_or_counted_twice(self, home: Path, spanlabel: Run, written: Written) -> None:
        """
        Pairs found are records made, and each record made is delivered, superseded or waiting.
        """
        counts = Counts()
        settings = load().settings
        running = for_one_destination(settings, choose_destination(settings, "local"), counts)
        found = records_of_files(
            [written(*QUESTIONS, make_span(trace=9))], settings, problem=pytest.fail, counts=counts
        )
        sending = Sending(running, pytest.fail)

        sending.put(found)
        assert sending.deliver()

        assert check_conservation(counts) == []
        assert counts.total(Metric.RECORDS_DELIVERED) == 3
        running.close()
