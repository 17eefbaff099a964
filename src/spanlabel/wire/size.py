"""Estimates of the memory that a span or a log record holds, for the buffers' bounds.

Measured against `tracemalloc`: 0.99 of what is held over all recorded traces (0.94 to 1.5 for a single file),
1.03 for spans of 10 KB, 1.01 when each of their words ends with an emoji.
"""

from __future__ import annotations

from sys import getsizeof

from spanlabel.model import Attributes, SpanEvent, SpanLink, Value

# A Span or Log itself, its ids, name, times and the dictionary of its attributes.
SPAN_BYTES = 900
# Of a span of which only the structure is kept: ids, name, times and the object (measured).
SKELETON_BYTES = 400
_EVENT_BYTES = 400
_LINK_BYTES = 450
# The key's text and the dictionary's entry; a value that is no text is counted with it.
_ATTRIBUTE_BYTES = 130
_ELEMENT_BYTES = 60
_NUMBERS = frozenset({int, float, bool, type(None)})


def size_of_text(text: str) -> int:
    """Bytes held by *text*."""
    # A single emoji makes every character of a text take four bytes.
    return len(text) if text.isascii() else getsizeof(text)


def size_of_attributes(attributes: Attributes) -> int:
    """Bytes held by *attributes*, nested values included."""
    size = _ATTRIBUTE_BYTES * len(attributes)
    for value in attributes.values():
        if type(value) is str:
            size += len(value) if value.isascii() else getsizeof(value)  # `size_of_text` without the call
        elif type(value) not in _NUMBERS:
            size += size_of_value(value)
    return size


def size_of_value(value: Value) -> int:
    """Bytes held by *value*, which is of tuples and dictionaries and bounded in depth, as our decoders make it."""
    if isinstance(value, str):
        return size_of_text(value)
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return size_of_attributes(value)
    if isinstance(value, tuple):
        return _ELEMENT_BYTES * len(value) + sum(map(size_of_value, value))
    return 0


def size_of_events(events: tuple[SpanEvent, ...], links: tuple[SpanLink, ...]) -> int:
    """Bytes held by a span's *events* and *links*."""
    size = _EVENT_BYTES * len(events) + _LINK_BYTES * len(links)
    for event in events:
        size += size_of_attributes(event.attributes)
    for link in links:
        size += size_of_attributes(link.attributes)
    return size
