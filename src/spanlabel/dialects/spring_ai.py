"""Spring AI: structure and conversation; its content goes to the application's log since 1.0."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, kind_by

SPRING_AI = Dialect(
    name="spring_ai",
    source="Spring AI 1.x, read",
    prefixes=("spring.ai.",),
    kind=kind_by(
        "spring.ai.kind",
        {
            "chat_client": Kind.AGENT,
            "advisor": Kind.CHAIN,
            "tool_call": Kind.TOOL,
            "vector_store": Kind.RETRIEVER,
        },
    ),
    facts={
        "tool_name": ("spring.ai.tool.definition.name",),
        "tool_call_id": ("spring.ai.tool.call.id",),
        "conversation_id": ("spring.ai.chat.client.conversation.id",),
    },
)
