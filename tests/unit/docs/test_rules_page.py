"""docs/how-to/choose-and-redact.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spanlabel.config.loading import load
from spanlabel.config.settings import Settings
from spanlabel.config.variables import variables_of
from spanlabel.rules.condition import parse_condition
from spanlabel.rules.patterns import KINDS
from spanlabel.rules.redaction import hiding

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "choose-and-redact.md").read_text(encoding="utf-8")


def part(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_its_file(home: Path, tmp_path: Path) -> None:
    """
    The page's spanlabel.yaml is read as it stands, and sets what it says.
    """
    file = tmp_path / "spanlabel.yaml"
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file.write_text(text)

    found = load(config=file).settings

    assert (found.sample, found.sample_when, found.sample_when_share) == (0.05, ("bad_evaluation", "error"), 1)
    assert (found.redact, found.dedup, found.per_day) == (tuple(KINDS), 86_400, 300)
    assert hiding((), found.redact_patterns, None)("T-12345, T-123456") == "[ticket], T-123456"


def test_its_settings() -> None:
    """
    Each setting exists, is set by the variable beside it, and all of the page's file are named.
    """
    rows = dict(re.findall(r"^\| `(\w+)` \| `(SPANLABEL_\w+)` \|", PAGE, re.MULTILINE))
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    assert rows == {name: variables_of(Settings)[name][0] for name in rows}
    assert set(re.findall(r"^(\w+):", text, re.MULTILINE)) == set(rows) - {"min_confidence"}


def test_its_conditions() -> None:
    """
    Each condition on the page can be written so.
    """
    written = re.findall(r"^\| `([^`]+)` \|", part("Conditions"), re.MULTILINE)

    assert len(written) == 8
    for text in (*written, "evaluation.stars<3"):
        parse_condition(text)


@pytest.mark.parametrize(
    ("kind", "text", "shown"), re.findall(r"^\| `(\w+)` \| `([^`]+)` \| `([^`]+)` \|", part("Redaction"), re.MULTILINE)
)
def test_its_examples(kind: str, text: str, shown: str) -> None:
    """
    Each text becomes what stands beside it.
    """
    assert KINDS[kind](text) == shown


def test_every_kind_has_an_example() -> None:
    """
    No kind is left out.
    """
    assert set(re.findall(r"^\| `(\w+)` \| `", part("Redaction"), re.MULTILINE)) == set(KINDS)
