import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.errors import ConfigError
from spanlabel.sources.tokens import Tokens
from spanlabel.testing import FakeClock


def test_open_door() -> None:
    """
    Without any token everybody may send, under no name.
    """
    tokens = Tokens()

    assert tokens.is_open
    assert tokens.name_for("") == tokens.name_for("Bearer whatever") == ""


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        ("Bearer one", "a"),
        ("bearer two", "a"),
        ("BEARER  three", "b"),
        ("Bearer nameless", ""),
        ("Bearer on", None),
        ("Bearer onee", None),
        ("Bearer ", None),
        ("Basic one", None),
        ("one", None),
        ("", None),
        ("Bearer ünïcode", None),
    ],
)
def test_who_sends(authorization: str, name: str | None) -> None:
    """
    A token opens the door under its name; two may have one name while they are exchanged; nearly right is wrong.
    """
    tokens = Tokens([("a", "one"), ("a", "two"), ("b", "three"), ("", "nameless")])

    assert tokens.name_for(authorization) == name


@given(st.text())
def test_any_header(authorization: str) -> None:
    """
    Whatever a sender writes into the header, it is not let in by it.
    """
    assert Tokens([("a", "a-token-that-nobody-guesses")]).name_for(authorization) is None


def test_file(tmp_path: Path) -> None:
    """
    A file holds one token a line, with or without a name; comments and empty lines do not count.
    """
    file = tmp_path / "tokens"
    file.write_text("# ours\n\nteam-a: one\nteam-b:two \n  three\n")
    tokens = Tokens([("c", "four")], file)

    names = [tokens.name_for(f"Bearer {token}") for token in ("one", "two", "three", "four", "# ours", "team-a: one")]

    assert names == ["team-a", "team-b", "", "c", None, None]


def test_exchange_without_restart(tmp_path: Path) -> None:
    """
    A changed file counts from the next second on; the old token ends with it.
    """
    file, clock = tmp_path / "tokens", FakeClock()
    file.write_text("a:old")
    tokens = Tokens(file=file, clock=clock.time)

    file.write_text("a:newer")
    assert tokens.name_for("Bearer old") == "a"
    clock.advance(1)

    assert tokens.name_for("Bearer newer") == "a"
    assert tokens.name_for("Bearer old") is None


@pytest.mark.parametrize("damage", ["", "# nothing\n", "a:two words", "a:", "gone", "binary"])
def test_damaged_while_it_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    """
    A file that becomes unusable, as while it is being written, leaves the tokens from before in force; it is said once.
    """
    file, clock = tmp_path / "tokens", FakeClock()
    file.write_text("a:the-old-token")
    file.chmod(0o600)
    tokens = Tokens(file=file, clock=clock.time)

    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"\xff\xfe" if damage == "binary" else damage.encode())
    for _ in range(3):
        clock.advance(1)
        assert tokens.name_for("Bearer the-old-token") == "a"

    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "the tokens from before stay in force: tokens_file" in record.message
    assert "the-old-token" not in caplog.text
    assert "two words" not in caplog.text


@pytest.mark.parametrize("text", ["", "a:two words", "a:\n", "\x00", "a:ä"])
def test_bad_file_at_start(tmp_path: Path, text: str) -> None:
    """
    A file without a token, or with one that no header can carry, is an error at the start that shows no token.
    """
    file = tmp_path / "tokens"
    file.write_text(text)

    with pytest.raises(ConfigError, match="tokens_file") as caught:
        Tokens(file=file)

    assert "two words" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    """
    A file that is not there is an error at the start, never an open door.
    """
    with pytest.raises(ConfigError, match=r"tokens_file = .*cannot be read: No such file"):
        Tokens(file=tmp_path / "missing")


def test_file_of_another_user(tmp_path: Path) -> None:
    """
    A file that may not be read is an error at the start.
    """
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    file = tmp_path / "tokens"
    file.touch(mode=0)

    with pytest.raises(ConfigError, match="Permission denied"):
        Tokens(file=file)


def test_nothing_shows() -> None:
    """
    A token is nowhere in what is printed of it, nor kept.
    """
    tokens = Tokens([("a", "hush-hush")])

    assert repr(tokens) == "Tokens(1 of them)"
    assert "hush-hush" not in repr(vars(tokens))


@pytest.mark.parametrize(("mode", "n"), [(0o600, 0), (0o640, 0), (0o644, 1)])
def test_file_that_others_can_read(tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, n: int) -> None:
    """
    A file of tokens that every user can read is taken, and said; a group's is not: containers hand files over so.
    """
    file = tmp_path / "tokens"
    file.write_text("a:s3cret\n")
    file.chmod(mode)

    assert Tokens(file=file).names == {"a"}
    assert [f"can read tokens_file {file}" in record.message for record in caplog.records] == [True] * n
    assert "s3cret" not in caplog.text
