"""docs/how-to/trubrics.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from spanlabel.config.variables import variables_of
from spanlabel.platforms.trubrics import TrubricsSettings
from spanlabel.platforms.trubrics.mapping import to_event
from spanlabel.testing import make_record

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "trubrics.md").read_text()


def test_its_settings() -> None:
    """
    The page names every setting with its variable and its default, and no other.
    """
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`[^|]* \| (?:`([^`]+)`|none)", PAGE, re.MULTILINE)
    defaults = {name: field.default for name, field in TrubricsSettings.model_fields.items()}

    assert {name: variable for name, variable, _ in rows} == {
        name: variable for name, (variable, *_) in variables_of(TrubricsSettings).items()
    }
    assert {name: default for name, _, default in rows if default} == {
        name: default for name, default in defaults.items() if isinstance(default, str)
    }


def test_its_event() -> None:
    """
    The page names every field of an event but the two that name its halves.
    """
    table = PAGE.partition("## What an event holds")[2].partition("##")[0]
    named = {
        name for cell in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }

    event = to_event(make_record(1), default_user_id="unknown")

    assert named == event.keys() - {"prompt_event_name", "generation_event_name"}
