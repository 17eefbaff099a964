"""What the scripted provider says to whom: lines of a play, found by what the user said last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks the application to make.

    Attributes:
        name: Name of the tool.
        arguments: By parameter name; anything that JSON can say.
    """

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says when it is its turn.

    Attributes:
        texts: One for each choice that the caller may ask for (`n`); the first is the usual one. "" where it
            only calls tools.
        calls: Tools to be called, at the same time; empty for a final answer.
    """

    texts: tuple[str, ...]
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """The model's part after one text of the user.

    Attributes:
        asked: The user's text, exactly.
        replies: The first is said at once, each further one after the results of the tools that the one before
            asked for.
    """

    asked: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """One message as the script sees it, whatever API it came through.

    Attributes:
        role: "system", "user", "assistant" or "tool".
        text: Its text; "" if it has none.
    """

    role: str
    text: str


UNPREPARED = Reply(("I am only a stand-in with a few prepared answers. `spanlabel demo --live` asks a real model.",))
"""The answer to everything that is not in the script."""


def answered(asked: str, *texts: str) -> Line:
    """A line with one reply; several *texts* are the choices of it."""
    return Line(asked, (Reply(texts),))


class Script:
    """All lines of the play.

    Raises:
        ValueError: Two lines answer the same text.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines: dict[str, Line] = {}
        for line in lines:
            if line.asked in self._lines:
                raise ValueError(f"two lines for {line.asked!r}")
            self._lines[line.asked] = line

    def reply(self, said: Iterable[Said]) -> Reply:
        """Find what the model says next.

        Args:
            said: The conversation so far, oldest first.

        Returns:
            The reply to the user's last text, as many replies further on as the model has spoken since; the last
            one when there are no more, and `UNPREPARED` if the script does not know the text.
        """
        asked, spoken = "", 0
        for message in said:
            if message.role == "user":
                asked, spoken = message.text, 0
            elif message.role == "assistant":
                spoken += 1
        line = self._lines.get(asked.strip())
        if line is None:
            return UNPREPARED
        return line.replies[min(spoken, len(line.replies) - 1)]
