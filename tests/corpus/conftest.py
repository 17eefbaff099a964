"""The recorded traces, unpacked once a run."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest


def _unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(Path(__file__).with_name(name)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all recorded cases."""
    return _unpacked("dev.tar.xz", tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="session")
def recorded_later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the cases that were recorded later."""
    return _unpacked("unseen.tar.xz", tmp_path_factory.mktemp("recorded_later"))
