"""The page about old traces: its commands do what it says."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.cli import main
from spanlabel.platforms.local import LocalStore

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "old-traces.md"
SAMPLES = Path(__file__).parents[2] / "data" / "otlp_json"
TEXT = PAGE.read_text(encoding="utf-8")
LINES = re.findall(r"^spanlabel (.*?)(?: +#.*)?$", TEXT, flags=re.MULTILINE)
Call = Callable[[str], str]


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """A rotated set with logs beside it: three pairs, one of them in what was written last."""
    folder = tmp_path / "traces"
    folder.mkdir()
    shutil.copy(SAMPLES / "openai__v2both__S12.jsonl", folder / "traces-2026-11-21T07-53-52.372-size.json")
    shutil.copy(SAMPLES / "openai__v2both__S12.logs.jsonl", folder / "logs.json")
    shutil.copy(SAMPLES / "openai__traceloop__S10appretry.jsonl", folder / "traces.json")
    return folder


@pytest.fixture
def run(
    home: Path, traces: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """Runs a line of the page where the files lie; what it sends goes into the local store."""
    monkeypatch.chdir(traces)

    def call(line: str) -> str:
        line = line.replace("--to argilla", "--to local").replace("/var/lib/otelcol/traces/", str(traces))
        words = [sorted(str(one) for one in Path().glob(w)) if "*" in w else [w] for w in shlex.split(line)]
        monkeypatch.setattr(sys, "argv", ["spanlabel", *(word for some in words for word in some)])
        assert main() == 0
        return capsys.readouterr().err

    return call


@pytest.mark.parametrize(("line", "pairs"), list(zip(LINES, ["1 pair", "3 pairs", "3 pairs"], strict=True)))
def test_each_command(run: Call, line: str, pairs: str) -> None:
    """
    Each command of the page runs, and reads what the page says that it reads.
    """
    assert pairs in run(line)


def test_given_again(run: Call, home: Path) -> None:
    """
    Given again the command says what the page shows, and nothing is there twice.
    """
    [shown] = re.findall(r"^[\d,]+ records for argilla .*$", TEXT, flags=re.MULTILINE)
    wanted = re.escape(shown).replace("argilla", "local", 1).replace(r"\(argilla\)", r"\(.*\)")
    wanted = re.sub(r"\d+(,\d+)*", lambda _: r"(\d+)", wanted)

    [line] = [line for line in LINES if "--to" in line]
    first, again = run(line), run(line)

    assert [re.match(wanted, said).groups() for said in (first, again)] == [("3", "3", "0"), ("3", "0", "3")]  # type: ignore[union-attr]  # else the page is wrong
    with LocalStore(home / "records.db") as store:
        assert store.count() == 3
