"""What stands behind the servers: a request is looked at, written down, and answered."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from spanlabel.errors import SpanlabelError, TryLater
from spanlabel.metrics import Counts, Metric
from spanlabel.sources.request import Encoding, Request, Signal, Taken
from spanlabel.wire.decoded import Checked
from spanlabel.wire.json_body import check_json
from spanlabel.wire.proto_check import check_logs, check_traces

from .kinds import packed

if TYPE_CHECKING:
    from spanlabel.journal import Journal

LARGE_BYTES: Final = 1 << 20
"""A larger body is looked at beside the event loop, so that others are answered meanwhile."""


NEXT_S: Final = 0.003
"""So soon after an answer the next request comes from who has one; else the reading thread would rush into the gap."""

CLOSED_S: Final = 1.0
"""So long after the journal has refused a request no other is let in."""


class Taking:
    """Takes requests in on the event loop.

    Args:
        journal: Where they go; open.
        counts: Where everything is counted.
        max_in_flight_bytes: Bytes of requests that have come in and are not answered.
        refusal: Says why nothing can be taken now; "" if it can.

    Attributes:
        in_flight_bytes: Bytes of requests that are not answered.
        spans: Spans that were taken, for whoever watches.
    """

    def __init__(
        self, journal: Journal, counts: Counts, *, max_in_flight_bytes: int, refusal: Callable[[], str]
    ) -> None:
        self._journal = journal
        self._counts = counts
        self._max_bytes = max_in_flight_bytes
        self._refusal = refusal
        self._large = asyncio.Lock()  # one after the other: each may take some hundred MB while it is parsed
        self.in_flight_bytes = 0
        self.spans = 0
        self._left_s = 0.0
        self._closed_until_s = 0.0
        self._closed_why = ""

    def admit(self, size_bytes: int) -> None:
        """Make room for a request, as `spanlabel.sources.request.Intake` has it."""
        why = self.hindrance
        # One request is always let in: it is below max_body_bytes, and nobody else's memory is in use.
        if not why and self.in_flight_bytes and self.in_flight_bytes + size_bytes > self._max_bytes:
            why = f"{self.in_flight_bytes:,} bytes of requests are being read (max_in_flight_bytes)"
        if why:
            raise TryLater(why, retry_after_s=random.uniform(1, 2))  # noqa: S311 - so that not all come again at once
        self.in_flight_bytes += size_bytes

    @property
    def hindrance(self) -> str:
        """Why nothing can be taken now; "" if it can."""
        if time.monotonic() < self._closed_until_s:
            return self._closed_why
        return self._refusal()

    def leave(self, size_bytes: int) -> None:
        """A request is answered."""
        self.in_flight_bytes -= size_bytes
        self._left_s = time.monotonic()

    @property
    def is_busy(self) -> bool:
        """Whether requests wait for their answers, or somebody has just got one and may send the next."""
        return self.in_flight_bytes > 0 or time.monotonic() - self._left_s < NEXT_S

    async def take(self, request: Request) -> Taken:
        """Take a request; when it returns, a crash loses nothing of it.

        Raises:
            TryLater: There is no room now, or the disk does not take it; nothing was taken.
            ValueError: The body is no such message.
        """
        if len(request.body) > LARGE_BYTES:
            async with self._large:
                checked = await asyncio.to_thread(check, request)
        else:
            checked = check(request)
        if checked.count > checked.refused:
            await self._store(request)
            self.spans += checked.count - checked.refused if request.signal is Signal.TRACES else 0
        if checked.refused:
            self._counts.add(Metric.SPANS_REFUSED, checked.refused, signal=request.signal.value)
        return Taken(checked.refused, checked.message)

    async def _store(self, request: Request) -> None:
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()

        def done(error: Exception | None) -> None:
            loop.call_soon_threadsafe(_settle, stored, error)

        kind, body = packed(request)
        self._journal.append(kind, body, done)
        try:
            await stored
        except SpanlabelError as error:
            # For others it is the same: they are told before they have sent everything.
            self._closed_until_s, self._closed_why = time.monotonic() + CLOSED_S, str(error)
            raise TryLater(str(error), retry_after_s=random.uniform(1, 2)) from error  # noqa: S311


def check(request: Request) -> Checked:
    """Look at a request as far as its sender must be told.

    Raises:
        ValueError: The body is no such message.
    """
    if request.encoding is Encoding.JSON:
        return check_json(request.body)
    return (check_logs if request.signal is Signal.LOGS else check_traces)(request.body)


def _settle(stored: asyncio.Future[None], error: Exception | None) -> None:
    if stored.done():  # its sender has gone
        return
    if error is None:
        stored.set_result(None)
    else:
        stored.set_exception(error)
