"""The recorded traces, unpacked once a run."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

_ARCHIVE = Path(__file__).with_name("dev.tar.xz")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all recorded cases."""
    folder = tmp_path_factory.mktemp("recorded")
    with tarfile.open(_ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder
