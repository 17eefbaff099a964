"""Named shapes of a project. How each looks lies in `pages/`, one file each, with one style sheet for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .config import LabelStudioSettings, PresetName
from .layout import Layout, read_layout


@dataclass(frozen=True, slots=True)
class Preset:
    """A named shape.

    Attributes:
        label_config: What a new project gets; None where only an existing project can say.
        needs: Names of the tags that an existing project must have; it may have more.
        is_ours: It is none of the user's own.
    """

    label_config: str | None
    needs: tuple[str, ...]
    is_ours: bool = True

    @property
    def layout(self) -> Layout:
        """What it shows and asks; nothing where only an existing project can say."""
        return Layout((), ()) if self.label_config is None else read_layout(self.label_config)


_NEEDS: Mapping[PresetName, tuple[str, ...]] = {
    PresetName.REVIEW: ("dialogue", "response", "rating", "verdict", "feedback", "correction"),
    PresetName.PROMPT: ("prompt", "response", "rating"),
    PresetName.CHAT: ("dialogue", "response", "rating"),
    PresetName.PREFERENCE: ("prompt", "response-a", "response-b", "preference"),
}


def preset_of(settings: LabelStudioSettings) -> Preset:
    """The preset that the settings choose.

    Raises:
        ConfigError: The user's own label configuration cannot be read.
    """
    if settings.preset is not PresetName.CUSTOM:
        return named_preset(settings.preset)
    label_config = settings.label_config_text()
    if label_config is None:
        return Preset(None, (), is_ours=False)
    layout = read_layout(label_config)
    return Preset(label_config, tuple(tag.name for tag in layout.tags if tag.name), is_ours=False)


@cache
def named_preset(name: PresetName) -> Preset:
    """A preset of our own."""
    pages = files("spanlabel.platforms.label_studio") / "pages"
    style = (pages / "page.css").read_text(encoding="utf-8")
    page = (pages / f"{name.value}.xml").read_text(encoding="utf-8")
    return Preset(page.replace("<Style/>", f"<Style>\n{style}  </Style>"), _NEEDS[name])
