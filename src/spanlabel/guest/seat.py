"""What the four seats have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .engine import Engine
from .engines import engine_for

if TYPE_CHECKING:
    from spanlabel.assembly import Limits


class Seat:
    """A seat in somebody's provider; with a wrong setting it is off and has said so in one log line.

    Args:
        limits: How long traces are waited for.
        settings: Any setting of `spanlabel.yaml` by name.
        is_exporter: It gets spans that a processor's seat may have had.
    """

    def __init__(
        self, limits: Callable[[], Limits], settings: Mapping[str, object], *, is_exporter: bool = False
    ) -> None:
        self._engine: Engine | None = engine_for(limits, dict(settings), is_exporter=is_exporter)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Bring every run that is complete into the outbox and to its destinations.

        Returns:
            Whether it was done within *timeout_millis*.
        """
        return True if self._engine is None else self._engine.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Store all that is held, complete or not, and stop. Calling it again does nothing."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.detach()
