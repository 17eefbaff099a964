"""The embedded store: an SQLite file, needs no server."""

from .config import LocalSettings
from .reader import LocalStore
from .writer import LocalWriter, make_writer

__all__ = ["LocalSettings", "LocalStore", "LocalWriter", "make_writer"]
