"""How a request says whose it is. Label Studio has two kinds of token.

A legacy token is sent as it is. A personal access token (a JWT that lives long) is exchanged for one that lives five
minutes. The SDK can exchange it too, but warns the application of its own outdated calls while it does, and forgets
the path of an address that has one.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime

import httpx

from spanlabel.errors import ConfigError

from .failures import Unsure, of_answer

_EARLY_S = 30.0


def auth_of(token: str, url: str, headers: Mapping[str, str] | None = None) -> httpx.Auth:
    """The way of the token's kind.

    Args:
        token: Of either kind.
        url: Label Studio's address.
        headers: Further ones for the requests that it makes by itself, which do not get the client's.

    Raises:
        ConfigError: It is a personal access token that has expired.
    """
    return PersonalToken(token, url, headers) if expiry_s(token) is not None else LegacyToken(token)


def expiry_s(token: str) -> float | None:
    """When a personal access token expires, in Unix time; None if it is a legacy token."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None


class LegacyToken(httpx.Auth):
    """Sends the token as it is."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request."""
        request.headers["Authorization"] = f"Token {self._token}"
        yield request


class PersonalToken(httpx.Auth):
    """Exchanges the token for access, again before that ends, and once more if the server no longer accepts it.

    Args:
        token: The personal access token.
        url: Label Studio's address.
        headers: Further ones for the exchange, which does not get the client's.
        clock: Gives Unix time in seconds.

    Raises:
        ConfigError: The token has expired; also from a request, if the server refuses it.
    """

    requires_response_body = True

    def __init__(
        self,
        token: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        ends_s = expiry_s(token)
        if ends_s is not None and ends_s < clock():
            day = datetime.fromtimestamp(ends_s, UTC).date().isoformat()
            raise ConfigError(f"the personal access token expired on {day}; make a new one", setting="api_key")
        self._token = token
        self._exchange = f"{url}/api/token/refresh/"
        self._headers = dict(headers or {})
        self._clock = clock
        self._access = ""
        self._ends_s = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request, after an exchange where it is needed."""
        is_new = self._clock() > self._ends_s - _EARLY_S
        if is_new:
            self._take((yield self._asking()))
        request.headers["Authorization"] = f"Bearer {self._access}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED and not is_new:  # it was not done, so it may be repeated
            self._take((yield self._asking()))
            request.headers["Authorization"] = f"Bearer {self._access}"
            yield request

    def _asking(self) -> httpx.Request:
        return httpx.Request("POST", self._exchange, json={"refresh": self._token}, headers=self._headers)

    def _take(self, answer: httpx.Response) -> None:
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
        if answer.status_code != httpx.codes.OK:
            raise of_answer(answer.status_code, answer.headers, body)
        if not isinstance(body, dict) or not isinstance(body.get("access"), str):
            raise Unsure("what answered is not Label Studio: it gave no access for the token")
        self._access = body["access"]
        self._ends_s = expiry_s(self._access) or 0.0
