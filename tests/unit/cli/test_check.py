from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.platforms.local import LocalWriter
from spanlabel.testing import make_record

from .conftest import Ran

Run = Callable[..., Ran]


def test_a_new_store_is_fine(spanlabel: Run, home: Path) -> None:
    """
    Before the first record the store need not be there; the check says so and makes nothing.
    """
    ran = spanlabel("check")

    assert ran.code == 0
    assert f"✓ file: {home / 'records.db'} is not there yet" in ran.out
    assert not (home / "records.db").exists()


def test_a_filled_store_says_how_much_it_holds(spanlabel: Run, home: Path) -> None:
    """
    The check tells how many records the store holds, and with --write that it can be written.
    """
    writer = LocalWriter(home / "records.db")
    writer.open()
    writer.write([make_record(1), make_record(2)], timeout_s=5)
    writer.close()

    ran = spanlabel("check", "--write")

    assert ran.code == 0
    assert "holds 2 records" in ran.out
    assert "✓ writing" in ran.out


def test_a_damaged_store_fails_with_what_to_do(spanlabel: Run, home: Path) -> None:
    """
    A file that is no database is told from a good one: exit code 1, and what to do.
    """
    home.mkdir(parents=True, exist_ok=True)
    (home / "records.db").write_text("this is not a database, it is a letter to a friend")

    ran = spanlabel("check")

    assert ran.code == 1
    assert "✗ file" in ran.out
    assert "move it away" in ran.out


def test_an_unreachable_platform_names_its_setting(spanlabel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nobody listens at the address: the line says so and which variable gave the address.
    """
    monkeypatch.setenv("SPANLABEL_PLATFORM", "label-studio")
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "not-a-key")
    pytest.importorskip("label_studio_sdk", reason="the extra label-studio is not installed")

    ran = spanlabel("check")

    assert ran.code == 1
    assert "cannot be reached" in ran.out
    assert "LABEL_STUDIO_URL" in ran.out
    assert "not-a-key" not in ran.out + ran.err


def test_an_unknown_destination_is_a_wrong_usage(spanlabel: Run) -> None:
    """
    A mistyped destination is answered with the nearest name.
    """
    ran = spanlabel("check", "locl")

    assert ran.code == 2
    assert "did you mean local" in ran.err
