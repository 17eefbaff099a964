from __future__ import annotations

from pathlib import Path

from spanlabel.cli._words import Words
from spanlabel.config.loading import load

CONFIG = """
destinations:
  - {platform: label-studio, url: "http://localhost:8080", api_key: kkkkkkkk, headers: {X-Gate: gategate}}
  - {platform: argilla, api_url: "http://localhost:6900", api_key: kkkkkkkk-longer, hf_token: abc}
"""


def test_no_secret_of_any_destination(home: Path) -> None:
    """
    A platform's words that repeat a key, a token or a header's value do not show it, one that begins like another
    included; what is as short as a word is left, because it would be found everywhere.
    """
    Path("spanlabel.yaml").write_text(CONFIG)
    words = Words(load().settings)

    said = words("401 for kkkkkkkk-longer, kkkkkkkk (X-Gate: gategate): the alphabet is abc\x00")

    assert said == "401 for ********, ******** (X-Gate: ********): the alphabet is abc\N{REPLACEMENT CHARACTER}"
