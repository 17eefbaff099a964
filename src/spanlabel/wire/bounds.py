"""How much one request may hold, because two bytes on the wire can become hundreds in memory.

An empty span takes two bytes of protobuf and 177 bytes once it is parsed, `{"":0},` of JSON takes 240 (measured). So a
body is looked at before it is parsed, in two steps: a quick estimate that can only be too high, which is all that
nearly every request costs, and an exact count for those above it.
"""

from __future__ import annotations

from typing import Any, Final

MOST_MEMBERS: Final = 100_000
"""Spans, or log records, of a request."""

MOST_ELEMENTS: Final = 1_000_000
"""Attributes, events, links and values in lists of a request, in all."""

MOST_VALUES: Final = 2_000_000
"""Objects, lists and values of a request in JSON."""

_Kinds = dict[int, Any]
"""What is a message among the fields of a message, by number: its own fields, in the same way."""

_value: Final[_Kinds] = {}
_pair: Final[_Kinds] = {2: _value}
_value.update({5: {1: _value}, 6: {1: _pair}})
_scope: Final[_Kinds] = {3: _pair}
_span: Final[_Kinds] = {9: _pair, 11: {3: _pair}, 13: {4: _pair}}
_log: Final[_Kinds] = {5: _value, 6: _pair}
_traces: Final[_Kinds] = {1: {1: {1: _pair}, 2: {1: _scope, 2: _span}}}
_logs: Final[_Kinds] = {1: {1: {1: _pair}, 2: {1: _scope, 2: _log}}}

_SMALL_BYTES: Final = 2_000_000
_MOST_PARSED: Final = 2 * MOST_ELEMENTS
_MOST_FIELDS: Final = 4 * MOST_ELEMENTS
_DEEPEST: Final = 200
_SLICE_BYTES: Final = 1 << 20
_NOT_LOW: Final = bytes(range(32, 256))
_LONGEST_VARINT: Final = 10


def refuse_many_spans(message: bytes) -> bool:
    """Look at an ExportTraceServiceRequest before it is parsed.

    Returns:
        Whether it may hold more than `MOST_ELEMENTS`; it can be parsed all the same.

    Raises:
        ValueError: It holds too much.
    """
    return _refuse_many(message, _traces, _span, "spans")


def refuse_many_logs(message: bytes) -> bool:
    """Look at an ExportLogsServiceRequest before it is parsed, as `refuse_many_spans` does."""
    return _refuse_many(message, _logs, _log, "log records")


def refuse_members(count: int, what: str) -> None:
    """Refuse a request with this many spans or log records, which *what* names, if they are too many.

    Raises:
        ValueError: They are.
    """
    if count > MOST_MEMBERS:
        raise ValueError(f"holds more than {MOST_MEMBERS:,} {what}; send them in several requests")


def refuse_elements(count: int) -> None:
    """Refuse a request with this many attributes, events, links and values in lists, if they are too many.

    Raises:
        ValueError: They are.
    """
    if count > MOST_ELEMENTS:
        raise ValueError(
            f"holds more than {MOST_ELEMENTS:,} attributes, events, links and values; send it in several requests"
        )


def refuse_many_values(body: bytes) -> None:
    """Look at JSON before it is parsed.

    Raises:
        ValueError: It has too many objects, lists and values.
    """
    if len(body) > _SMALL_BYTES and _values(body) > MOST_VALUES and _values_beside_texts(body) > MOST_VALUES:
        raise ValueError(f"holds more than {MOST_VALUES:,} values; send them in several requests")


def _refuse_many(message: bytes, kinds: _Kinds, member: _Kinds, what: str) -> bool:
    if len(message) <= _SMALL_BYTES:
        return False
    estimate = _estimate(message)
    if estimate <= _MOST_PARSED:
        return estimate > MOST_ELEMENTS
    elements, members = _counted(message, kinds, member)
    refuse_members(members, what)
    refuse_elements(elements)
    return False


def _estimate(message: bytes) -> int:
    """A number that is not below that of the messages in a message; above a limit it is not counted further.

    The length of a short one is a byte below 32, and of long ones there cannot be many: of those of 34 to 64 bytes,
    where the estimate may be half of what there is, attributes, events and links are counted when they are parsed.
    """
    found = len(message) // 64
    for at in range(0, len(message), _SLICE_BYTES):
        found += len(message[at : at + _SLICE_BYTES].translate(None, _NOT_LOW))
        if found > _MOST_PARSED:
            break
    return found


def _counted(message: bytes, kinds: _Kinds, member: _Kinds) -> tuple[int, int]:
    """Elements and members of a message; above a limit they are not counted further.

    What is no protobuf ends the count: the parser will say so.

    Raises:
        ValueError: It has too many other fields to be counted in time.
    """
    elements = members = fields = at = 0
    end, above = len(message), list[tuple[int, _Kinds]]()
    while elements <= MOST_ELEMENTS and members <= MOST_MEMBERS:
        while at >= end:
            if not above:
                return elements, members
            end, kinds = above.pop()
        fields += 1
        if fields > _MOST_FIELDS:
            raise ValueError(f"holds more than {_MOST_FIELDS:,} fields; send it in several requests")
        tag, at = _varint(message, at)
        wire_type = tag & 7
        if wire_type == 2:
            size, at = _varint(message, at)
            kind = kinds.get(tag >> 3)
            if kind is None or size > end - at or len(above) == _DEEPEST:
                at += size
                continue
            if kind is member:
                members += 1
            elif kinds is not _pair and kinds is not _value:  # a value counts with its attribute or its place in a list
                elements += 1
            above.append((end, kinds))
            end, kinds = at + size, kind
        elif wire_type == 0:
            _, at = _varint(message, at)
        else:
            at += _FIXED.get(wire_type, 0)
    return elements, members


_FIXED: Final = {1: 8, 5: 4}


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number at *at*, and where it ends; the end of the message if there is none."""
    if at < len(message) and message[at] < 128:
        return message[at], at + 1
    made = 0
    for place, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        made |= (byte & 127) << 7 * place
        if byte < 128:
            return made, at + place + 1
    return 0, len(message)


def _values(body: bytes) -> int:
    return body.count(b",") + body.count(b"{") + body.count(b"[")


def _values_beside_texts(body: bytes) -> int:
    """Commas, objects and arrays of JSON, without what looks like them within texts."""
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    count = is_within = 0
    for at in range(0, len(plain), _SLICE_BYTES):
        pieces = plain[at : at + _SLICE_BYTES].split(b'"')
        count += _values(b"".join(pieces[is_within::2]))
        is_within = (is_within + len(pieces) - 1) % 2
    return count
