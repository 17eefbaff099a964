"""Log lines that do not repeat themselves."""

from __future__ import annotations

INTERVAL_S = 60.0


class OncePerMinute:
    """Tells whether a kind of thing may be logged again."""

    def __init__(self) -> None:
        self._last_s: dict[str, float] = {}

    def permits(self, kind: str, now_s: float) -> bool:
        """True at most once a minute for each kind; a clock that was set back does not silence it."""
        last_s = self._last_s.get(kind)
        if last_s is not None and 0 <= now_s - last_s < INTERVAL_S:
            return False
        self._last_s[kind] = now_s
        return True
