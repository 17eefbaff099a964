from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanlabel.config.loading import Loaded, load
from spanlabel.config.settings import Settings
from spanlabel.errors import ConfigError

NAMES = [*Settings.model_fields, "name", "platform", "path", "api_key", "batch", "local", "acme"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.dates()
    | st.sampled_from(NAMES)
    | st.binary(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | scalars, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(st.sampled_from(list(Settings.model_fields)), values, max_size=4) | values

anything = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _load(path: Path) -> Loaded | None:
    try:
        return load(config=path)
    except ConfigError:
        return None


class TestAnyFile:
    """Whatever stands in spanlabel.yaml either loads or is a ConfigError."""

    @anything
    @given(document=documents)
    def test_any_document(self, tmp_path: Path, document: object) -> None:
        """
        Any YAML document, also one with our names at the wrong places.
        """
        path = tmp_path / "any.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")

        loaded = _load(path)

        assert loaded is None or loaded.settings.destinations

    @anything
    @given(text=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
    def test_any_bytes(self, tmp_path: Path, text: bytes) -> None:
        """
        Any bytes.
        """
        path = tmp_path / "any.yaml"
        path.write_bytes(text)

        loaded = _load(path)

        assert loaded is None or loaded.settings.platform == "local"


@anything
@given(
    name=st.sampled_from([name for name in Settings.model_fields if name != "destinations"]),
    value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
)
def test_any_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """
    Any text in any of our variables either loads or is a ConfigError.
    """
    monkeypatch.setenv(f"SPANLABEL_{name.upper()}", value)
    try:
        loaded = load()
    except ConfigError as error:
        assert f"SPANLABEL_{name.upper()}" in str(error)  # noqa: PT017  either outcome is right
    else:
        wanted = f"environment variable SPANLABEL_{name.upper()}" if value else "default"
        assert loaded.sources[name] == wanted
    finally:
        monkeypatch.delenv(f"SPANLABEL_{name.upper()}")
