"""The commands of the how-to pages, run as they stand there, one page after the other, on the real servers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from servers.argilla import ArgillaServer
from servers.label_studio import LabelStudioServer, Stage

from spanlabel.demo.provider import CHAT_MODEL, ScriptedProvider
from spanlabel.demo.script import Script, answered
from spanlabel.platforms.label_studio.binding import bind
from spanlabel.platforms.label_studio.layout import read_layout

pytestmark = pytest.mark.integration

PAGES = Path(__file__).parents[3] / "docs" / "how-to"
QUESTIONS = {"Do you ship to Norway, and how long does it take?", "Name our new trail mix, in at most four words."}
TOLD = "The zip of my Ridge 45 is broken. Can I still send it back, and who pays for the parcel?"
ASKED, SAID = "Do you ship to Iceland?", "Yes, within eight days."

APP = f"""
from openai import OpenAI

with OpenAI(api_key="none", timeout=120) as client:
    asked = [{{"role": "user", "content": {ASKED!r}}}]
    client.chat.completions.create(model={CHAT_MODEL!r}, messages=asked)
"""


def _run(page: str, folder: Path, places: Mapping[str, str]) -> str:
    """Run a page's commands in one shell, with these words in place of the page's own address and key."""
    text = (PAGES / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    script = "\n".join(blocks).replace("pip install", ": pip install")  # it is installed
    script = re.sub(r"^(spanlabel extract .*)$", r"\1\n\1", script, flags=re.MULTILINE)  # "give the command again"
    for word, other in places.items():
        assert word in script
        script = script.replace(word, other)
    (folder / "app.py").write_text(APP)
    shutil.copy(PAGES / "traces.jsonl", folder)
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("SPANLABEL_", "OTEL_", "TRACELOOP_"))}
    with ScriptedProvider(Script([answered(ASKED, SAID)])) as provider:
        given = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1",
            "OPENAI_BASE_URL": provider.base_url,
            "SPANLABEL_HOME": str(folder / "home"),
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        }
        done = subprocess.run(
            ["bash", "-e"],
            input=script,
            cwd=folder,
            env=clean | given,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_argilla(argilla: ArgillaServer, tmp_path: Path) -> None:
    """
    Whoever follows the page has the records of the file and of the application in the dataset that it names.
    """
    said = _run("argilla.md", tmp_path, {"http://localhost:6900": argilla.url, "argilla.apikey": argilla.api_key})

    assert "✗" not in said
    asked = [one["fields"]["messages"][-1]["content"] for one in argilla.records("spanlabel")]
    assert {*asked} >= {*QUESTIONS, TOLD, ASKED}
    assert asked.count(TOLD) == 1


def test_label_studio(label_studio: LabelStudioServer, tmp_path: Path) -> None:
    """
    Whoever follows the page has the tasks of the file and of the application in the project that it names.
    """
    places = {"http://localhost:8080": label_studio.url, "your-token": label_studio.personal_token}
    said = _run("label-studio.md", tmp_path, places)

    assert "✗" not in said
    tasks = Stage(label_studio, "spanlabel").tasks()
    asked = [task["data"]["dialogue"][-1]["content"] for task in tasks]
    assert {*asked} >= {*QUESTIONS, TOLD, ASKED}
    assert asked.count(TOLD) == 1


def test_the_label_configuration(label_studio: LabelStudioServer, tmp_path: Path) -> None:
    """
    The page's example of an own label configuration is taken by the server, filled by its tags, and asks what it says.
    """
    own = (PAGES / "label-config.xml").read_text(encoding="utf-8")
    stage = Stage(label_studio, f"own-{tmp_path.name}"[:50])
    shutil.copy(PAGES / "label-config.xml", tmp_path)
    file = tmp_path / "spanlabel.yaml"
    file.write_text(
        f"destinations: [{{platform: label-studio, project: {stage.title!r}, preset: custom, "
        f"label_config: label-config.xml, url: {label_studio.url!r}, api_key: {label_studio.token}}}]"
    )

    subprocess.run(
        [Path(sys.executable).with_name("spanlabel"), "extract", PAGES / "traces.jsonl", "--to", "label-studio"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "SPANLABEL_HOME": str(tmp_path / "home")},
        check=True,
        capture_output=True,
    )

    assert {task["data"]["question"] for task in stage.tasks()} == {*QUESTIONS, TOLD}
    assert {slot.variable for slot in bind(read_layout(own)).slots} == {"question", "answer"}
    results = [{"from_name": "verdict", "to_name": "answer", "type": "choices", "value": {"choices": ["yes"]}}]
    stage.annotate(stage.ids()[0], results)
