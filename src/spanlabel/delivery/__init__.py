"""The outbox, and the workers that empty it."""

from .outbox import Leased, Outbox
from .rows import DeadLetter, Put
from .tally import Tally
from .worker import State, Worker

__all__ = ["DeadLetter", "Leased", "Outbox", "Put", "State", "Tally", "Worker"]
