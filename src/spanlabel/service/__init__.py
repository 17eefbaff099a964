"""`spanlabel serve`: beside an OpenTelemetry Collector, until somebody ends it.

One process: the event loop with the two servers, the journal's writer, one thread that reads (`reading`), and one for
each destination.
"""

from __future__ import annotations

from .serving import Service

__all__ = ["Service"]
