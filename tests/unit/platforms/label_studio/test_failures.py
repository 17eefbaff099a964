from __future__ import annotations

import httpx
import pytest

from spanlabel.errors import ConfigError, DeliveryError, Rejected, TryLater
from spanlabel.platforms.label_studio.failures import NotThere, TooLarge, Unsure, of_answer, of_connection

REFUSED = {
    "detail": "Validation error",
    "validation_errors": {
        "non_field_errors": [
            {},
            "Error at item 1: \"response\" key is expected in task data [assume: item[\"data\"]] :: {'secret': 'text'}",
            {},
            "Error at item 3: something :: {'secret': 'text'}",
        ]
    },
}


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (200, Unsure),
            (301, ConfigError),
            (400, Rejected),
            (401, ConfigError),
            (403, ConfigError),
            (404, NotThere),
            (408, Unsure),
            (413, TooLarge),
            (429, TryLater),
            (500, DeliveryError),
            (502, Unsure),
            (503, Unsure),
            (504, Unsure),
        ],
    )
    def test_what_it_means(self, status: int, kind: type[Exception]) -> None:
        """
        Each answer says whether to wait, to give up a record, to ask what is there, or to stop.
        """
        assert type(of_answer(status, {}, {"detail": "why"})) is kind

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "7"}, 7.0),
            ({"retry-after": " 7 "}, 7.0),
            ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
            ({"Retry-After": "soon"}, None),
            ({}, None),
        ],
    )
    def test_how_long_to_wait(self, headers: dict[str, str], seconds: float | None) -> None:
        """
        A wait that the server asks for is kept, in either form that HTTP knows.
        """
        error = of_answer(429, headers, "")

        assert isinstance(error, TryLater)
        assert error.retry_after_s == seconds

    def test_named_culprits(self) -> None:
        """
        The tasks that Label Studio names are known by their places, in its words and without the task itself.
        """
        error = of_answer(400, {}, REFUSED)

        assert isinstance(error, Rejected)
        assert error.culprits == (1, 3)
        assert str(error) == 'refused: "response" key is expected in task data'

    @pytest.mark.parametrize(
        "body",
        [
            {"detail": "Validation error", "validation_errors": {"title": ["too long"]}},
            {"validation_errors": {"non_field_errors": [{}, {}]}},
            {"validation_errors": "no"},
            ["list"],
            "text",
            None,
        ],
    )
    def test_nobody_is_named(self, body: object) -> None:
        """
        A refusal of another form names nobody, and is none the worse for it.
        """
        error = of_answer(400, {}, body)

        assert isinstance(error, Rejected)
        assert error.culprits == ()

    def test_a_web_page(self) -> None:
        """
        Of a web page only its title is told.
        """
        page = "\n<!doctype html><html><head><title>Sign in</title></head><body>very long</body></html>"

        assert str(of_answer(502, {}, page)) == "no usable answer (502): a web page (Sign in)"

    def test_redirect(self) -> None:
        """
        An address that redirects is not followed, and the one to set is told.
        """
        error = of_answer(301, {"location": "https://label.example.com/"}, "")

        assert "redirects to https://label.example.com/; set the address that answers itself" in str(error)

    def test_legacy_token(self) -> None:
        """
        A legacy token on a server that refuses them has its own words.
        """
        body = {"detail": "Authentication token no longer valid: legacy token authentication has been disabled"}

        assert "make a personal access token under Account & Settings" in str(of_answer(401, {}, body))


class TestConnections:
    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            (httpx.ConnectError("[Errno 111] Connection refused"), TryLater),
            (httpx.ConnectTimeout(""), TryLater),
            (httpx.ReadTimeout("timed out"), Unsure),
            (httpx.WriteTimeout("timed out"), Unsure),
            (httpx.ReadError("reset"), Unsure),
            (httpx.RemoteProtocolError("hung up"), Unsure),
            (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"), ConfigError),
            (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired"), TryLater),
        ],
    )
    def test_what_it_means(self, error: Exception, kind: type[Exception]) -> None:
        """
        What was never sent may be sent again; what may have been done is asked for first.
        """
        assert type(of_connection(error)) is kind
