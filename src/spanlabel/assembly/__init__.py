"""Spans and log records in, gathered traces out: a pure state machine, time is an argument."""

from .assembler import Assembler
from .gathered import Gathered, Left
from .limits import Limits

__all__ = ["Assembler", "Gathered", "Left", "Limits"]
