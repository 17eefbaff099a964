from __future__ import annotations

from pathlib import Path

import pytest

from spanlabel.config.loading import load
from spanlabel.errors import ConfigError
from spanlabel.platforms.argilla.config import ArgillaSettings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ARGILLA_API_URL", "ARGILLA_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ARGILLA_API_URL", "https://argilla.example.com/")
    monkeypatch.setenv("ARGILLA_API_KEY", "key-of-somebody")
    monkeypatch.chdir(tmp_path)


def _load() -> ArgillaSettings:
    [destination] = load(platform="argilla").settings.destinations
    assert isinstance(destination.settings, ArgillaSettings)
    return destination.settings


class TestWellKnownNames:
    def test_two_variables_are_enough(self) -> None:
        """
        Address and key under Argilla's own names are all that must be set.
        """
        settings = _load()

        assert settings.api_url == "https://argilla.example.com"
        assert settings.api_key.get_secret_value() == "key-of-somebody"
        assert (settings.workspace, settings.dataset, settings.preset) == ("argilla", "spanlabel", "review")

    @pytest.mark.parametrize("name", ["ARGILLA_API_URL", "ARGILLA_API_KEY"])
    def test_no_default_for_them(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """
        Nothing is guessed: no address, and no key.
        """
        monkeypatch.delenv(name)

        with pytest.raises(ConfigError, match=f"must be set, in spanlabel.yaml or by {name}"):
            _load()

    def test_others_in_the_file(self, tmp_path: Path) -> None:
        """
        Several destinations stand in spanlabel.yaml, each with its own settings.
        """
        (tmp_path / "spanlabel.yaml").write_text(
            "destinations:\n"
            "- {platform: argilla, dataset: answers-%Y-%m-%d, preset: langchain, headers: {X-Gate: open}}\n"
            "- {platform: argilla, name: second, api_url: 'http://localhost:6900', workspace: team}\n"
        )

        first, second = (destination.settings for destination in load().settings.destinations)

        assert isinstance(first, ArgillaSettings)
        assert isinstance(second, ArgillaSettings)
        assert (first.preset, first.sent_headers()) == ("langchain", {"X-Gate": "open"})
        assert (second.api_url, second.workspace) == ("http://localhost:6900", "team")
        assert hash(first) != hash(second)


class TestSpaces:
    @pytest.mark.parametrize(
        ("url", "is_sent"),
        [
            ("https://me-argilla.hf.space", True),
            ("http://me-argilla.hf.space", False),
            ("https://argilla.example.com", False),
            ("https://hf.space.example.com", False),
        ],
    )
    def test_token_goes_only_to_a_space(self, monkeypatch: pytest.MonkeyPatch, url: str, is_sent: bool) -> None:
        """
        The Hugging Face token, which many have set for other reasons, is sent to nobody else and never readable.
        """
        monkeypatch.setenv("HF_TOKEN", "hf_abc")
        monkeypatch.setenv("ARGILLA_API_URL", url)

        assert _load().sent_headers() == ({"Authorization": "Bearer hf_abc"} if is_sent else {})

    def test_own_header_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Who sets the header knows why.
        """
        monkeypatch.setenv("HF_TOKEN", "hf_abc")
        monkeypatch.setenv("ARGILLA_API_URL", "https://me.hf.space")
        monkeypatch.setenv("SPANLABEL_ARGILLA_HEADERS", '{"Authorization": "Basic x"}')

        assert _load().sent_headers() == {"Authorization": "Basic x"}


class TestMistakes:
    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("ARGILLA_API_URL", "argilla.example.com", "must be an address such as"),
            ("ARGILLA_API_URL", "ftp://argilla.example.com", "must be an address such as"),
            ("ARGILLA_API_URL", "https://a.example.com/?x=1", "must be the server's address alone"),
            ("ARGILLA_API_URL", "https://me@a.example.com", "must be the server's address alone, without a user"),
            ("SPANLABEL_ARGILLA_WORKSPACE", "my space", "must be letters, digits"),
            ("SPANLABEL_ARGILLA_DATASET", "x" * 201, "must be 1 to 200 characters"),
            ("SPANLABEL_ARGILLA_DATASET", " ", "must be 1 to 200 characters"),
            ("SPANLABEL_ARGILLA_PRESET", "reviews", "must be 'review', 'langchain', 'llama-index'"),
            ("SPANLABEL_ARGILLA_NUM_GENERATIONS", "0", "must be greater than or equal to 1"),
            ("SPANLABEL_ARGILLA_CA_FILE", "/no/such.pem", "there is no such file"),
            ("SPANLABEL_ARGILLA_HEADERS", '{"A B": "x"}', "must map names of headers to texts"),
            ("SPANLABEL_ARGILLA_HEADERS", '{"A": "x\\ny"}', "must map names of headers to texts of one line"),
            ("SPANLABEL_ARGILLA_HEADERS", '{"A": "é"}', "must map names of headers to texts"),
            ("SPANLABEL_ARGILLA_TIMEOUT_S", "0", "must be greater than 0"),
        ],
    )
    def test_are_named(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
        """
        A wrong setting is named with where it was set.
        """
        monkeypatch.setenv(name, value)

        with pytest.raises(ConfigError) as caught:
            _load()

        assert words in str(caught.value)
        assert caught.value.source == f"environment variable {name}"

    def test_secrets_do_not_show(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Neither key, token nor header is in what is printed.
        """
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.setenv("SPANLABEL_ARGILLA_HEADERS", '{"X-Gate": "very-secret"}')
        monkeypatch.setenv("ARGILLA_API_KEY", "key-secret")

        assert "secret" not in repr(_load())
