"""Write records as Trubrics' LLM events.

Trubrics has no key of its own, cannot be asked what it has, and changes nothing once it is there. So

- a record that an earlier write may have put there is UNKNOWN and is not sent again;
- after a send whose fate nobody knows, an empty request must pass before the next record is risked, and only one
  record is risked then: an outage costs the records of one request their certainty, not those of the whole queue.
"""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from pathlib import Path

from spanlabel.errors import ConfigError, Rejected, TryLater
from spanlabel.model import Record
from spanlabel.ports import Outcome

from .api import MAX_EVENTS, Api
from .config import TrubricsSettings
from .mapping import to_event

BATCH_SIZE = 20
"""Records of one request, as in Trubrics' SDK: so many are in doubt when an answer is lost."""

LEAST_S = 1.0
"""With less time for the answer, as at the end of a flush, nothing is sent: it would be in doubt for nothing."""


def make_writer(settings: TrubricsSettings, home: Path) -> TrubricsWriter:
    """Make Trubrics' writer; nothing is connected yet.

    Args:
        settings: The platform's settings.
        home: spanlabel's home folder; not used.
    """
    del home
    return TrubricsWriter(settings)


class TrubricsWriter:
    """A `RecordWriter` into a Trubrics project.

    Args:
        settings: Where to write.
    """

    def __init__(self, settings: TrubricsSettings) -> None:
        self._settings = settings
        self._api: Api | None = None
        self._is_in_doubt = False

    @property
    def batch_size(self) -> int:
        """How many records delivery hands over at once."""
        return 1 if self._is_in_doubt else BATCH_SIZE

    def open(self) -> None:
        """Connect, and try address and key with an empty request."""
        self.close()
        api = Api(self._settings)
        try:
            api.probe()
        except BaseException:
            api.close()
            raise
        self._api = api

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        """Send those of *batch* that were never sent."""
        api = self._api
        if api is None:
            raise TryLater("the writer is not open", nothing_written=True)
        deadline_s = time.monotonic() + timeout_s
        new = [record for record in batch if record.id not in maybe_there]
        if new and self._is_in_doubt:
            api.probe()
        for start in range(0, len(new), MAX_EVENTS):
            try:
                self._send(api, new[start : start + MAX_EVENTS], deadline_s - time.monotonic())
            except (TryLater, Rejected, ConfigError) as error:
                error.nothing_written = error.nothing_written and start == 0
                raise
        return [Outcome.UNKNOWN if record.id in maybe_there else Outcome.DELIVERED for record in batch]

    def close(self) -> None:
        """Let go of the connection."""
        api, self._api = self._api, None
        if api is not None:
            api.close()

    def _send(self, api: Api, records: Sequence[Record], timeout_s: float) -> None:
        if timeout_s < LEAST_S:
            raise TryLater("there is too little time left to wait for an answer", nothing_written=True)
        events = [to_event(record, default_user_id=self._settings.default_user_id) for record in records]
        try:
            api.publish(events, timeout_s=timeout_s)
        except TryLater as error:
            if not error.nothing_written:
                self._is_in_doubt = True
            raise
        self._is_in_doubt = False
