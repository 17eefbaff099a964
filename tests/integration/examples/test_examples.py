"""Each example runs with the command that its README gives, and its records are those that the README shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from servers.patience import PATIENCE_S

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
README = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"```sh\npython (examples/[^\n]*)\n```(?:(?!```)[^#])*```text\n(.*?)```", README, flags=re.DOTALL)
DIFFERS = re.compile(r"^(?:Record .*|\d{4}-.*|  (?:latency_ms|span_id) .*)\n", flags=re.MULTILINE)
"""What is another one each time: ids and times."""


def test_all_are_told() -> None:
    """
    The README has a section for every example, and the first word of each command is a file.
    """
    told = [word for command, _ in SECTIONS for word in shlex.split(command)[:2]]
    here = {file.name for file in (ROOT / "examples").glob("*.py")}

    assert {Path(word).name for word in told} >= here
    assert len(SECTIONS) == len(here) - 1  # run.py runs the others


@pytest.mark.parametrize(("command", "shown"), SECTIONS, ids=[command.split("/")[1] for command, _ in SECTIONS])
def test_example(command: str, shown: str) -> None:
    """
    What it prints, and what a reviewer sees of it, is what the README shows.
    """
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPANLABEL_", "OTEL_", "OPENAI_"))
    }
    done = subprocess.run(
        [sys.executable, *shlex.split(command)],
        cwd=ROOT,
        env=clean | {"COLUMNS": "100", "SPANLABEL_FLUSH_TIMEOUT_S": "60"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert done.returncode == 0, done.stderr
    assert re.sub(r"\n{3,}", "\n\n", DIFFERS.sub("", done.stdout)).strip() == shown.strip()
