from __future__ import annotations

import base64
import json
from collections.abc import Callable

import httpx
import pytest

from spanlabel.errors import ConfigError
from spanlabel.platforms.label_studio.auth import LegacyToken, PersonalToken, auth_of, expiry_s
from spanlabel.platforms.label_studio.failures import Unsure
from spanlabel.testing import FakeClock

URL = "http://label.example.com/path"


def _token(ends_s: float) -> str:
    def part(values: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256'})}.{part({'exp': ends_s, 'token_type': 'refresh'})}.signature"


class _Server:
    """Gives out access for five minutes, and accepts only what it gave out last."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.exchanges = 0
        self.accepted = ""
        self.exchange_answer: Callable[[], httpx.Response] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/path/api/token/refresh/":
            self.exchanges += 1
            if self.exchange_answer is not None:
                return self.exchange_answer()
            self.accepted = _token(self.clock.time() + 300) + str(self.exchanges)
            return httpx.Response(200, json={"access": self.accepted})
        is_known = request.headers["Authorization"] == f"Bearer {self.accepted}"
        return httpx.Response(200 if is_known else 401, json={})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(clock: FakeClock) -> _Server:
    return _Server(clock)


@pytest.fixture
def client(server: _Server, clock: FakeClock) -> httpx.Client:
    auth = PersonalToken(_token(clock.time() + 10**9), URL, clock=clock.time)
    return httpx.Client(auth=auth, transport=httpx.MockTransport(server))


class TestKinds:
    def test_told_apart(self) -> None:
        """
        A personal access token is known by its form; everything else is a legacy token.
        """
        assert isinstance(auth_of(_token(10**11), URL), PersonalToken)
        for token in ("0123456789abcdef", "a.b.c", "a.b", "..", "ä.ö.ü", _token(0).replace(".", "")):
            assert isinstance(auth_of(token, URL), LegacyToken)
            assert expiry_s(token) is None

    def test_legacy(self) -> None:
        """
        A legacy token is sent as it is.
        """
        request = next(LegacyToken("abc").auth_flow(httpx.Request("GET", URL)))

        assert request.headers["Authorization"] == "Token abc"

    def test_expired(self, clock: FakeClock) -> None:
        """
        A token that has expired is refused before anything is sent, with the day.
        """
        with pytest.raises(ConfigError, match="api_key: the personal access token expired on 2023-11-14"):
            PersonalToken(_token(1_700_000_000), URL, clock=clock.time)


class TestAccess:
    def test_is_kept(self, client: httpx.Client, server: _Server, clock: FakeClock) -> None:
        """
        Access is asked for once, and again shortly before it ends.
        """
        exchanges = []
        for seconds in (0, 260, 20):
            clock.advance(seconds)
            assert client.get(f"{URL}/api/x").status_code == 200
            exchanges.append(server.exchanges)

        assert exchanges == [1, 1, 2]

    def test_is_asked_for_again_when_the_server_forgot_it(self, client: httpx.Client, server: _Server) -> None:
        """
        Access that the server no longer accepts is exchanged once, and the request is sent once more.
        """
        client.get(f"{URL}/api/x")
        server.accepted = "something else"

        assert client.get(f"{URL}/api/x").status_code == 200
        assert server.exchanges == 2

    def test_asks_with_the_users_headers(self, clock: FakeClock) -> None:
        """
        What a gate in front of Label Studio wants is sent with the exchange too.
        """
        auth = PersonalToken(_token(clock.time() + 10**9), URL, {"X-Gate": "open"}, clock=clock.time)
        exchange = next(auth.auth_flow(httpx.Request("GET", URL)))

        assert exchange.url.path == "/path/api/token/refresh/"
        assert exchange.headers["X-Gate"] == "open"

    def test_only_once(self, client: httpx.Client, server: _Server) -> None:
        """
        If the server refuses fresh access too, its answer stands.
        """
        server.exchange_answer = lambda: httpx.Response(200, json={"access": _token(10**11)})

        assert client.get(f"{URL}/api/x").status_code == 401
        assert server.exchanges == 1

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (httpx.Response(401, json={"detail": "Token is invalid"}), ConfigError),
            (httpx.Response(503, text="<html>"), Unsure),
            (httpx.Response(200, text="<html>"), Unsure),
            (httpx.Response(200, json=["no"]), Unsure),
        ],
    )
    def test_refused(
        self, client: httpx.Client, server: _Server, answer: httpx.Response, error: type[Exception]
    ) -> None:
        """
        Where the exchange goes wrong, that is the error.
        """
        server.exchange_answer = lambda: answer

        with pytest.raises(error):
            client.get(f"{URL}/api/x")
