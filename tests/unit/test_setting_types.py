"""What the platforms' settings have in common is checked once, in words for the user."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from spanlabel.setting_types import ExistingFile, Headers, address, key, without_header

URL: TypeAdapter[str] = TypeAdapter(Annotated[str, address("https://platform.example")])
KEY: TypeAdapter[SecretStr] = TypeAdapter(Annotated[SecretStr, key("a key as the page shows it")])
HEADERS: TypeAdapter[Any] = TypeAdapter(Annotated[Headers, without_header("Authorization", "api_key makes it")])
FILE: TypeAdapter[Path] = TypeAdapter(ExistingFile)


class TestGood:
    def test_address(self) -> None:
        """
        A slash at the end makes no other address.
        """
        assert URL.validate_python("https://platform.example/base/") == "https://platform.example/base"

    def test_key(self) -> None:
        """
        A key that was copied with a line feed is the key.
        """
        assert KEY.validate_python(" abc\n").get_secret_value() == "abc"

    def test_headers(self) -> None:
        """
        Headers are given as a mapping, and their values are secrets.
        """
        assert HEADERS.validate_python({"X-Gate": "open"}) == (("X-Gate", SecretStr("open")),)

    def test_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A path is one from here on, wherever the process goes later.
        """
        (tmp_path / "ca.pem").touch()
        monkeypatch.chdir(tmp_path)

        assert FILE.validate_python("ca.pem") == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        pytest.param(URL, "platform.example", "must be an address such as https://platform.example", id="no scheme"),
        pytest.param(URL, "https://me:secret@platform.example", "without a user", id="a user"),
        pytest.param(URL, "https://platform.example?x=1", "without a user, a query", id="a query"),
        pytest.param(KEY, " \n", "must be a key as the page shows it", id="no key"),
        pytest.param(KEY, "kéy", "must be a key as the page shows it", id="no ASCII"),
        pytest.param(HEADERS, {"a b": "x"}, "names of headers", id="no name of a header"),
        pytest.param(HEADERS, {"a": "x\ny"}, "texts of one line", id="two lines"),
        pytest.param(HEADERS, {"authorization": "x"}, "must not hold Authorization: api_key makes it", id="ours"),
        pytest.param(FILE, "/nowhere/ca.pem", "there is no such file", id="no file"),
    ],
)
def test_mistakes(kind: TypeAdapter[Any], given: object, said: str) -> None:
    """
    Each mistake is said in words.
    """
    with pytest.raises(ValidationError, match=said):
        kind.validate_python(given)
