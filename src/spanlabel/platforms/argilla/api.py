"""Argilla's HTTP API: one request, and what its failure means.

The connection is the SDK's own client with its key and headers. Of the SDK only that is used, for measured reasons
(argilla 2.8.0):

- its constructor makes itself the application's default client and, through `logging.log`, gives the root logger a
  handler; a guest must do neither, so a subclass keeps both to itself;
- `Dataset.records.log` prints a progress bar for each call, deletes the metadata of a record that is written without,
  and can only upsert, so that nobody learns whether a person has worked on what it overwrites;
- its errors drop `Retry-After` and the place of the culprit.

What a failure means::

    not connected, DNS, time-out, broken off, 429, 502, 503, 504      TryLater
    certificate refused, TLS where there is none, 401, 403, redirect  ConfigError
    HTML instead of JSON     ConfigError; TryLater once Argilla has answered at this address
    500                      DeliveryError, which the worker tries again and at last takes for a record's fault
    400, 404, 409, 413, 422  Answer, for the caller to decide
"""

from __future__ import annotations

import json
import socket
import ssl
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from spanlabel.errors import ConfigError, DeliveryError, TryLater

from .config import ArgillaSettings

if TYPE_CHECKING:
    import httpx

Cause = TypeVar("Cause", bound=OSError)

CONNECT_S = 5.0
"""Seconds to get a connection."""

MAX_WORDS = 2_000
"""Characters of the platform's words in an error."""

_LATER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, 504}


class Answer(Exception):
    """The server refused a request, with words.

    Attributes:
        status: 400, 404, 409, 413, 422 or another of their kind.
        detail: What the JSON body holds under "detail"; None if there is none.
    """

    def __init__(self, status: int, detail: Any, words: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(words)


class Api:
    """Requests to one server. Not thread-safe.

    Args:
        settings: Where and who.

    Raises:
        ConfigError: The SDK is not installed, or the certificates cannot be read.
    """

    def __init__(self, settings: ArgillaSettings) -> None:
        self._settings = settings
        self._client = _connect(settings)
        self._has_answered = False

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def get(self, path: str, *, timeout_s: float | None = None, **params: object) -> Any:
        """GET; the answer's JSON."""
        return self.request("GET", path, params=params, timeout_s=timeout_s)

    def post(self, path: str, body: object = None, *, timeout_s: float | None = None) -> Any:
        """POST; the answer's JSON."""
        return self.request("POST", path, content=as_json(body), timeout_s=timeout_s)

    def put(self, path: str, body: object = None, *, timeout_s: float | None = None) -> Any:
        """PUT; the answer's JSON."""
        return self.request("PUT", path, content=as_json(body), timeout_s=timeout_s)

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, object] | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Send one request; nothing is repeated.

        Args:
            method: HTTP's.
            path: Below /api/v1, with its slash.
            content: JSON.
            params: The query.
            timeout_s: Seconds it may take; the settings' bound holds as well.

        Returns:
            What the JSON of the answer holds; None if it has no body.

        Raises:
            TryLater, ConfigError, DeliveryError, Answer: As the module says.
        """
        import httpx

        seconds = min(self._settings.timeout_s, timeout_s or self._settings.timeout_s)
        timeout = httpx.Timeout(seconds, connect=min(CONNECT_S, seconds))
        headers = {"Content-Type": "application/json"} if content is not None else None
        query = None if params is None else {name: str(value) for name, value in params.items()}
        try:
            response = self._client.request(
                method, f"/api/v1{path}", content=content, params=query, timeout=timeout, headers=headers
            )
        except httpx.TransportError as error:
            raise self._unsent(error) from error
        return self._read(response)

    def _read(self, response: httpx.Response) -> Any:
        status = response.status_code
        try:
            body = response.json() if response.content else None
        except ValueError:
            body = None
        is_json = body is not None or not response.content
        if status in _LATER:
            words = f"the server answers {status} {_words(response, body)}"
            raise TryLater(words, retry_after_s=_retry_after_s(response.headers.get("retry-after")))
        if response.has_redirect_location:
            raise self._wrong_address(f"it redirects to {response.headers['location']!r}; use that address")
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DeliveryError(f"the server failed: 500 {_words(response, body)}")
        if not is_json:
            raise self._no_json(response)
        self._has_answered = True
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return body
        if status == HTTPStatus.UNAUTHORIZED:
            raise ConfigError(
                f"{self._settings.api_url} does not know this key: it is mistyped, was replaced, or belongs to another "
                "server; Argilla shows it under My settings",
                setting="api_key",
            )
        if status == HTTPStatus.FORBIDDEN:
            raise ConfigError(
                f"its user may not do this ({_words(response, body)}); take the key of an owner, or of an admin of "
                f"workspace {self._settings.workspace!r}",
                setting="api_key",
            )
        raise Answer(status, body.get("detail") if isinstance(body, dict) else body, _words(response, body))

    def _no_json(self, response: httpx.Response) -> Exception:
        status = response.status_code
        kind = response.headers.get("content-type", "something without a type").partition(";")[0]
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:  # a proxy's own words
            return Answer(status, None, f"413, too large, says what stands before Argilla ({kind})")
        if self._has_answered or status > HTTPStatus.INTERNAL_SERVER_ERROR:
            return TryLater(f"the answer {status} is {kind} instead of JSON; something else than Argilla answers now")
        hint = "is it the address of Argilla's web page, and the right port?"
        if self._settings.is_hf_space and self._settings.hf_token is None:
            hint = "a private Space needs the setting hf_token (HF_TOKEN)"
        elif self._settings.is_hf_space:
            hint = "does the Space run, and may the token of the setting hf_token see it?"
        return self._wrong_address(f"it answers {status} with {kind} instead of Argilla's JSON; {hint}")

    def _unsent(self, error: httpx.TransportError) -> Exception:
        import httpx

        url = self._settings.api_url
        if isinstance(error, httpx.UnsupportedProtocol):
            return self._wrong_address(str(error))
        if (problem := _cause(error, ssl.SSLError)) is not None:
            return self._tls(problem)
        if isinstance(error, httpx.RemoteProtocolError) and "illegal status line" in str(error):
            return self._wrong_address("what listens there does not speak HTTP; is it the right port?")
        if _cause(error, socket.gaierror) is not None:
            return TryLater(f"cannot connect to {url}: no such host is known; is it mistyped, or the network down?")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return TryLater(f"cannot connect to {url}: {str(error) or 'it took too long'}")
        if isinstance(error, httpx.TimeoutException):
            return TryLater(f"{url} did not answer in time")
        return TryLater(f"the connection to {url} broke off: {type(error).__name__}: {error}")

    def _tls(self, problem: ssl.SSLError) -> Exception:
        reason = (problem.reason or "").upper()
        if isinstance(problem, ssl.SSLCertVerificationError):
            return ConfigError(
                f"{self._settings.api_url} shows a certificate that is not trusted: {problem.verify_message}; give its "
                "authority's certificate by this setting (PEM)",
                setting="ca_file",
                value=None if self._settings.ca_file is None else str(self._settings.ca_file),
            )
        if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}:
            return self._wrong_address("what listens there does not speak TLS; is it http://, or another port?")
        return TryLater(f"no TLS connection to {self._settings.api_url}: {problem}")

    def _wrong_address(self, words: str) -> ConfigError:
        return ConfigError(words, setting="api_url", value=self._settings.api_url)


def as_json(body: object) -> bytes:
    """JSON in UTF-8.

    Raises:
        ValueError: It holds a lone surrogate, or a number that JSON has no word for.
    """
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _connect(settings: ArgillaSettings) -> httpx.Client:
    # Where warnings are errors, as in many test suites, its import would fail: it uses what pydantic deprecates.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"argilla\.")
    try:
        argilla = import_module("argilla")  # it gives no types
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'{error.name} is not installed; install it with: pip install "spanlabel[argilla]"'
        ) from error

    class Client(argilla.Argilla):  # type: ignore[name-defined,misc]  # the SDK gives no types
        """The SDK's client, without what it does to the whole process; and it asks nothing before we do."""

        def log(self, message: str, level: int = 0) -> None:
            """Say nothing: the original gives the root logger a handler."""

        def _validate_connection(self) -> None:
            pass

    # The SDK sets the default client on the class that is made: here on the subclass, which nobody asks.
    client = Client(
        api_url=settings.api_url,
        api_key=settings.api_key.get_secret_value(),
        timeout=settings.timeout_s,
        retries=0,
        headers=settings.sent_headers(),
        verify=_trust(settings),
    )
    made: httpx.Client = client.http_client
    return made


def _trust(settings: ArgillaSettings) -> bool | ssl.SSLContext:
    if settings.ca_file is None or not settings.verify_tls:
        return settings.verify_tls
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"cannot be read: {error}", setting="ca_file", value=str(settings.ca_file)) from error
    return context


def _cause(error: BaseException | None, kind: type[Cause]) -> Cause | None:
    """The error of this kind that the HTTP library has wrapped."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _words(response: httpx.Response, body: Any) -> str:
    """What the server says, as a person reads it."""
    detail = body.get("detail", body) if isinstance(body, dict) else body
    if isinstance(detail, dict):
        params = detail.get("params")
        detail = params.get("detail") or params.get("errors") or params if isinstance(params, dict) else detail
    if isinstance(detail, list):
        detail = "; ".join(_one(problem) for problem in detail)
    elif detail is None:
        detail = response.reason_phrase
    text = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"


def _one(problem: Any) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    place = ".".join(str(part) for part in problem.get("loc", ()))
    return f"{place}: {problem.get('msg', '')}"


def _retry_after_s(text: str | None) -> float | None:
    """Seconds; the header holds them or a date."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
