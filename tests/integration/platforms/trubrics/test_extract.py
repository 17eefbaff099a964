"""`spanlabel extract --to trubrics`, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.trubrics import API_KEY, FakeTrubrics

from spanlabel.testing import FAULTS, FaultProxy

pytestmark = pytest.mark.integration

COMMAND = str(Path(sys.executable).with_name("spanlabel"))
ARCHIVE = Path(__file__).parents[3] / "corpus" / "dev.tar.xz"
AGENT = "langgraph__openinference__S5.jsonl"

Extract = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    """Extracts the recorded spans of an agent to Trubrics at an address."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extract(f"./{AGENT}", tmp_path, filter="data")
    left = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLABEL_", "OTEL_"))}
    given = left | {"SPANLABEL_HOME": str(tmp_path / "home"), "TRUBRICS_API_KEY": API_KEY}

    def run(url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "extract", AGENT, "--to", "trubrics"],
            cwd=tmp_path,
            env=given | {"SPANLABEL_TRUBRICS_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_once(fake: FakeTrubrics, extract: Extract) -> None:
    """
    The agent's question and its final answer are one event, also when the command is given twice.
    """
    done = [extract(fake.url) for _ in range(2)]

    assert [one.returncode for one in done] == [0, 0]
    [event] = fake.events
    assert event["prompt"]
    assert event["generation"]
    assert "0 sent, 1 there already" in done[1].stderr


def test_in_doubt(fake: FakeTrubrics, extract: Extract) -> None:
    """
    A lost answer is told, and the same command given again sends nothing twice.
    """
    with FaultProxy(fake.url, lambda _method, _path, n: FAULTS["reset after"] if n == 1 else None) as proxy:
        first, second = extract(proxy.url), extract(proxy.url)

    assert first.returncode == 1
    assert "1 of them may have arrived or not; they are not sent again" in first.stderr
    assert second.returncode == 0
    assert len(fake.events) == 1
