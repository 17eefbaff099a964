"""What runs inside somebody's application: one queue, one pipeline and one outbox for all seats.

The guest's rules (design, 4.8) are held here. A seat's call only appends to a bounded queue; everything else happens on
threads of our own, which are started with the first span, belong to one process, carry OpenTelemetry's suppression
key and end with `shutdown`. After a fork the child begins anew: nothing of the parent's is carried over.

Importing this loads nothing heavy, because the hook of `opentelemetry-instrument` imports it in programs that never
asked for spanlabel.
"""

from .engine import EXPORTED, LOG, Engine
from .engines import engine_for
from .seat import Seat

__all__ = ["EXPORTED", "LOG", "Engine", "Seat", "engine_for"]
