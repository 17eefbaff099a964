"""Trubrics' ingestion API: one request, which says what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from spanlabel.errors import Rejected, TryLater

from .config import TrubricsSettings
from .failures import of_answer, of_connection

MAX_EVENTS = 100
"""Events of one request, as Trubrics documents it."""

CONNECT_S = 5.0
"""What a connection may take."""

PROBE_S = 15.0
"""What `probe` may take besides."""


class Api:
    """Sends events. One thread at a time uses it.

    Args:
        settings: Where to and as whom.
    """

    def __init__(self, settings: TrubricsSettings) -> None:
        own = {
            "x-api-key": settings.api_key.get_secret_value(),
            "content-type": "application/json",
            "connection": "close",  # a request on a connection that the server has just given up has an unknown fate
        }
        self._url = f"{settings.url}/publish_llm_events"
        self._http = httpx.Client(
            headers={name: value.get_secret_value() for name, value in settings.headers} | own,
            follow_redirects=False,  # a POST that is redirected becomes a GET
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def probe(self) -> None:
        """Ask whether events would be taken, with a request that holds none. Trubrics' SDK sends such ones, too.

        Raises:
            TryLater: They would not be taken now.
            ConfigError: Address or key are wrong.
        """
        try:
            self.publish((), timeout_s=PROBE_S)
        except Rejected:
            pass  # an empty list may be no valid one; then address and key are good all the same
        except TryLater as error:
            raise TryLater(str(error), retry_after_s=error.retry_after_s, nothing_written=True) from error

    def publish(self, events: Sequence[Mapping[str, Any]], *, timeout_s: float) -> None:
        """Send at most `MAX_EVENTS` events, in one request that is never repeated.

        Args:
            events: As `to_event` makes them.
            timeout_s: What the answer may take.

        Raises:
            TryLater: They were not taken, or (without `nothing_written`) nobody knows.
            Rejected: Trubrics refuses at least one of them and took none.
            ConfigError: Address or key are wrong, and it took none.
        """
        body = json.dumps(list(events), ensure_ascii=False, allow_nan=False).encode()
        try:
            answer = self._http.post(self._url, content=body, timeout=httpx.Timeout(timeout_s, connect=CONNECT_S))
        except httpx.HTTPError as error:
            raise of_connection(error) from error
        failure = of_answer(answer.status_code, answer.headers, answer.text)
        if failure is not None:
            raise failure
