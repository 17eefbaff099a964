from pathlib import Path

import pytest

from spanlabel.config.loading import load
from spanlabel.service.token_names import unknown_names


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["bank", "shop-1"], []),
        (
            ["bnak", "shop-1", ""],
            [
                "route bank asks for token=bank, and no token has that name (names: bnak, shop-1)",
                "exclude asks for token=bank, and no token has that name (names: bnak, shop-1)",
            ],
        ),
        (
            [],
            [
                "route shop asks for token=shop-*, and no token has that name (names: none)",
                "route bank asks for token=bank, and no token has that name (names: none)",
                "exclude asks for token=bank, and no token has that name (names: none)",
            ],
        ),
    ],
)
def test_names_that_no_token_has(tmp_path: Path, names: list[str], said: list[str]) -> None:
    """
    A condition on a token's name that no token has is found, also among others; what only looks like one is not.
    """
    file = tmp_path / "spanlabel.yaml"
    file.write_text(
        "destinations: [{name: a, platform: local}, {name: rest, platform: local}]\n"
        "routes:\n"
        "  - {name: shop, when: [service=shop, 'error & token=shop-*'], to: a}\n"
        "  - {name: bank, when: [token=bank, attribute.token=other], to: a}\n"
        "exclude: [token = bank & error, service=token=x]\n"
    )
    assert list(unknown_names(load(config=file).settings, names)) == said
