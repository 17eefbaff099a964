"""Google ADK 1, and 2 with schema version 1: Gemini requests and responses as JSON."""

from __future__ import annotations

from spanlabel.model import Kind, Message, Text

from ._codec import decoded
from ._dialect import Dialect, Found, Source, settled
from ._messages import messages_in, parts_in, role_of


def _kind(source: Source) -> Kind | None:
    name, attributes = source.span.name, source.attributes
    operation = attributes.get("gen_ai.operation.name")
    if name == "call_llm":
        return Kind.LLM
    if operation == "execute_tool" or name.startswith("execute_tool"):
        return Kind.TOOL
    if operation == "invoke_agent":
        return Kind.AGENT
    if name == "invocation":
        return Kind.WORKFLOW
    return None


def _request(source: Source) -> Found | None:
    value, cut = decoded(source.attributes.get("gcp.vertex.agent.llm_request"))
    if not isinstance(value, dict):
        return None
    out: list[Message] = []
    config = value.get("config")
    if isinstance(config, dict):
        instruction = config.get("system_instruction")
        if isinstance(instruction, dict):
            instruction = instruction.get("parts")
        parts = parts_in(instruction)
        if parts:
            out.append(Message("system", parts))
    out.extend(messages_in(value.get("contents"), "user") or ())
    return settled(out, is_cut=cut)


def _response(source: Source) -> Found | None:
    value, cut = decoded(source.attributes.get("gcp.vertex.agent.llm_response"))
    if not isinstance(value, dict):
        return None
    content = value.get("content")
    if isinstance(content, dict):
        return settled(
            (Message(role_of(content.get("role"), "assistant"), parts_in(content.get("parts"))),), is_cut=cut
        )
    if isinstance(content, str):
        return settled((Message("assistant", (Text(content),)),))
    found = messages_in(value, "assistant", bare_text=False)
    return None if found is None else settled(found, is_cut=cut)


GOOGLE_ADK = Dialect(
    name="google_adk",
    source="google-adk 2.13.0 with schema version 1",
    prefixes=("gcp.vertex.agent.",),
    scopes=("gcp.vertex.agent",),
    kind=_kind,
    inputs=(_request,),
    outputs=(_response,),
    facts={"conversation_id": ("gcp.vertex.agent.session_id", "gen_ai.conversation.id")},
    switch="ADK_CAPTURE_MESSAGE_CONTENT_IN_SPANS or OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
)
