from __future__ import annotations

import pytest

from spanlabel.config.loading import load
from spanlabel.config.switches import is_disabled, is_switched_on


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "t", "yes", "Y", "on"])
def test_yes(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """
    Every word that the settings take for yes switches on here too.
    """
    monkeypatch.setenv("SPANLABEL_AUTO_PROCESSOR", text)

    assert is_switched_on("SPANLABEL_AUTO_PROCESSOR")
    assert load().settings.auto_processor


@pytest.mark.parametrize("text", [None, "", "0", "false", "no", "off"])
def test_no(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """
    Unset, empty and every word for no leave the switch off, here and in the settings.
    """
    if text is not None:
        monkeypatch.setenv("SPANLABEL_AUTO_PROCESSOR", text)

    assert not is_switched_on("SPANLABEL_AUTO_PROCESSOR")
    assert not load().settings.auto_processor


@pytest.mark.parametrize("ours", [None, "1", "0"])
@pytest.mark.parametrize("theirs", [None, "true", "false", "1"])
def test_disabled_agrees_with_the_settings(
    monkeypatch: pytest.MonkeyPatch, ours: str | None, theirs: str | None
) -> None:
    """
    The quick look at the switches and the loaded settings never disagree.
    """
    if ours is not None:
        monkeypatch.setenv("SPANLABEL_DISABLED", ours)
    if theirs is not None:
        monkeypatch.setenv("OTEL_SDK_DISABLED", theirs)

    assert is_disabled() is load().settings.disabled
