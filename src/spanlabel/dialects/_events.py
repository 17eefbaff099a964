"""Content that lies in span events or in log records instead of attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spanlabel.model import Message, Value

from ._codec import decoded
from ._dialect import Found, Reader, Source, io_of, settled
from ._messages import event_message, messages_in


def happened(source: Source, *names: str) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """Events of these names with their fields: span events, or the log records if there are none.

    A log record's fields are its attributes and, over them, its body.
    """
    wanted = frozenset(names)
    found = False
    for event in source.span.events:
        if event.name in wanted:
            found = True
            yield event.name, event.attributes
    if found:
        return
    for log in source.logs:
        if log.event_name in wanted:
            body = decoded(log.body)[0]
            if isinstance(body, dict):
                yield log.event_name, {**log.attributes, **body}
            elif body is not None:
                yield log.event_name, {**log.attributes, "content": body}
            else:
                yield log.event_name, log.attributes


def each(*names: str) -> Reader:
    """One message per event."""

    def read(source: Source) -> Found | None:
        if not source.span.events and not source.logs:
            return None
        out: list[Message] = []
        for name, fields in happened(source, *names):
            message = event_message(name, fields)
            if message is not None:
                out.append(message)
        return settled(out)

    return read


def inside(name: str, key: str, role: str, *, last: bool = False) -> Reader:
    """Messages in one field of an event; of several events the first, or the last, that has them."""

    def read(source: Source) -> Found | None:
        if not source.span.events and not source.logs:
            return None
        found: Found | None = None
        for _, fields in happened(source, name):
            value = fields.get(key)
            if value is None:
                continue
            opened, cut = decoded(value)
            messages = messages_in(opened, role)
            here = None if messages is None else settled(messages, is_cut=cut)
            if here is not None:
                found = here
                if not last:
                    return found
        return found

    return read


def in_body(side: str, role: str) -> Reader:
    """Messages in a log body of the shape `{"input": {"messages": [...]}, "output": {"messages": [...]}}`.

    Where the only message is the JSON text of a chain's or a model's whole input or output, that is looked into.
    """

    def read(source: Source) -> Found | None:
        for log in source.logs:
            body = decoded(log.body)[0]
            if isinstance(body, dict) and isinstance(body.get(side), dict):
                messages = messages_in(body[side], role)
                if messages is None:
                    continue
                if len(messages) == 1 and messages[0].text[:2] == '{"':
                    inner = io_of(messages[0].text, is_input=side == "input")
                    if inner is not None and (inner.messages or inner.text):
                        return inner
                return settled(messages)
        return None

    return read


def field_of(name: str, key: str) -> Reader:
    """System instructions and the like: one field of an event as messages of role system."""
    return inside(name, key, "system")
