from __future__ import annotations

import pytest

from spanlabel.errors import ConfigError
from spanlabel.platforms.label_studio import LabelStudioSettings
from spanlabel.platforms.label_studio.binding import bind
from spanlabel.platforms.label_studio.config import PresetName
from spanlabel.platforms.label_studio.layout import Control, differences, read_layout
from spanlabel.platforms.label_studio.presets import named_preset, preset_of

OWN_PRESETS = [name for name in PresetName if name is not PresetName.CUSTOM]

HANDLER_CHAT = (
    '<View><Paragraphs name="dialogue" value="$prompt" layout="dialogue" textKey="content" nameKey="role" '
    'granularity="sentence"/><TextArea name="response" toName="dialogue"/><Rating name="rating" toName="dialogue"/>'
    "</View>"
)


class TestOwnPresets:
    @pytest.mark.parametrize("name", OWN_PRESETS, ids=lambda name: name.value)
    def test_has_what_it_needs(self, name: PresetName) -> None:
        """
        A project that is made from a preset is one that the preset accepts, and can be filled.
        """
        preset = named_preset(name)

        assert all(preset.layout.named(needed) for needed in preset.needs)
        assert differences(preset.layout, preset.needs, preset.layout) == []
        assert bind(preset.layout).slots

    @pytest.mark.parametrize("name", OWN_PRESETS, ids=lambda name: name.value)
    def test_only_tags_that_show_text_as_it_is(self, name: PresetName) -> None:
        """
        What a model wrote is never given to a tag that could take it for markup.
        """
        assert {shown.tag for shown in named_preset(name).layout.shown} <= {"Text", "Paragraphs", "Header"}

    @pytest.mark.parametrize("name", OWN_PRESETS, ids=lambda name: name.value)
    def test_no_sign_that_the_style_sheet_cannot_hold(self, name: PresetName) -> None:
        """
        Label Studio escapes ">" within a style sheet, which would kill the rule.
        """
        style = (named_preset(name).label_config or "").split("<Style>")[1].split("</Style>")[0]

        assert not set("<>&") & set(style)

    def test_hot_keys(self) -> None:
        """
        The verdict is one key away, and no key means two things.
        """
        config = named_preset(PresetName.REVIEW).label_config or ""

        assert [part[0] for part in config.split('hotkey="')[1:]] == ["g", "u", "b"]

    def test_the_handlers_names(self) -> None:
        """
        The presets of LangChain's handler have its questions under its names, and accept its projects.
        """
        prompt, chat = named_preset(PresetName.PROMPT).layout, named_preset(PresetName.CHAT).layout

        assert [type(prompt.named(name)) for name in ("response", "rating")] == [Control, Control]
        assert {slot.variable for slot in bind(chat).slots} == {"prompt", "details"}
        assert bind(chat).answer_area == ("response", "dialogue")
        assert differences(chat, named_preset(PresetName.CHAT).needs, read_layout(HANDLER_CHAT)) == []


class TestCustom:
    def test_everything_is_needed(self) -> None:
        """
        An existing project must have all that the user's own configuration has.
        """
        own = '<View><Text name="p" value="$prompt"/><TextArea name="r" toName="p"/></View>'
        settings = LabelStudioSettings(api_key="k", preset="custom", label_config=own)  # type: ignore[arg-type]

        assert preset_of(settings).needs == ("p", "r")

    def test_the_project_says(self) -> None:
        """
        With a project's number and no configuration the project itself says what it shows.
        """
        settings = LabelStudioSettings(api_key="k", preset="custom", project_id=1)  # type: ignore[arg-type]

        assert preset_of(settings).needs == ()
        assert preset_of(settings).label_config is None

    def test_a_broken_one(self) -> None:
        """
        A configuration that cannot be read is the setting's fault.
        """
        settings = LabelStudioSettings(api_key="k", preset="custom", label_config="<View>")  # type: ignore[arg-type]

        with pytest.raises(ConfigError, match="label_config: is not XML"):
            preset_of(settings)
