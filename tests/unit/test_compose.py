"""Files that are larger than what may be held at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spanlabel import compose, read_pairs
from spanlabel.assembly import limits
from spanlabel.compose import records_of_files
from spanlabel.config.loading import load
from spanlabel.errors import InputError
from spanlabel.metrics import Counts, Metric, check_conservation
from spanlabel.sources import side_by_side

RUNS = 200


def span(trace: int, number: int, parent: int | None, started_s: float, **attributes: str) -> str:
    """A line with one span, as the Collector's file exporter writes it."""
    sent = {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": "" if parent is None else f"{parent:016x}",
        "name": "chat m",
        "startTimeUnixNano": str(int(started_s * 1e9)),
        "endTimeUnixNano": str(int((started_s + 1) * 1e9)),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [sent]}]}]}) + "\n"


def model_call(run: int) -> str:
    """The model call of a run, below the span of the app in another file."""
    said = {"gen_ai.prompt": f"question {run} " + "x" * 2_000, "gen_ai.completion": f"answer {run}"}
    facts = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **said}
    return span(run, 2, 1, run * 10.0, **facts)


@pytest.fixture
def files(home: Path, tmp_path: Path) -> list[Path]:
    """Runs whose root lies in one file and whose model call in another."""
    roots, calls = tmp_path / "roots.json", tmp_path / "calls.json"
    roots.write_text("".join(span(run, 1, None, run * 10.0) for run in range(1, RUNS + 1)))
    calls.write_text("".join(map(model_call, range(1, RUNS + 1))))
    return [roots, calls]


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """About fifteen runs are held; the files are taken for large ones."""
    for module in (limits, compose):
        monkeypatch.setattr(module, "FILES_BYTES", 40_000)
    monkeypatch.setattr(side_by_side, "WHOLE_BYTES", 0)


def unexpected(error: InputError) -> None:
    raise AssertionError(error)


@pytest.mark.usefixtures("small_windows")
class TestLargeFiles:
    def test_same_pairs(self, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Pairs out of files of which not all can be held are those that there would be if it could.
        """
        found = list(read_pairs(*files))
        monkeypatch.undo()

        assert len(found) == RUNS
        assert found == list(read_pairs(*files))

    def test_bounded(self, files: list[Path]) -> None:
        """
        Records come while files are read, and each trace is let go of with them.
        """
        read: list[int] = []
        counts = Counts()
        records = records_of_files(files, load().settings, problem=unexpected, progress=read.append, counts=counts)
        held = [counts.total(Metric.SPANS_HELD) for _ in records]

        assert max(held) < 60
        assert len(held) == RUNS
        assert sum(read) == sum(file.stat().st_size for file in files)
        assert check_conservation(counts) == []
        assert counts.total(Metric.TRACES_DECIDED) == RUNS

    def test_questions_that_come_again(self, files: list[Path]) -> None:
        """
        `dedup` counts equal questions over the whole of the files, and gives each record once, with its count.
        """
        with files[1].open("a") as calls:
            for run in range(1, 11):
                again = model_call(run).replace(f'"traceId": "{run:032x}"', f'"traceId": "{run + 1_000:032x}"')
                calls.write(again)

        settings = load(dedup=3e7).settings
        records = list(records_of_files(files, settings, problem=unexpected, counts=Counts()))

        assert len({record.id for record in records}) == len(records) == RUNS
        assert sorted(record.metadata.get("duplicates", 0) for record in records)[-11:] == [0, *[1] * 10]
