"""`spanlabel check` and a fake Trubrics: each trouble has its own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.trubrics import API_KEY, FakeTrubrics

from spanlabel.platforms.trubrics import TrubricsSettings
from spanlabel.platforms.trubrics.checks import check
from spanlabel.ports import Finding
from spanlabel.testing import FAULTS, FaultProxy

pytestmark = pytest.mark.integration


@pytest.fixture
def proxy(fake: FakeTrubrics) -> Iterator[FaultProxy]:
    with FaultProxy(fake.url) as proxy:
        yield proxy


def _check(url: str, *, key: str = API_KEY, write: bool = False) -> list[Finding]:
    return list(check(TrubricsSettings(url=url, api_key=key), home=Path("/nowhere"), write=write))


def test_all_is_well(fake: FakeTrubrics) -> None:
    """
    Address, TLS and key are told, and no event is left behind: Trubrics could not remove it.
    """
    findings = _check(fake.url, write=True)

    assert [(one.what, one.is_good) for one in findings] == [
        (what, True) for what in ("address", "TLS", "key", "test record")
    ]
    assert findings[-1].words == "none was written: Trubrics has no way to remove it again"
    assert (fake.requests, fake.events) == ([0], [])


def test_a_wrong_key(fake: FakeTrubrics) -> None:
    """
    The address is good then, the key is to blame, and it is not repeated.
    """
    address, _, key = _check(fake.url, key="a-secret")

    assert address.is_good
    assert (key.what, key.is_good, key.setting) == ("key", False, "api_key")
    assert "does not accept the key (401): Missing or invalid x-api-key." in key.words
    assert "a-secret" not in key.words


def test_another_path(fake: FakeTrubrics) -> None:
    """
    Where there is a server without an ingestion API, the address is to blame.
    """
    [address] = _check(f"{fake.url}/api")

    assert (address.what, address.is_good, address.setting) == ("address", False, "url")
    assert "there is no ingestion API at this address (404)" in address.words


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("HTML", "what answered is not Trubrics, but a web page"),
        ("503", "did not take it (503)"),
        ("reset before", "the connection to Trubrics broke"),
    ],
)
def test_a_bad_day(proxy: FaultProxy, fault: str, words: str) -> None:
    """
    What does not answer as Trubrics does is told in its own words.
    """
    proxy.plan = lambda *_: FAULTS[fault]

    [address] = _check(proxy.url)

    assert not address.is_good
    assert words in address.words


def test_nobody_there(proxy: FaultProxy) -> None:
    """
    Nobody who answers is told as such.
    """
    with proxy.refuse():
        [address] = _check(proxy.url)

    assert not address.is_good
    assert "cannot be reached" in address.words
