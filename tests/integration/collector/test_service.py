"""What starts spanlabel beside a Collector."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from servers.collector import FOLDER

pytestmark = pytest.mark.integration

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, for the program of this environment."""
    copy = tmp_path / "spanlabel.service"
    text = (FOLDER / "spanlabel.service").read_text()
    copy.write_text(text.replace("/opt/spanlabel/bin/spanlabel", str(Path(sys.executable).with_name("spanlabel"))))
    return copy


@needs_systemd
def test_systemd_understands_the_unit(unit: Path) -> None:
    """Each line of the unit is one that systemd knows, and the command is there."""
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_the_unit_locks_spanlabel_in(unit: Path) -> None:
    """By systemd's own judgement it is exposed little: below 2 of 10."""
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", str(unit)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
