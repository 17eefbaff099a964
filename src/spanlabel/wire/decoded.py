"""What came out of one export request, whatever its encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spanlabel.model import Log, Span


@dataclass(frozen=True, slots=True)
class Decoded:
    """The spans and log records of one request, and what could not be read of it.

    Attributes:
        spans: In the order sent.
        logs: Log records that belong to a span, in the order sent.
        problems: What was wrong, one sentence for each kind of fault, without any content of the spans;
            empty if nothing was.
        refused: How many spans and log records were left out because of `problems`.
        logs_without_span: How many log records were left out because they were emitted outside of any
            span; that is usual and no problem.
    """

    spans: tuple[Span, ...] = ()
    logs: tuple[Log, ...] = ()
    problems: tuple[str, ...] = ()
    refused: int = 0
    logs_without_span: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """What the sender of a request must be told, before its content is read.

    Attributes:
        count: Spans or log records in it, refused ones too.
        refused: How many of them nothing can be done with.
        message: Why, without any content; "" if none is refused.
    """

    count: int
    refused: int = 0
    message: str = ""


def sentences(problems: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence for each kind of fault, with the number of spans or log records that it cost."""
    return tuple([f"{n} left out: {what}" if n else what for what, n in problems.items()])
