"""What a folder stands for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.errors import InputError
from spanlabel.sources.folders import files_in, size_of

Made = Callable[..., Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Makes a file in the folder, and the folders on its way."""

    def make(name: str, content: bytes = b"x") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    return make


def test_all_files_in_it(made: Made, tmp_path: Path) -> None:
    """
    A folder stands for all files in it and in its folders, by name: of a rotated set the oldest comes first.
    """
    current = made("traces.json")
    older = made("traces-2026-11-21T07-53-52.372-size.json")
    oldest = made("traces-2026-11-20T23-10-00.001-size.json")
    services = [made("by-service/cart/t.json"), made("by-service/shop/t.json.zst")]

    assert list(files_in([tmp_path])) == list(map(str, [oldest, older, current, *services]))


def test_left_out(made: Made, tmp_path: Path) -> None:
    """
    What is hidden, what is empty, and what is no file is not read; a link to a folder that holds it is not followed
    for ever.
    """
    file = made("traces.json")
    made(".traces.json.swp")
    made(".git/config")
    made("new.json", b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "around").symlink_to(tmp_path)

    assert list(files_in([tmp_path])) == [str(file)]


def test_links_to_files(made: Made, tmp_path: Path) -> None:
    """
    A link to a file is that file; one that leads nowhere is named, so that whoever reads it says so.
    """
    (made("there/x").parent / "link").symlink_to(made("traces.json"))
    (tmp_path / "there" / "lost").symlink_to(tmp_path / "gone")

    names = [os.path.basename(str(name)) for name in files_in([tmp_path / "there"])]
    assert names == ["link", "lost", "x"]


def test_what_is_no_folder(made: Made, tmp_path: Path) -> None:
    """
    Files stay as they were given, even hidden, empty and missing ones, and so does standard input.
    """
    given = ["-", str(made(".hidden", b"")), str(tmp_path / "gone"), "nul\0"]

    assert list(files_in(given)) == given


def test_nothing_in_it(made: Made, tmp_path: Path) -> None:
    """
    A folder without anything to read is said, once, and the next one is read.
    """
    made("bare/inner/empty", b"")
    file = made("full/traces.json")

    said, found = files_in([tmp_path / "bare", tmp_path / "full"])

    assert isinstance(said, InputError)
    assert (str(said), found) == (f"{tmp_path / 'bare'}: holds no file with anything in it", str(file))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_that_may_not_be_read(made: Made, tmp_path: Path) -> None:
    """
    A folder that may not be read is said by its own name; what lies beside it is read.
    """
    file = made("traces.json")
    made("secret/traces.json").parent.chmod(0)

    found, said = files_in([tmp_path])
    (tmp_path / "secret").chmod(0o700)

    assert found == str(file)
    assert str(said) == f"{tmp_path / 'secret'}: cannot be read: Permission denied"


def test_size(made: Made, tmp_path: Path) -> None:
    """
    How much there is to read is known as long as all are files.
    """
    files = [str(made("a", b"abc")), str(made("b", b"de")), str(tmp_path / "gone")]
    os.mkfifo(tmp_path / "pipe")

    assert size_of(files) == 5
    assert size_of([*files, "-"]) is None
    assert size_of([*files, str(tmp_path / "pipe")]) is None
