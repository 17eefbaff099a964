"""Servers for all integration tests, each started when it is first asked for, and stopped at the end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `servers` is no package of the project

from servers.argilla import ArgillaServer, run_argilla
from servers.label_studio import LabelStudioServer, run_label_studio


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell ignores Ctrl-C in what it runs in the background, and so would every process that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def argilla(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgillaServer]:
    """A real Argilla."""
    with run_argilla(log_folder=tmp_path_factory.mktemp("argilla-logs")) as server:
        yield server


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """A real Label Studio."""
    with run_label_studio(log_folder=tmp_path_factory.mktemp("label-studio-logs")) as server:
        yield server
