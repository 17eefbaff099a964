"""`spanlabel check` and a real Label Studio: each trouble has its own words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.label_studio import LabelStudioServer, Stage, expired_token

from spanlabel.platforms.label_studio.checks import check
from spanlabel.ports import Finding
from spanlabel.testing import FAULTS, FaultProxy

pytestmark = pytest.mark.integration


def _check(stage: Stage, *, write: bool = False, **given: Any) -> list[Finding]:
    return list(check(stage.settings(**given), home=Path("/nowhere"), write=write))


def _trouble(findings: list[Finding]) -> Finding:
    """The last finding, and the only one that is not good."""
    assert [finding.is_good for finding in findings] == [True] * (len(findings) - 1) + [False]
    return findings[-1]


@pytest.fixture
def no_legacy_tokens(label_studio: LabelStudioServer) -> Iterator[None]:
    """The organisation refuses legacy tokens for a while."""
    allowed = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True}
    label_studio.call("POST", "/api/jwt/settings", allowed | {"legacy_api_tokens_enabled": False})
    yield
    label_studio.call("POST", "/api/jwt/settings", allowed, token=label_studio.access())


class TestAllIsWell:
    def test_a_test_record(self, stage: Stage) -> None:
        """
        Each step is told, and the test record does not stay.
        """
        stage.open()

        findings = _check(stage, write=True)

        assert [(one.what, one.is_good) for one in findings] == [
            (what, True) for what in ("address", "TLS", "token", "rights", "project", "shape", "test record")
        ]
        assert stage.tasks() == []

    def test_before_the_first_record(self, stage: Stage) -> None:
        """
        A project that is not there yet is no trouble, and is not made by looking.
        """
        findings = _check(stage, write=True)

        assert [one.words for one in findings[-2:]] == [
            f"{stage.title!r} is not there; it is made when the first record is sent",
            "none was written, because the project is not there",
        ]
        assert stage.project_ids() == []

    def test_kind_of_token(self, stage: Stage) -> None:
        """
        It says which kind of token it is, and whose.
        """
        kinds = [_check(stage, api_key=key)[2].words for key in (stage.server.token, stage.server.personal_token)]

        assert kinds == ["a legacy token of reviewer@example.com", "a personal access token of reviewer@example.com"]


class TestTroubles:
    def test_nothing_listens(self, stage: Stage) -> None:
        """
        A port where nothing listens.
        """
        trouble = _trouble(_check(stage, url="http://127.0.0.1:9"))

        assert (trouble.what, trouble.setting) == ("address", "url")
        assert trouble.words.endswith(
            "is it running, and at this port? In a container, localhost is the container itself"
        )

    def test_no_such_name(self, stage: Stage) -> None:
        """
        A name that nobody knows.
        """
        assert "is it spelled right" in _trouble(_check(stage, url="http://nowhere.invalid")).words

    @pytest.mark.parametrize("fault", ["HTML", "503"])
    def test_something_else_answers(self, stage: Stage, fault: str) -> None:
        """
        A web page, or a proxy that has lost the server.
        """
        with FaultProxy(stage.server.url, lambda *_: FAULTS[fault]) as proxy:
            trouble = _trouble(_check(stage, url=proxy.url))

        assert trouble.what == "address"
        assert ("is not Label Studio" in trouble.words) is (fault == "HTML")

    def test_wrong_path(self, stage: Stage) -> None:
        """
        A path that does not belong to the address.
        """
        trouble = _trouble(_check(stage, url=f"{stage.server.url}/user/login"))

        assert trouble.setting == "url"
        assert "is the path right?" in trouble.words

    def test_expired_token(self, stage: Stage) -> None:
        """
        A personal access token that has expired.
        """
        trouble = _trouble(_check(stage, api_key=expired_token(stage.server.personal_token)))

        assert trouble == Finding(
            "token", False, "api_key: the personal access token expired on 2023-11-14; make a new one", "api_key"
        )

    def test_unknown_token(self, stage: Stage) -> None:
        """
        A token that the server does not know.
        """
        trouble = _trouble(_check(stage, api_key="f" * 40))

        assert (trouble.what, trouble.setting) == ("token", "api_key")
        assert "f" * 40 not in trouble.words

    @pytest.mark.usefixtures("no_legacy_tokens")
    def test_legacy_token_where_they_are_off(self, stage: Stage) -> None:
        """
        A legacy token on a server that refuses them.
        """
        assert "this server refuses legacy tokens" in _trouble(_check(stage)).words

    def test_no_such_project(self, stage: Stage) -> None:
        """
        A number that no project has.
        """
        trouble = _trouble(_check(stage, project_id=999_999))

        assert (trouble.what, trouble.setting) == ("project", "project_id")

    def test_wrong_project(self, stage: Stage) -> None:
        """
        A project of another shape.
        """
        stage.make_project('<View><Text name="a" value="$a"/></View>')

        trouble = _trouble(_check(stage))

        assert trouble.what == "shape"
        assert "it has no <Rating> named 'rating'" in trouble.words
