import logging
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel import registry
from spanlabel.assembly import Limits
from spanlabel.guest import Engine, engine_for


def _engine(**settings: object) -> Engine:
    engine = engine_for(Limits.for_processor, settings)
    assert engine is not None
    return engine


def test_equal_settings_share_an_engine_and_others_do_not(home: Path) -> None:
    """All seats of one process with the same settings work together; it makes no difference how they were set."""
    first = _engine()
    assert _engine() is _engine(home=home) is first
    assert _engine(min_confidence=0.9) is not first


def test_the_last_seat_closes_the_engine(home: Path) -> None:
    """An engine lives as long as one of its seats; who comes later gets a new one."""
    first = _engine()
    _engine()
    first.detach()
    assert _engine() is first
    first.detach()
    first.detach()
    assert _engine() is not first


def test_two_keys_for_one_platform_are_two_engines(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that differ only in a secret, which never shows, are told apart: no record goes to the wrong account."""

    class KeySettings(BaseSettings):
        model_config = SettingsConfigDict(frozen=True, extra="forbid")
        hosted_key: SecretStr

    module = ModuleType("hosted_platform")
    module.Settings = KeySettings  # type: ignore[attr-defined] # that is how a module is made
    monkeypatch.setitem(sys.modules, "hosted_platform", module)
    platform = registry.Platform("hosted_platform:Settings", "hosted_platform:make_writer")
    monkeypatch.setitem(registry.PLATFORMS, "hosted", platform)  # type: ignore[arg-type] # it is a dictionary
    monkeypatch.setenv("HOSTED_KEY", "one")
    one = _engine(platform="hosted")
    monkeypatch.setenv("HOSTED_KEY", "two")
    two = _engine(platform="hosted")
    assert repr(one.settings) == repr(two.settings)
    assert one is not two


def test_an_accident_while_setting_up_is_off(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Even a bug of ours in reading settings raises nothing into the app."""
    from spanlabel.config import loading

    def fail(**_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(loading, "load_for_application", fail)
    with caplog.at_level(logging.ERROR, "spanlabel"):
        assert engine_for(Limits.for_processor, {}) is None
    assert "spanlabel is off" in caplog.text
