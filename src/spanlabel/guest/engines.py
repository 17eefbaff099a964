"""The engines of this process, one for each configuration: all seats with the same settings share one."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from spanlabel.errors import ConfigError

from .engine import Engine

if TYPE_CHECKING:
    from spanlabel.assembly import Limits
    from spanlabel.config.settings import Settings

_logger = logging.getLogger("spanlabel")


def engine_for(limits: Callable[[], Limits], given: dict[str, object], *, is_exporter: bool = False) -> Engine | None:
    """Take a seat at the engine of this process for these settings; never raises.

    Args:
        limits: Makes the seat's waits; those of the first seat count.
        given: Keyword arguments of the seat.
        is_exporter: The seat gets spans that a processor's seat may have had.

    Returns:
        None if spanlabel is switched off, or if a setting is wrong, which is said in one log line.
    """
    from spanlabel.config.switches import is_disabled

    if is_disabled() and given.get("disabled") is not False:
        return None
    try:
        from spanlabel.config.loading import load_for_application

        settings = load_for_application(**given).settings  # type: ignore[arg-type] # it checks the names and the types
        return None if settings.disabled else _engines.take_seat(settings, limits, is_exporter=is_exporter)
    except ConfigError as error:
        if str(error) not in _complaints:  # each seat of an application would say it again
            _complaints.add(str(error))
            _logger.error("spanlabel is off in this process: %s", error)  # noqa: TRY400 - a setting needs no traceback
    except Exception:
        _logger.exception("spanlabel is off in this process: it could not be set up")
    return None


class _Engines:
    """The engines by their settings."""

    def __init__(self) -> None:
        self._by_settings: dict[Settings, Engine] = {}
        self._lock = threading.Lock()

    def take_seat(self, settings: Settings, limits: Callable[[], Limits], *, is_exporter: bool) -> Engine:
        with self._lock:
            engine = self._by_settings.get(settings)
            if engine is None:
                engine = self._by_settings[settings] = Engine(settings, limits(), leave=self._leave)
            engine.seats += 1
            if is_exporter:
                engine.expect_exporter()
            return engine

    def _leave(self, engine: Engine) -> bool:
        """Give a seat up. True if it was the last one: then the engine is nobody's any more."""
        with self._lock:
            engine.seats -= 1
            if engine.seats > 0:
                return False
            if self._by_settings.get(engine.settings) is engine:
                del self._by_settings[engine.settings]
            return True

    def begin_anew(self) -> None:
        """In a forked child: the seats are taken there too, but the lock may be held by a thread that is gone."""
        self._lock = threading.Lock()
        for engine in self._by_settings.values():
            engine.begin_anew()


_complaints: set[str] = set()
_engines = _Engines()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_engines.begin_anew)
