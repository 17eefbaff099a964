from pathlib import Path

import pytest

from spanlabel.config.loading import load
from spanlabel.errors import ConfigError

_DESTINATIONS = """
destinations:
  - {name: ours, platform: local}
  - {name: theirs, platform: local, path: theirs.db}
routes:
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "spanlabel.yaml"


def test_routes_of_the_file(written: Path) -> None:
    """A route has a name, conditions of which one must hold, and destinations."""
    written.write_text(
        _DESTINATIONS + "  - {name: a, when: [service=shop-*, token=a], to: [ours, theirs]}\n  - {name: b, to: theirs}"
    )
    loaded = load()
    first, second = loaded.settings.routes
    assert (first.name, first.when, first.to) == ("a", ("service=shop-*", "token=a"), ("ours", "theirs"))
    assert (second.when, second.to) == ((), ("theirs",))
    assert loaded.sources["routes"] == f"{written}: routes"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  - {name: a, to: their}", "to = 'their' ({file}: routes[0].to): there is no such destination; did you mean"),
        ("  - {name: a, to: []}", "to ({file}: routes[0].to): "),
        ("  - {name: a}", "to ({file}: routes[0].to): Field required"),
        ("  - {name: a, wen: x, to: ours}", "wen ({file}: routes[0]): not a setting; did you mean when?"),
        ("  - {name: a, when: servise=x, to: ours}", "when ({file}: routes[0].when): servise is no name; did you mean"),
        ("  - {name: '', to: ours}", "name ({file}: routes[0].name): must be 1 to 64 letters"),
        ("  - {name: a, to: ours}\n  - {name: b, to: ours}", "({file}: routes[0]): without when it takes every pair"),
        (
            "  - {name: a, when: error, to: ours}\n  - {name: a, to: ours}",
            "name = 'a' ({file}: routes[1]): two routes have this name",
        ),
        ("  - a", "route ({file}: routes[0]): must be a mapping with name, when and to"),
        ("  a: b", "routes ({file}: routes): must be a list of at least one route"),
    ],
)
def test_mistakes(written: Path, text: str, message: str) -> None:
    """Each names the place in the file."""
    written.write_text(_DESTINATIONS + text)
    with pytest.raises(ConfigError) as caught:
        load()
    assert message.format(file=written) in str(caught.value)


def test_no_variable_holds_routes(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As destinations, they are lists of mappings: only the file can hold them."""
    monkeypatch.setenv("SPANLABEL_ROUTES", "[]")
    with pytest.raises(ConfigError, match=r"routes \(environment variable SPANLABEL_ROUTES\): can only be set in span"):
        load()
