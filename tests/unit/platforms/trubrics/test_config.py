from __future__ import annotations

from pathlib import Path

import pytest

from spanlabel.config.loading import load
from spanlabel.errors import ConfigError
from spanlabel.platforms.trubrics import TrubricsSettings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRUBRICS_API_KEY", " key-of-a-project\n")
    monkeypatch.chdir(tmp_path)


def _load() -> TrubricsSettings:
    [destination] = load(platform="trubrics").settings.destinations
    assert isinstance(destination.settings, TrubricsSettings)
    return destination.settings


def test_one_variable_is_enough() -> None:
    """
    The key under Trubrics' own name is all that must be set.
    """
    settings = _load()

    assert settings.api_key.get_secret_value() == "key-of-a-project"
    assert settings.url == "https://app.trubrics.com/api/ingestion"
    assert (settings.default_user_id, settings.preset) == ("unknown", "events")


def test_no_key_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without a key it says which variable is missing.
    """
    monkeypatch.delenv("TRUBRICS_API_KEY")

    with pytest.raises(ConfigError, match=r"must be set, in spanlabel\.yaml or by TRUBRICS_API_KEY"):
        _load()


def test_in_the_file(tmp_path: Path) -> None:
    """
    All settings can stand in spanlabel.yaml.
    """
    (tmp_path / "spanlabel.yaml").write_text(
        "destinations:\n"
        "- {platform: trubrics, url: 'http://localhost:9000/', preset: events, default_user_id: somebody,\n"
        "   headers: {X-Gate: open}}\n"
    )

    [destination] = load().settings.destinations
    settings = destination.settings

    assert isinstance(settings, TrubricsSettings)
    assert (settings.url, settings.default_user_id) == ("http://localhost:9000", "somebody")
    [(name, value)] = settings.headers
    assert (name, value.get_secret_value()) == ("X-Gate", "open")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("url: app.trubrics.com", "must be an address such as"),
        ("url: 'https://u:p@app.trubrics.com'", "must be the server's address alone"),
        ("api_key: ' '", "api_key .*: is not valid"),
        ("api_key: schlüssel", "api_key .*: is not valid"),
        ("default_user_id: ''", "at least 1 character"),
        ("preset: review", "events"),
        ("headers: {X-API-Key: other}", "must not hold x-api-key"),
        ("headers: {X-Gate: \"two\\nlines\"}", "texts of one line"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, line: str, words: str) -> None:
    """
    A value that cannot work is refused at the start, and its place is named.
    """
    (tmp_path / "spanlabel.yaml").write_text(f"destinations:\n- platform: trubrics\n  {line}\n")

    with pytest.raises(ConfigError, match=words) as caught:
        load()

    assert "destinations[0]" in str(caught.value)


def test_secrets_do_not_show() -> None:
    """
    The key is in no text that is made of the settings.
    """
    assert "key-of" not in repr(_load())
