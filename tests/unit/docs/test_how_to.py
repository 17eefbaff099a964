"""The how-to pages of the platforms: what they name is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from spanlabel.config.loading import load
from spanlabel.platforms.argilla.config import ArgillaSettings
from spanlabel.platforms.label_studio.config import PresetName

PAGES = Path(__file__).parents[3] / "docs" / "how-to"
IMAGES = PAGES.parent / "images"
ALL = sorted(PAGES.glob("*.md"))


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.stem)
class TestEveryPage:
    def test_links(self, page: Path) -> None:
        """
        What a page links to or shows is there.
        """
        links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))

        missing = [link for link in links if "://" not in link and not (page.parent / link).is_file()]
        assert missing == []

    def test_files_are_read(self, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Each spanlabel.yaml on a page is one.
        """
        monkeypatch.setenv("ARGILLA_API_URL", "http://localhost:6900")
        for name in ("ARGILLA_API_KEY", "LABEL_STUDIO_API_KEY", "TRUBRICS_API_KEY"):
            monkeypatch.setenv(name, "key")
        monkeypatch.chdir(PAGES)
        for n, block in enumerate(_blocks(page, "yaml")):
            file = tmp_path / f"{n}.yaml"
            file.write_text(block)
            assert load(config=file).settings


@pytest.mark.parametrize(
    ("platform", "presets"),
    [
        ("argilla", get_args(ArgillaSettings.model_fields["preset"].annotation)),
        ("label-studio", [preset.value for preset in PresetName]),
    ],
)
def test_every_preset_has_its_picture(platform: str, presets: list[str]) -> None:
    """
    Each preset has a heading, a paragraph and a picture; nobody chooses blindly.
    """
    text = (PAGES / f"{platform}.md").read_text(encoding="utf-8")
    for preset in presets:
        assert re.search(rf"^### {preset}\n\n\w[^#]*images/{platform}-{preset}\.png\)", text, flags=re.MULTILINE), (
            preset
        )


def test_pictures_are_small() -> None:
    """
    No picture makes a clone heavy, and each is on a page.
    """
    shown = "".join(page.read_text(encoding="utf-8") for page in ALL)
    for picture in IMAGES.glob("*.png"):
        assert picture.stat().st_size < 200_000, picture.name
        assert picture.name in shown, picture.name
