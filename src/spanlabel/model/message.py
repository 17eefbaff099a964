"""Chat messages in the parts that OpenTelemetry's GenAI message schema names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .span import Value


@dataclass(frozen=True, slots=True)
class Text:
    """Text that a person or the model wrote."""

    content: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The model's thoughts; never part of an answer."""

    content: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool.

    Attributes:
        name: The tool's name; "" if not captured.
        arguments: As sent, JSON decoded when it was JSON text; None if not captured.
        id: Ties the call to its result; None if the provider gives none.
    """

    name: str
    arguments: Value = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back.

    Attributes:
        response: As sent, JSON decoded when it was JSON text; None if not captured.
        id: The id of the call it answers; None if not given.
    """

    response: Value = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """Place of an image, a sound or a file. Only a reference is kept, never the bytes.

    Attributes:
        modality: "image", "audio", "video", "document" or "file".
        mime_type: None if not given.
        uri: Where it lies; None for content that was sent inline.
    """

    modality: str
    mime_type: str | None = None
    uri: str | None = None


Part: TypeAlias = Text | Reasoning | ToolCall | ToolResult | Media


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: "system", "user", "assistant", "tool", or what the instrumentation wrote.
        parts: In the order sent.
        name: Name of the speaker; None if not given.
        finish_reason: Why the model stopped, on output messages; None if not given.
    """

    role: str
    parts: tuple[Part, ...]
    name: str | None = None
    finish_reason: str | None = None

    @property
    def text(self) -> str:
        """The text parts, joined; "" if there are none. Thoughts and tool traffic are not text."""
        if len(self.parts) == 1:  # nine of ten messages; what is asked for most is not to cost a join
            part = self.parts[0]
            return part.content if isinstance(part, Text) else ""
        return "".join([p.content for p in self.parts if isinstance(p, Text)])

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls among the parts."""
        return tuple([p for p in self.parts if isinstance(p, ToolCall)])

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """The tool results among the parts."""
        return tuple([p for p in self.parts if isinstance(p, ToolResult)])
