"""The page about sending from another process: its commands are there, with their options."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from spanlabel.cli import main
from spanlabel.config.loading import load

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "deliver-elsewhere.md"
LINES = re.findall(r"^spanlabel (.*?)(?: +#.*)?$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_page_has_commands() -> None:
    """
    The page shows how both commands are used.
    """
    assert len(LINES) >= 8
    assert {line.split()[0] for line in LINES} == {"deliver", "outbox"}


@pytest.mark.parametrize("line", LINES)
def test_each_command(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Each command of the page exists, and knows the options that the page gives it.
    """
    words = line.split()
    command = words[:2] if words[0] == "outbox" else words[:1]
    monkeypatch.setattr(sys, "argv", ["spanlabel", *command, "--help"])
    monkeypatch.setenv("COLUMNS", "120")

    assert main() == 0

    told = capsys.readouterr().out
    for option in [word for word in words if word.startswith("--")]:
        assert f"{option} " in told


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The variable of the page is one, and its value too.
    """
    [value] = re.findall(r"^export SPANLABEL_DELIVER_IN=(\w+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    monkeypatch.setenv("SPANLABEL_DELIVER_IN", value)

    assert load().settings.deliver_in == "elsewhere"
