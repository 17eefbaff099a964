"""What a writer itself knows of records whose delivery is not finished. Pure."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 10_000


class Fates:
    """Remembers, from one `write` to the next, what became of the records of writes that failed.

    So that a culprit can be searched for, or an outage waited for, without asking the server again what its own
    answers have said. It forgets what was delivered, and the oldest where there is too much.
    """

    def __init__(self) -> None:
        self._is_there: dict[str, bool] = {}

    def there(self, ids: Iterable[str]) -> None:
        """They were written."""
        self._note(ids, is_there=True)

    def absent(self, ids: Iterable[str]) -> None:
        """They are surely not there."""
        self._note(ids, is_there=False)

    def assume_absent(self, ids: Iterable[str]) -> None:
        """The caller says that they were never written; what is known better stays."""
        self.absent(self.unknown(ids))

    def forget(self, ids: Iterable[str]) -> None:
        """Nothing is known of them: they may be there or not, or it matters no more."""
        for record_id in ids:
            self._is_there.pop(record_id, None)

    def written(self, ids: Iterable[str]) -> set[str]:
        """Those of *ids* that were written by a write that failed later on."""
        return {record_id for record_id in ids if self._is_there.get(record_id)}

    def unknown(self, ids: Iterable[str]) -> list[str]:
        """Those of *ids* of which nothing is known, in order."""
        return [record_id for record_id in ids if record_id not in self._is_there]

    def _note(self, ids: Iterable[str], *, is_there: bool) -> None:
        for record_id in ids:
            self._is_there.pop(record_id, None)
            self._is_there[record_id] = is_there
        while len(self._is_there) > _MOST:
            del self._is_there[next(iter(self._is_there))]
