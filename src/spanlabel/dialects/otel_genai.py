"""The OpenTelemetry GenAI conventions, attributes of every generation, and everybody who converges on them."""

from __future__ import annotations

from spanlabel.model import Kind, Message, Text, ToolCall

from . import _events as events
from ._codec import as_text, decoded
from ._dialect import Dialect, Found, Reader, Source, io, messages, settled, text
from ._messages import tool_call

KINDS = {
    "chat": Kind.LLM,
    "generate_content": Kind.LLM,
    "text_completion": Kind.LLM,
    "completion": Kind.LLM,
    "acompletion": Kind.LLM,
    "generate": Kind.LLM,
    "response": Kind.LLM,
    "responses": Kind.LLM,
    "llm_call": Kind.LLM,
    "call_llm": Kind.LLM,
    "llm_request": Kind.LLM,
    "message": Kind.LLM,
    "fetch_response": Kind.LLM,
    "model_request": Kind.LLM,
    "invoke_agent": Kind.AGENT,
    "agent_call": Kind.AGENT,
    "create_agent": Kind.OTHER,
    "invoke_workflow": Kind.WORKFLOW,
    "invoke_swarm": Kind.WORKFLOW,
    "invoke_graph": Kind.WORKFLOW,
    "chain": Kind.CHAIN,
    "plan": Kind.CHAIN,
    "execute_task": Kind.CHAIN,
    "execute_method": Kind.CHAIN,
    "agent_step": Kind.CHAIN,
    "execute_event_loop_cycle": Kind.CHAIN,
    "goto": Kind.OTHER,
    "execute_tool": Kind.TOOL,
    "tool_call": Kind.TOOL,
    "embeddings": Kind.EMBEDDING,
    "embedding": Kind.EMBEDDING,
    "aembedding": Kind.EMBEDDING,
    "image_generation": Kind.OTHER,
    "retrieval": Kind.RETRIEVER,
    "retrieve": Kind.RETRIEVER,
    "vector_db_retrieve": Kind.RETRIEVER,
    "rerank": Kind.RERANK,
    "handoff": Kind.HANDOFF,
    "compact_events": Kind.OTHER,
    "create_memory": Kind.MEMORY,
    "search_memory": Kind.MEMORY,
    "update_memory": Kind.MEMORY,
    "upsert_memory": Kind.MEMORY,
    "delete_memory": Kind.MEMORY,
    "create_memory_store": Kind.MEMORY,
    "delete_memory_store": Kind.MEMORY,
}


def _kind(source: Source) -> Kind | None:
    attributes = source.attributes
    operation = attributes.get("gen_ai.operation.name")
    if isinstance(operation, str):
        kind = KINDS.get(operation.lower())
        if kind is not None:
            return kind
    if "gen_ai.tool.name" in attributes or "gen_ai.tool.call.id" in attributes:
        return Kind.TOOL
    if source.span.name.startswith("invoke_agent"):
        return Kind.AGENT
    if isinstance(operation, str):
        return Kind.OTHER
    if "llm.request.type" in attributes:
        return None  # an older word says more
    if "gen_ai.request.model" in attributes:
        return Kind.LLM
    return None


def _calls(key: str) -> Reader:
    """Tool calls that stand in an attribute of their own."""

    def read(source: Source) -> Found | None:
        value = decoded(source.attributes.get(key))[0]
        if not isinstance(value, list | tuple):
            return None
        parts = tuple(tool_call(call) for call in value if isinstance(call, dict))
        return settled((Message("assistant", parts),)) if parts else None

    return read


def _output(source: Source) -> Found | None:
    """`gen_ai.output` of any-agent: text, or a list of tool calls."""
    value = source.attributes.get("gen_ai.output")
    calls = decoded(value)[0]
    if isinstance(calls, list | tuple) and calls and all(isinstance(c, dict) and "tool.name" in c for c in calls):
        parts = tuple(ToolCall(as_text(c["tool.name"]) or "", decoded(c.get("tool.args"))[0]) for c in calls)
        return settled((Message("assistant", parts),))
    shown = as_text(value)
    return settled((Message("assistant", (Text(shown),)),)) if shown else None


_DETAILS = "gen_ai.client.inference.operation.details"

OTEL_GENAI = Dialect(
    name="otel_genai",
    source="open-telemetry/semantic-conventions v1.41 and semantic-conventions-genai; util-genai 1.3b0",
    keys=(
        "gen_ai.operation.name",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.provider.name",
        "gen_ai.system",
    ),
    kind=_kind,
    inputs=(messages("gen_ai.input.messages"), messages("gen_ai.request.messages")),
    outputs=(
        messages("gen_ai.output.messages", "assistant"),
        _output,
        text("gen_ai.response.text", "assistant", beside={"calls": _calls("gen_ai.response.tool_calls")}),
    ),
    system=("gen_ai.system_instructions",),
    facts={
        "operation": ("gen_ai.operation.name",),
        "model": ("gen_ai.response.model", "gen_ai.request.model"),
        "provider": ("gen_ai.provider.name", "gen_ai.system"),
        "response_id": ("gen_ai.response.id",),
        "agent": ("gen_ai.agent.name",),
        "tool_name": ("gen_ai.tool.name",),
        "tool_call_id": ("gen_ai.tool.call.id",),
        "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "finish": (
            "gen_ai.response.finish_reasons",
            "gen_ai.response.finish_reason",
            "gen_ai.response.stop_reason",
        ),
        "conversation_id": ("gen_ai.conversation.id", "gen_ai.thread.id", "session.id"),
        "user_id": ("enduser.id", "user.id", "gen_ai.user"),
    },
    metadata=("gen_ai.prompt.name", "gen_ai.prompt.version"),
    external=(
        "gen_ai.input.messages_ref",
        "gen_ai.input.messages.ref",
        "gen_ai.output.messages_ref",
        "gen_ai.output.messages.ref",
    ),
    switch="OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
)

OTEL_GENAI_DETAILS = Dialect(
    name="otel_genai_details",
    source="semantic conventions 1.37 and newer: content on one event, of a span (Strands) or in a log record",
    events=(_DETAILS,),
    inputs=(events.inside(_DETAILS, "gen_ai.input.messages", "user"),),
    outputs=(events.inside(_DETAILS, "gen_ai.output.messages", "assistant", last=True),),
    system=("gen_ai.system_instructions",),
    switch="OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
)

_SAID = ("gen_ai.system.message", "gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.tool.message")

OTEL_GENAI_EVENTS = Dialect(
    name="otel_genai_events",
    source="semantic conventions 1.27 to 1.36: one event a message, of a span or in log records; azure-ai-projects",
    events=(*_SAID, "gen_ai.choice", "gen_ai.input.messages", "gen_ai.output.messages"),
    inputs=(
        events.each(*_SAID),
        events.inside("gen_ai.input.messages", "gen_ai.event.content", "user"),
    ),
    outputs=(
        events.each("gen_ai.choice"),
        events.inside("gen_ai.output.messages", "gen_ai.event.content", "assistant", last=True),
    ),
    switch="OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
)


def _flat(key: str, role: str) -> Reader:
    """A whole prompt or completion in one attribute or one event: JSON messages or text."""
    talk = messages(key, role)
    opaque = io(key, is_input=role == "user")
    event_name = key.replace("gen_ai.", "gen_ai.content.")
    from_event = events.inside(event_name, key, role)
    from_log = events.each(event_name)

    def read(source: Source) -> Found | None:
        if key in source.attributes:
            found = opaque(source)
            if found is not None and (found.messages or found.text):
                return found
            return talk(source)
        return from_event(source) or from_log(source)

    return read


OTEL_GENAI_FLAT = Dialect(
    name="otel_genai_flat",
    source="semantic conventions 1.25 and 1.26, and tracers written by hand: whole JSON or text",
    keys=("gen_ai.prompt", "gen_ai.completion"),
    events=("gen_ai.content.prompt", "gen_ai.content.completion"),
    inputs=(_flat("gen_ai.prompt", "user"),),
    outputs=(_flat("gen_ai.completion", "assistant"),),
)

AWS_LOGS = Dialect(
    name="aws_logs",
    source="aws-opentelemetry-distro 0.21: content moves to one log record a span, named like its scope",
    events=("",),
    inputs=(events.in_body("input", "user"),),
    outputs=(events.in_body("output", "assistant"),),
)
