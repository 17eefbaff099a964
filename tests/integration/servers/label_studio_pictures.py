"""Take the pictures of Label Studio for the documentation.

`python tests/integration/servers/label_studio_pictures.py FOLDER`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.remove(str(Path(__file__).parent))  # its argilla.py is not the SDK

from servers.label_studio import LabelStudioServer, Stage, run_label_studio
from servers.label_studio_page import Browser, browse
from servers.langchain import SCENARIOS, play
from servers.pictured import ANSWER, OTHER_ANSWER, help_desk

_PRESETS = ("review", "prompt", "chat", "preference", "custom")
_HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "label-config.xml"


def main(folder: Path) -> None:
    """Take them."""
    folder.mkdir(parents=True, exist_ok=True)
    logs = Path(tempfile.mkdtemp())
    with run_label_studio(log_folder=logs) as server, browse(server, width=1400, height=840) as browser:
        _presets(server, browser, folder)
        _scenarios(server, browser, folder)


def _presets(server: LabelStudioServer, browser: Browser, folder: Path) -> None:
    for preset in _PRESETS:
        stage = Stage(server, f"Help desk, {preset}")
        own = {"label_config": str(_HOW_TO)} if preset == "custom" else {}
        writer = stage.open(preset=preset, **own)
        writer.write([help_desk(answers=(ANSWER, OTHER_ANSWER) if preset == "preference" else (ANSWER,))], timeout_s=60)
        writer.close()
        browser.open_task(stage.project_ids()[0])
        browser.page.screenshot(path=folder / f"label-studio-{preset}.png")


def _scenarios(server: LabelStudioServer, browser: Browser, folder: Path) -> None:
    browser.page.set_viewport_size({"width": 1400, "height": 700})
    platform = {"platform": "label-studio", "url": server.url, "api_key": server.personal_token}
    for name in SCENARIOS:
        stages = {mode: Stage(server, f"LangChain, {name}, {mode}") for mode in ("prompt", "chat")}
        destinations = [
            {"name": mode, "preset": mode, "project": stage.title, **platform} for mode, stage in stages.items()
        ]
        play("openinference", name, home=Path(tempfile.mkdtemp()), destinations=destinations)
        for mode, stage in stages.items():
            [project] = stage.project_ids()
            if name == "six-prompts":
                browser.open_list(project)
            else:
                browser.open_task(project)
            browser.page.screenshot(path=folder / f"label-studio-langchain-{name}-{mode}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
