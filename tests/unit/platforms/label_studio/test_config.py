from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.config.loading import load
from spanlabel.errors import ConfigError
from spanlabel.platforms.label_studio import LabelStudioSettings
from spanlabel.platforms.label_studio.config import PresetName

WriteYaml = Callable[[str], Path]


def _settings(**given: object) -> LabelStudioSettings:
    return LabelStudioSettings(**{"api_key": "k" * 40} | given)  # type: ignore[arg-type]


class TestVariables:
    def test_label_studios_own_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        The variables that Label Studio's own tools read set address, token and project.
        """
        monkeypatch.setenv("LABEL_STUDIO_URL", "https://label.example.com/")
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", "token\n")
        monkeypatch.setenv("LABEL_STUDIO_PROJECT_ID", "7")
        monkeypatch.setenv("SPANLABEL_LABEL_STUDIO_PRESET", "chat")

        settings = LabelStudioSettings()

        assert (settings.url, settings.project_id, settings.preset) == (
            "https://label.example.com",
            7,
            PresetName.CHAT,
        )
        assert settings.api_key.get_secret_value() == "token"

    def test_the_token_is_asked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Without a token the setting and its variable are named; there is no default one.
        """
        monkeypatch.chdir(tmp_path)

        with pytest.raises(ConfigError, match=r"api_key: must be set, in spanlabel.yaml or by LABEL_STUDIO_API_KEY"):
            load(platform="label-studio")

    def test_headers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Headers are a mapping, in a variable as JSON; their values are secrets, and settings stay hashable.
        """
        monkeypatch.setenv("SPANLABEL_LABEL_STUDIO_HEADERS", '{"X-Gate": "open sesame"}')

        settings = _settings()

        assert [(name, value.get_secret_value()) for name, value in settings.headers] == [("X-Gate", "open sesame")]
        assert "sesame" not in repr(settings)
        assert hash(settings) == hash(_settings())


class TestMistakes:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            pytest.param({"url": "localhost:8080"}, "must be an address such as http://localhost:8080", id="no scheme"),
            pytest.param(
                {"url": "http://me:secret@host"}, "must be the server's address alone, without a user", id="password"
            ),
            pytest.param({"api_key": "  "}, "must be a token", id="empty token"),
            pytest.param({"project": "ab"}, "must be 3 to 50 characters", id="short title"),
            pytest.param({"project": "x" * 45 + "-%Y-%m-%d"}, "must be 3 to 50 characters", id="long once filled in"),
            pytest.param({"project": " padded "}, "without spaces around", id="padded"),
            pytest.param({"project_id": 0}, "greater than 0", id="project 0"),
            pytest.param({"preset": "custom"}, "preset custom needs label_config, or project_id", id="custom of what"),
            pytest.param({"label_config": "<View/>"}, "label_config needs preset: custom", id="whose configuration"),
            pytest.param({"preset": "custom", "label_config": "no/file.xml"}, "no such file", id="missing file"),
            pytest.param({"headers": {"Authorization": "x"}}, "must not hold Authorization", id="authorization"),
            pytest.param({"headers": {"X Y": "x"}}, "names of headers", id="header name"),
            pytest.param({"headers": {"X-Y": "a\r\nb"}}, "texts of one line", id="header value"),
            pytest.param({"ca_file": "no/ca.pem"}, "no such file", id="missing certificates"),
        ],
    )
    def test_are_named(self, given: dict[str, object], said: str) -> None:
        """
        A value that cannot work is refused at the start, with what would be right.
        """
        with pytest.raises(ValueError, match=said):
            _settings(**given)

    def test_a_token_is_never_shown(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """
        Neither is one that is wrong.
        """
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", "geheim-ü")

        with pytest.raises(ConfigError) as caught:
            load(platform="label-studio")

        assert "geheim" not in str(caught.value)


class TestLabelConfig:
    def test_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A path is found also when the working directory changes later.
        """
        (tmp_path / "page.xml").write_text("<View/>", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        settings = _settings(preset="custom", label_config="page.xml")
        monkeypatch.chdir("/")

        assert settings.label_config_text() == "<View/>"

    def test_a_file_that_goes_away(self, tmp_path: Path) -> None:
        """
        A file that cannot be read when it is needed is named.
        """
        file = tmp_path / "page.xml"
        file.write_bytes(b"\xff\xfe\xff")
        settings = _settings(preset="custom", label_config=str(file))

        with pytest.raises(ConfigError, match=f"label_config = '{file}': cannot be read"):
            settings.label_config_text()
