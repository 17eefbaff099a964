"""The six nouns: Span, Step, Trace, Pair, Record (and Annotation, when feedback comes), frozen and slotted."""

from .message import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult
from .pair import Pair
from .record import MetadataValue, Record
from .span import Attributes, Log, Scope, Span, SpanEvent, SpanKind, SpanLink, Status, Value
from .step import ContentState, Document, Evaluation, Kind, Step, Usage
from .trace import Ready, Trace

__all__ = [
    "Attributes",
    "ContentState",
    "Document",
    "Evaluation",
    "Kind",
    "Log",
    "Media",
    "Message",
    "MetadataValue",
    "Pair",
    "Part",
    "Ready",
    "Reasoning",
    "Record",
    "Scope",
    "Span",
    "SpanEvent",
    "SpanKind",
    "SpanLink",
    "Status",
    "Step",
    "Text",
    "ToolCall",
    "ToolResult",
    "Trace",
    "Usage",
    "Value",
]
