"""The outbox, and the workers that empty it."""

from .courier import Courier
from .looking import Entry
from .outbox import Leased, Outbox
from .rows import DeadLetter, Put
from .tally import Tally
from .worker import State, Worker

__all__ = ["Courier", "DeadLetter", "Entry", "Leased", "Outbox", "Put", "State", "Tally", "Worker"]
