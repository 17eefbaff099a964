"""The three places where a log record's event name is found."""

from __future__ import annotations

from spanlabel.model import Attributes


def event_name_of(field: object, attributes: Attributes) -> str:
    """The record's own EventName *field*, else attribute `event.name`, else `event_name`; "" if none is text.

    The field is younger than the convention: JavaScript's OpenAI instrumentation and older SDKs know only the
    attribute.
    """
    for name in (field, attributes.get("event.name"), attributes.get("event_name")):
        if isinstance(name, str) and name:
            return name
    return ""
