"""A platform that a stranger writes: CONTRIBUTING.md, done as it says."""

from __future__ import annotations

import json
import os
import re
import site
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- (file|command): (\S+) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = {name: text for _, name, text in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text())}
COMMANDS = BLOCKS.pop("stranger").splitlines()

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stranger's folder: his files, and recorded traces."""
    folder = tmp_path_factory.mktemp("stranger")
    for name, text in BLOCKS.items():
        (folder / name).write_text(text)
    with tarfile.open(ROOT / "tests" / "corpus" / "dev.tar.xz") as archive:
        found = archive.extractfile("./langgraph__openinference__S5.jsonl")
        assert found is not None
        (folder / "traces.jsonl").write_bytes(found.read())
    return folder


@pytest.fixture(scope="module")
def shell(folder: Path) -> Shell:
    """A shell in his folder and in his environment, which has spanlabel and pytest, and nothing of his yet."""
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    [packages] = (venv / "lib").glob("python*/site-packages")
    (packages / "ours.pth").write_text(
        "".join(f"import site; site.addsitedir({p!r})\n" for p in site.getsitepackages())
    )
    for name, module in (("spanlabel", "spanlabel.cli"), ("pytest", "pytest")):
        program = venv / "bin" / name
        program.write_text(f"#!{venv}/bin/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        program.chmod(0o755)
    left = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLABEL_", "OTEL_", "PYTHON"))}
    given = left | {"PATH": f"{venv}/bin:{os.environ['PATH']}", "SPANLABEL_HOME": str(folder / "home")}

    def run(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command], cwd=folder, env=given | variables, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def did(shell: Shell) -> dict[str, subprocess.CompletedProcess[str]]:
    """What each of his commands did, one after the other."""
    return {command: shell(command) for command in COMMANDS}


def test_every_command_does(did: dict[str, subprocess.CompletedProcess[str]]) -> None:
    """
    Installed, tested against the public contract, checked and used: each command ends well.
    """
    assert {command: done.stdout + done.stderr for command, done in did.items() if done.returncode} == {}
    assert [command.split()[0] for command in did] == ["pip", "pytest", "spanlabel", "spanlabel"]
    assert "1 passed" in did["pytest"].stdout


def test_the_record_is_there(did: dict[str, subprocess.CompletedProcess[str]], folder: Path) -> None:
    """
    The pair of the recorded traces is in his file, as his writer puts it there.
    """
    [row] = json.loads((folder / "review.json").read_text()).values()

    assert row.keys() == {"prompt", "answer", "model"}
    assert row["prompt"]
    assert row["answer"]
    assert "1 sent, 0 there already" in did[COMMANDS[-1]].stderr


@pytest.mark.usefixtures("did")
class TestLikeOurs:
    """His platform is treated as one of ours."""

    def test_its_settings(self, shell: Shell) -> None:
        """
        Its settings come from the environment and the file, are shown with their place, and are checked.
        """
        shown = shell("spanlabel config show", SPANLABEL_PLATFORM="json-file", SPANLABEL_JSON_FILE_PATH="other.json")
        wrong = shell("spanlabel config show", SPANLABEL_JSON_FILE_PTH="other.json")

        assert "other.json" in shown.stdout
        assert "SPANLABEL_JSON_FILE_PATH" in shown.stdout
        assert "did you mean SPANLABEL_JSON_FILE_PATH" in wrong.stderr

    def test_its_errors(self, shell: Shell, folder: Path) -> None:
        """
        What it says about a setting is told with the place where that was set.
        """
        (folder / "letter.json").write_text("dear friend")

        checked = shell("spanlabel check json-file --write", SPANLABEL_JSON_FILE_PATH="letter.json")
        looked_at = shell("spanlabel check json-file", SPANLABEL_JSON_FILE_PATH="letter.json")

        assert checked.returncode == 1
        assert "✗ opening: path = 'letter.json': is no JSON" in checked.stdout
        assert "[path: environment variable SPANLABEL_JSON_FILE_PATH]" in checked.stdout
        assert looked_at.returncode == 0
        assert "brings no check of its own; with --write it is opened" in looked_at.stdout

    def test_what_people_did_stays(self, shell: Shell, folder: Path) -> None:
        """
        A record on which a person has worked is not written again.
        """
        rows = json.loads((folder / "review.json").read_text())
        for row in rows.values():
            row |= {"verdict": "good", "answer": "as the person left it"}
        (folder / "review.json").write_text(json.dumps(rows))

        done = shell(COMMANDS[-1], SPANLABEL_HOME=str(folder / "another home"))

        assert done.returncode == 0
        assert json.loads((folder / "review.json").read_text()) == rows
