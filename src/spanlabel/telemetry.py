"""Our own counts, shown through the OpenTelemetry metrics API.

Each member of `spanlabel.metrics.Metric` is one observable instrument of the meter "spanlabel"; labels become
attributes. Nothing is computed until a metric reader asks, and without a configured `MeterProvider` none does.

An instrument can neither be made twice nor be taken back. So a provider gets ours once, and they show the sum
over all `Counts` under observation: one process may hold several pipelines.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from threading import Lock
from weakref import WeakKeyDictionary

from opentelemetry import metrics as otel
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from .metrics import Counts, Labels, Metric


def observe(counts: Counts, meter_provider: MeterProvider | None = None) -> Callable[[], None]:
    """Show *counts* until the returned function is called.

    What was counted stays in the sums afterwards, because a sum must not fall; gauges leave with their `Counts`.
    A forked child starts with nothing under observation.

    Args:
        counts: The numbers to show.
        meter_provider: Where to show them; None is the process's own one, also if it is configured only later.

    Returns:
        Ends the observation; calling it again does nothing.
    """
    with _state.lock:
        display = _state.process if meter_provider is None else _state.others.get(meter_provider)
        if display is None:
            display = _Display()
            display.register(otel.get_meter("spanlabel", version("spanlabel"), meter_provider))
            if meter_provider is None:
                _state.process = display
            else:
                _state.others[meter_provider] = display
    display.add(counts)
    return partial(display.remove, counts)


class _Display:
    """What one provider shows: the `Counts` under observation, and the sums that earlier ones left."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._lock = Lock()
        self._observed: list[Counts] = []
        self._left: Counter[tuple[Metric, Labels]] = Counter()

    def register(self, meter: otel.Meter) -> None:
        """Make the instruments. Called without the lock: a reader that holds its own may be asking for numbers."""
        for metric in Metric:
            what = metric.value
            make = meter.create_observable_gauge if what.is_gauge else meter.create_observable_counter
            make(what.name, callbacks=[partial(self._read, metric)], unit=what.unit, description=what.meaning)

    def add(self, counts: Counts) -> None:
        with self._lock:
            if counts not in self._observed:
                self._observed.append(counts)

    def remove(self, counts: Counts) -> None:
        with self._lock:
            if counts in self._observed:
                self._observed.remove(counts)
                self._left.update({key: n for key, n in counts.snapshot().items() if not key[0].value.is_gauge})

    def _read(self, metric: Metric, _options: CallbackOptions) -> Iterator[Observation]:
        with self._lock:
            numbers = self._left.copy()
            for counts in self._observed:
                numbers.update(counts.snapshot())
        for (found, labels), n in numbers.items():
            if found is metric:
                yield Observation(n, dict(labels))


class _State:
    """The displays of this process, by provider."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.process: _Display | None = None
        self.others: WeakKeyDictionary[MeterProvider, _Display] = WeakKeyDictionary()

    def forget(self) -> None:
        """In a forked child: the numbers are the parent's, and any lock may be held by a thread that is gone.

        The displays stay, since their instruments do.
        """
        self.lock = Lock()
        for display in (self.process, *self.others.values()):
            if display is not None:
                display.clear()


_state = _State()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_state.forget)
