"""Keep our own calls out of the traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value


@contextmanager
def untraced() -> Iterator[None]:
    """Ask every OpenTelemetry instrumentation to make no span of what this thread does within.

    A thread of our own does not inherit the wish of the thread that started it, so each says it itself.
    """
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        detach(token)
