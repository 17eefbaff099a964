"""Which spans a service reads whole."""

from __future__ import annotations

from spanlabel.compose import all_readers
from spanlabel.dialects import STRUCTURE_KEYS
from spanlabel.wire.otlp_proto import Gate


def gate_of() -> Gate:
    """Those that any dialect knows, a stranger's too.

    Raises:
        ConfigError: A stranger's dialect does not load.
    """
    readers = all_readers()
    return Gate(lambda span: readers.mask(span) != 0, frozenset(STRUCTURE_KEYS))
