"""Take the pictures of Argilla for the documentation: `python tests/integration/servers/argilla_pictures.py FOLDER`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.remove(str(Path(__file__).parent))  # its argilla.py is not the SDK

from servers.argilla import ArgillaServer, Stage, run_argilla
from servers.argilla_page import Browser, browse
from servers.langchain import SCENARIOS, play
from servers.pictured import ANSWER, OTHER_ANSWER, help_desk

_PRESETS = ("review", "langchain", "llama-index", "distilabel-text-generation", "distilabel-preference")


def main(folder: Path) -> None:
    """Take them."""
    folder.mkdir(parents=True, exist_ok=True)
    with run_argilla(log_folder=Path(tempfile.mkdtemp())) as server, browse(server, width=1400, height=960) as browser:
        _presets(server, browser, folder)
        _scenarios(server, browser, folder)


def _presets(server: ArgillaServer, browser: Browser, folder: Path) -> None:
    for preset in _PRESETS:
        stage = Stage(server, f"help desk, {preset}")
        writer = stage.open(preset=preset)
        writer.write(
            [help_desk(answers=(ANSWER, OTHER_ANSWER) if preset == "distilabel-preference" else (ANSWER,))],
            timeout_s=60,
        )
        writer.close()
        browser.page.set_viewport_size({"width": 1400, "height": 1240 if preset == "llama-index" else 960})
        browser.open_dataset(stage.name)
        browser.page.screenshot(path=folder / f"argilla-{preset}.png")
        if preset == "review":
            browser.page.get_by_text("Guidelines").first.click()
            browser.page.wait_for_timeout(1_000)
            browser.page.screenshot(path=folder / "argilla-review-guidelines.png")


def _scenarios(server: ArgillaServer, browser: Browser, folder: Path) -> None:
    browser.page.set_viewport_size({"width": 1400, "height": 780})
    for name in SCENARIOS:
        dataset = f"langchain, {name}"
        destination = {"platform": "argilla", "api_url": server.url, "api_key": server.api_key, "dataset": dataset}
        play("openinference", name, home=Path(tempfile.mkdtemp()), destinations=[{"name": "argilla", **destination}])
        browser.open_dataset(dataset)
        browser.page.screenshot(path=folder / f"argilla-langchain-{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
