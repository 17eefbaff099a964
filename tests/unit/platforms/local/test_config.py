from pathlib import Path

import pytest
from pydantic import ValidationError

from spanlabel.platforms.local import LocalSettings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPANLABEL_LOCAL_PATH", raising=False)


def test_in_the_home_folder_unless_set() -> None:
    """
    Without a word from the user the store is records.db in spanlabel's home.
    """
    assert LocalSettings().file(Path("/home/me/spanlabel")) == Path("/home/me/spanlabel/records.db")


def test_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    A path is taken from the variable, and does not move when the working directory does.
    """
    monkeypatch.setenv("SPANLABEL_LOCAL_PATH", "my.db")
    monkeypatch.chdir(tmp_path)
    settings = LocalSettings()
    monkeypatch.chdir("/")

    assert settings.file(Path("/elsewhere")) == tmp_path / "my.db"


def test_a_users_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    "~" means the user's home.
    """
    monkeypatch.setenv("HOME", "/home/me")

    assert LocalSettings(path="~/my.db").path == Path("/home/me/my.db")


@pytest.mark.parametrize("wrong", ["", "a\0b", 5, ["x"]])
def test_what_is_no_path_is_refused(wrong: object) -> None:
    """
    A path that cannot be one is refused at the start.
    """
    with pytest.raises(ValidationError, match="path"):
        LocalSettings(path=wrong)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    An empty variable means the default, as everywhere.
    """
    monkeypatch.setenv("SPANLABEL_LOCAL_PATH", "")

    assert LocalSettings().path is None
