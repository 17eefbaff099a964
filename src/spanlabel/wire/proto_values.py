"""Attributes and other values out of OTLP protobuf."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from spanlabel.model import Value

from .otlp_json import MAX_DEPTH
from .proto_classes import classes, parsed

_MAX_KEYS: Final = 10_000
_MAX_KEY_BYTES: Final = 100
_MAX_COPIED_BYTES: Final = 32 * 1024 * 1024
_AT_ONCE: Final = 1000


class _Keys(dict[bytes, str]):
    """Keys that came before: they are few, and each is held once, whatever number of spans has it."""

    def __missing__(self, raw: bytes) -> str:
        key = raw.decode(errors="replace")
        if len(raw) <= _MAX_KEY_BYTES:
            if len(self) >= _MAX_KEYS:
                self.clear()
            self[raw] = key
        return key


_keys: Final = _Keys()


def at_hand(messages: Any) -> Any:
    """Repeated messages as a list, or themselves if they are very many.

    Protobuf's containers have no iterator of their own: to walk through one ends with an IndexError, which takes longer
    than a copy, and makes the messages anew each time. But each copy takes some 700 bytes while it is held.
    """
    return messages if len(messages) > _AT_ONCE else messages[:]


def each(messages: Any) -> Iterable[Any]:
    """Repeated messages, or what `at_hand` made of them, one by one: never many of them are held at a time."""
    if type(messages) is list:
        return messages
    return _by_pieces(messages) if len(messages) > _AT_ONCE else messages[:]


def _by_pieces(messages: Any) -> Iterator[Any]:
    for at in range(0, len(messages), _AT_ONCE):
        yield from messages[at : at + _AT_ONCE]


def read_keys(pairs: Sequence[Any]) -> list[str]:
    """The keys of KeyValue messages, in their order."""
    return [_keys[pair.key] for pair in each(pairs)]


def read_attributes(pairs: Sequence[Any], keys: Sequence[str] | None = None) -> dict[str, Value]:
    """Read KeyValue messages.

    Args:
        pairs: The messages.
        keys: Their keys, if they were read before.

    Returns:
        Values by key. Where a key comes twice, the last one counts; what has no key is left out.
    """
    return _mapping(pairs, keys, MAX_DEPTH)


def read_value(value: Any) -> Value:
    """Read an AnyValue; None if it is empty or of an unknown type."""
    return _value(value, MAX_DEPTH)


def _mapping(pairs: Sequence[Any], keys: Sequence[str] | None, depth: int) -> dict[str, Value]:
    if keys is None:
        pairs = at_hand(pairs)
        keys = read_keys(pairs)
    made: dict[str, Value] = {}
    for key, pair in zip(keys, each(pairs), strict=True):
        value = pair.value
        text = value.string_value
        # Nearly all values are texts and numbers, so these do not pay for a call.
        if text:
            made[key] = text.decode(errors="replace")
        else:
            made[key] = value.int_value or value.double_value or _value(value, depth)
    made.pop("", None)
    return made


def _value(value: Any, depth: int) -> Value:
    """An AnyValue; None too if it is a list or a mapping nested deeper than *depth*, or one that cannot be decoded.

    Each level is held while those in it are read, so one that is both deep and large is None, too.
    """
    name = value.WhichOneof("value")
    if name is None:
        return None
    raw: Any = getattr(value, name)
    if name == "string_value":
        text: str = raw.decode(errors="replace")
        return text
    if name in _SCALARS:
        scalar: Value = raw
        return scalar
    if depth <= 0 or name not in _NESTED or len(raw) * (MAX_DEPTH - depth) > _MAX_COPIED_BYTES:
        return None
    try:
        if name == "array_value":
            return tuple([_value(element, depth - 1) for element in each(parsed(classes().array, raw).values)])
        pairs = parsed(classes().mapping, raw).values
    except ValueError:
        return None
    return _mapping(pairs, None, depth - 1)


_SCALARS: Final = frozenset({"bool_value", "int_value", "double_value", "bytes_value"})
_NESTED: Final = frozenset({"array_value", "kvlist_value"})
