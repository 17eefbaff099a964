from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.config.loading import load
from spanlabel.errors import ConfigError

WriteYaml = Callable[[str], Path]

SECRET = "hunter2hunter2"


def test_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The platform gets the secret as it was given.
    """
    monkeypatch.setenv("ACME_API_KEY", SECRET)

    [destination] = load(platform="acme").settings.destinations

    assert destination.settings.model_dump()["api_key"].get_secret_value() == SECRET


@pytest.mark.parametrize("show", [repr, str, lambda loaded: loaded.settings.model_dump_json()])
def test_not_in_what_is_printed(monkeypatch: pytest.MonkeyPatch, show: Callable[[object], str]) -> None:
    """
    Whoever prints or logs the settings does not print the secret.
    """
    monkeypatch.setenv("ACME_API_KEY", SECRET)

    shown = show(load(platform="acme"))

    assert "acme" in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"destinations: [{{platform: acme, api_kye: {SECRET}}}]", id="mistyped name"),
        pytest.param(f"destinations: [{{platform: acme, api_key: [{SECRET}]}}]", id="wrong type"),
        pytest.param(f"destinations: [{{platform: acme, api_key: {{a: {SECRET}}}}}]", id="wrong nested type"),
        pytest.param(f"destinations: {{platform: acme, api_key: {SECRET}}}", id="list forgotten"),
        pytest.param(f"destinations: [[platform, acme, api_key, {SECRET}]]", id="mapping forgotten"),
        pytest.param(f"destinations: [{{name: acme, api_key: {SECRET}}}]", id="platform forgotten"),
        pytest.param(f"destinations: [{{platform: acme, name: [{SECRET}]}}]", id="in the wrong place"),
        pytest.param(f"idle_s: {{api_key: {SECRET}}}", id="under another setting"),
        pytest.param(f"api_key: {SECRET}", id="at the top"),
        pytest.param(f"api_key: !{SECRET}", id="begins with !"),
        pytest.param(f"api_key: !{SECRET}!x", id="reads as a tag of an unknown handle"),
        pytest.param(f"api_key: *{SECRET}", id="begins with *"),
        pytest.param(f"api_key: {SECRET}: x", id="holds a colon"),
        pytest.param(f"api_key: '{SECRET}", id="quote not closed"),
        pytest.param(f"api_key: {SECRET}\n{SECRET}", id="two lines"),
    ],
)
def test_not_in_a_message_about_the_file(write_yaml: WriteYaml, text: str) -> None:
    """
    However spanlabel.yaml is broken, its error repeats no secret, nor does the traceback under it.
    """
    write_yaml(text)

    with pytest.raises(ConfigError) as caught:
        load()

    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(vars(caught.value))


def test_not_in_a_platforms_careless_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A platform's own rule that repeats the secret in its complaint is not repeated by us.
    """
    monkeypatch.setenv("ACME_API_KEY", "q7z")

    with pytest.raises(ConfigError) as caught:
        load(platform="acme")

    assert str(caught.value) == "api_key (environment variable ACME_API_KEY): is not valid"
    assert "q7z" not in "".join(traceback.format_exception(caught.value))
