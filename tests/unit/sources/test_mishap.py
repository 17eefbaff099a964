import logging

import pytest

from spanlabel.sources.answers import Refusal
from spanlabel.sources.mishap import Mishaps


def test_said_once_a_minute_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """
    Each kind of surprise is logged once with its place, never with its text, which may be a piece of a request.
    """
    mishaps = Mishaps(logging.getLogger("test"))
    for error in (KeyError("a customer's words"), KeyError("other words"), OSError("words")):
        try:
            raise error
        except (KeyError, OSError) as caught:
            mishaps.say(caught)

    said = [record.message for record in caplog.records]
    assert [line.split(" at ")[0].rpartition(" ")[2] for line in said] == ["KeyError", "OSError"]
    assert all("test_mishap.py:" in line for line in said)
    assert "words" not in caplog.text
    assert mishaps.refused().refusal is Refusal.TRY_LATER
