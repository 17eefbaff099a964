from __future__ import annotations

import httpx
import pytest

from spanlabel.errors import ConfigError, Rejected, TryLater
from spanlabel.platforms.trubrics.failures import of_answer, of_connection

WAIT = {"Retry-After": "7"}


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "headers", "kind", "nothing_written"),
        [
            (301, {}, ConfigError, True),
            (400, {}, Rejected, True),
            (401, {}, ConfigError, True),
            (402, {}, TryLater, True),
            (403, {}, ConfigError, True),
            (404, {}, ConfigError, True),
            (405, {}, ConfigError, True),
            (408, {}, TryLater, False),
            (413, {}, Rejected, True),
            (422, {}, Rejected, True),
            (429, {}, TryLater, True),
            (500, {}, TryLater, False),
            (500, WAIT, TryLater, False),
            (502, WAIT, TryLater, False),
            (503, {}, TryLater, False),
            (503, WAIT, TryLater, True),
            (504, {}, TryLater, False),
        ],
    )
    def test_what_it_means(
        self, status: int, headers: dict[str, str], kind: type[Exception], nothing_written: bool
    ) -> None:
        """
        Each answer says whether to wait, to give up a record or to stop, and whether anything can have been written.
        """
        error = of_answer(status, headers, '{"detail": "why"}')

        assert type(error) is kind
        assert error.nothing_written is nothing_written

    @pytest.mark.parametrize("text", ['{"status": "success"}', "", "{}", "ok"])
    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_taken(self, status: int, text: str) -> None:
        """
        Any success counts, as for Trubrics' own SDK.
        """
        assert of_answer(status, {}, text) is None

    def test_a_web_page(self) -> None:
        """
        A page that somebody on the way shows instead is no success, and nobody knows what it means.
        """
        error = of_answer(200, {}, " <!doctype html><title>Sign in </title>")

        assert isinstance(error, TryLater)
        assert not error.nothing_written
        assert str(error) == "what answered is not Trubrics, but a web page (Sign in)"

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
        A wait that is asked for is kept, in either form that HTTP knows.
        """
        error = of_answer(429, headers, "")

        assert isinstance(error, TryLater)
        assert error.retry_after_s == seconds


class TestWords:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('{"detail": "no such project"}', "no such project"),
            ('{"detail": [{"loc": ["body", 3, "user_id"], "msg": "Field required", "input": {"prompt": "secret"}}]}',
             "Field required at ['body', 3, 'user_id']"),
            ('{"message": "no"}', "{'message': 'no'}"),
            ("two\nlines", "two lines"),
            ("", "no text"),
            ("[1]", "[1]"),
            ("<html>", "a web page"),
            ('{"detail": "' + "x" * 1_000 + '"}', "x" * 300),
        ],
    )  # fmt: skip
    def test_what_it_said(self, text: str, said: str) -> None:
        """
        The error repeats Trubrics' words in one line, and nothing of the record.
        """
        assert str(of_answer(422, {}, text)) == f"Trubrics refuses it (422): {said}"

    def test_where_it_moved(self) -> None:
        """
        A redirection is a wrong address, and the right one is told.
        """
        error = of_answer(308, {"location": "https://new.example.com"}, "")

        assert isinstance(error, ConfigError)
        assert error.setting == "url"
        assert "redirects to https://new.example.com" in str(error)


class TestConnections:
    @pytest.mark.parametrize(
        ("error", "nothing_written", "words"),
        [
            (httpx.ConnectError("refused"), True, "cannot be reached: refused"),
            (httpx.ConnectTimeout(""), True, "cannot be reached: ConnectTimeout"),
            (httpx.PoolTimeout("busy"), True, "cannot be reached: busy"),
            (httpx.ProxyError("403"), True, "cannot be reached: 403"),
            (httpx.ReadTimeout("late"), False, "did not answer in time: late"),
            (httpx.WriteTimeout("late"), False, "did not answer in time: late"),
            (httpx.ReadError("reset"), False, "broke: reset"),
            (httpx.WriteError("reset"), False, "broke: reset"),
            (httpx.RemoteProtocolError("cut"), False, "broke: cut"),
            (httpx.DecodingError("not gzip"), False, "broke: not gzip"),
        ],
    )
    def test_what_it_means(self, error: Exception, nothing_written: bool, words: str) -> None:
        """
        Only what breaks before the request is sent is sure to have written nothing.
        """
        found = of_connection(error)

        assert found.nothing_written is nothing_written
        assert words in str(found)
