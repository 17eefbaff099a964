"""Traces → pairs. Pure: no clock, no file, no state between calls."""

from __future__ import annotations

from .reconstruct import Reading, reconstruct

__all__ = ["Reading", "reconstruct"]
