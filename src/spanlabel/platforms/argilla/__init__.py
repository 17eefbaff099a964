"""Argilla 2: a server with datasets that people annotate in the browser."""

from .config import ArgillaSettings
from .writer import ArgillaWriter, make_writer

__all__ = ["ArgillaSettings", "ArgillaWriter", "make_writer"]
