"""How the demo's application says which calls belong to one conversation.

The OpenAI instrumentation carries no id of a conversation. So the application puts it into OpenTelemetry's baggage,
and a span processor of its own writes it onto every span that starts meanwhile, as real applications do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import baggage, context
from opentelemetry.sdk.trace import Span, SpanProcessor

_KEY = "gen_ai.conversation.id"


@contextmanager
def in_conversation(conversation_id: str) -> Iterator[None]:
    """Mark the spans that start in this block as parts of one conversation."""
    token = context.attach(baggage.set_baggage(_KEY, conversation_id))
    try:
        yield
    finally:
        context.detach(token)


class ConversationIds(SpanProcessor):
    """Writes the conversation's id onto every span that starts in one."""

    def on_start(self, span: Span, parent_context: context.Context | None = None) -> None:
        """Write it, if there is one."""
        conversation_id = baggage.get_baggage(_KEY, parent_context)
        if isinstance(conversation_id, str):
            span.set_attribute(_KEY, conversation_id)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits here. Without a True, SDKs of 2025 flush none of the processors that come after this one."""
        return True
