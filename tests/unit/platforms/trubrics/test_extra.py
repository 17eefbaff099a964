from __future__ import annotations

import subprocess
import sys

import pytest

from spanlabel import registry
from spanlabel.errors import ConfigError


@pytest.mark.parametrize("part", ["writer", "check"])
def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """
    Where httpx is missing, it is said which extra brings it.
    """
    platform = registry.find_platform("trubrics")
    for module in ("api", "writer", "checks"):
        monkeypatch.delitem(sys.modules, f"spanlabel.platforms.trubrics.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "httpx", None)

    with pytest.raises(ConfigError) as caught:
        registry.resolve(getattr(platform, part), extra=platform.extra)

    assert str(caught.value) == 'httpx is not installed; install it with: pip install "spanlabel[trubrics]"'


def test_nothing_of_it_is_imported_before() -> None:
    """
    Settings and mapping are imported without the HTTP library.
    """
    code = (
        "import sys, spanlabel.platforms.trubrics.config, spanlabel.platforms.trubrics.mapping;"
        "print('httpx' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
