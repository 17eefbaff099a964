"""Trubrics: product analytics; each pair is one of its LLM events.

What is spoken is its documented HTTP contract, not its SDK: that one queues, retries blindly and drops on a thread of
its own, so that nobody can know what became of a record.
"""

from .config import TrubricsSettings

__all__ = ["TrubricsSettings"]
