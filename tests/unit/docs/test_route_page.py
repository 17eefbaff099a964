"""docs/how-to/route.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from spanlabel.config.loading import load
from spanlabel.config.routes import Route

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "route.md").read_text(encoding="utf-8")


def test_its_file(home: Path, tmp_path: Path) -> None:
    """The page's spanlabel.yaml is read as it stands, and sets what the page says."""
    file = tmp_path / "spanlabel.yaml"
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file.write_text(text)

    shop, bank = load(config=file).settings.routes
    assert (shop.when, shop.to) == (("service=shop-*", "attribute.team=shop"), ("shop",))
    assert (bank.when, bank.to) == (("token=bank",), ("bank", "all-else"))


def test_its_keys() -> None:
    """Each key of a route is explained."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(Route.model_fields)
