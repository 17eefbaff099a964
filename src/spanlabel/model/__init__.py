"""The nouns of the journey (Span, Step, Trace, Pair, Record): frozen, slotted, no behaviour."""

from .message import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult
from .pair import Pair
from .record import MetadataValue, Record
from .span import Attributes, Log, Scope, Span, SpanEvent, SpanKind, SpanLink, Status, Value
from .step import ContentState, Document, Evaluation, Kind, Step, Usage
from .trace import Ready, Trace
from .tree import Tree

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
    "Tree",
    "Usage",
    "Value",
]
