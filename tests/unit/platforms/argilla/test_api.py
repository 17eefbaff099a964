from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from spanlabel.errors import ConfigError
from spanlabel.platforms.argilla import ArgillaSettings, ArgillaWriter
from spanlabel.platforms.argilla.api import _retry_after_s, as_json


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            pytest.param(None, None, id="not given"),
            pytest.param("7", 7.0, id="seconds"),
            pytest.param("soon", None, id="neither"),
            pytest.param("Mon, 01 Jan 2001 00:00:00 GMT", 0.0, id="a date that has passed"),
        ],
    )
    def test_each_form(self, text: str | None, seconds: float | None) -> None:
        """
        The header holds seconds or a date; anything else says nothing.
        """
        assert _retry_after_s(text) == seconds

    def test_a_date_to_come(self) -> None:
        """
        A date to come is that far away.
        """
        text = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

        assert _retry_after_s(text) == pytest.approx(90, abs=5)


@pytest.mark.parametrize("value", ["\ud800", float("nan"), float("inf")])
def test_what_json_has_no_word_for(value: object) -> None:
    """
    What cannot be sent is said before it is sent.
    """
    with pytest.raises(ValueError, match=r"surrogates|JSON"):
        as_json({"a": value})


class TestWithoutTheSdk:
    def test_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Where the SDK is missing, opening says which extra brings it.
        """
        monkeypatch.setitem(sys.modules, "argilla", None)
        writer = ArgillaWriter(ArgillaSettings(api_url="http://localhost:1", api_key="k"))

        with pytest.raises(ConfigError) as caught:
            writer.open()

        assert str(caught.value) == 'argilla is not installed; install it with: pip install "spanlabel[argilla]"'

    def test_nothing_of_it_is_imported_before(self) -> None:
        """
        Settings, mapping, writer and check are imported without the SDK and its HTTP library.
        """
        code = (
            "import sys, spanlabel.platforms.argilla.checks, spanlabel.platforms.argilla.reader;"
            "print(sorted({m.partition('.')[0] for m in sys.modules} & {'argilla', 'httpx', 'pandas', 'datasets'}))"
        )

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "[]"
