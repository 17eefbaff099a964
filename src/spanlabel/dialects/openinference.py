"""OpenInference (Arize): indexed messages on model calls, opaque input and output on everything."""

from __future__ import annotations

from spanlabel.model import ContentState, Kind, Message, Text

from ._codec import decoded
from ._dialect import Dialect, Found, Reader, Source, io, kind_by, settled
from ._indexed import grouped, openinference
from ._messages import messages_in

KINDS = {
    "llm": Kind.LLM,
    "agent": Kind.AGENT,
    "chain": Kind.CHAIN,
    "tool": Kind.TOOL,
    "retriever": Kind.RETRIEVER,
    "embedding": Kind.EMBEDDING,
    "reranker": Kind.RERANK,
    "guardrail": Kind.GUARDRAIL,
    "evaluator": Kind.EVALUATOR,
    "prompt": Kind.PROMPT,
    "decision": Kind.OTHER,
    "unknown": Kind.OTHER,
}


def _texts(prefix: str, outer: str, inner: str, role: str) -> Reader:
    """`llm.prompts.N.prompt.text` and `llm.choices.N.completion.text` of text completions."""

    def read(source: Source) -> Found | None:
        out = []
        for group in grouped(source, prefix):
            body = group.get(outer)
            if isinstance(body, dict) and isinstance(body.get(inner), str):
                out.append(Message(role, (Text(body[inner]),)))
        return settled(out) if out else None

    return read


def _all_choices(source: Source) -> Found | None:
    """The choices of the raw response, where only the first was indexed (OpenAI JS, traces-other.md 3.2)."""
    raw = source.attributes.get("output.value")
    if not isinstance(raw, str) or '"choices"' not in raw or '"index":1' not in raw.replace(" ", ""):
        return None
    value = decoded(raw)[0]
    if not isinstance(value, dict):
        return None
    found = messages_in(value.get("choices"), "assistant", bare_text=False)
    return settled(found) if found is not None and len(found) > 1 else None


def _asked(source: Source) -> Found | None:
    """The indexed messages; the text of one that was indexed without it from the raw items (OpenAI Agents JS)."""
    found = _indexed_input(source)
    raw = source.attributes.get("input.value")
    if found is None or all(m.parts for m in found.messages) or not isinstance(raw, str) or raw[:1] != "[":
        return found
    items = messages_in(raw, "user", bare_text=False) or ()
    missing = len(found.messages) - len(items)  # the system instructions are no item
    if not items or missing not in (0, 1):
        return found
    given = (*found.messages[:missing], *items)
    filled = [b if not a.parts and a.role == b.role else a for a, b in zip(found.messages, given, strict=True)]
    return settled(filled) if found.state is ContentState.PRESENT else found


_indexed_input = openinference("llm.input_messages", "user")

OPENINFERENCE = Dialect(
    name="openinference",
    source="openinference-semantic-conventions 0.1.42; instrumentors 0.1.x to 4.x measured",
    keys=("openinference.span.kind",),
    prefixes=("llm.input_messages.", "llm.output_messages."),
    scopes=("openinference.*",),
    kind=kind_by("openinference.span.kind", KINDS),
    inputs=(
        _asked,
        _texts("llm.prompts", "prompt", "text", "user"),
        io("input.value", is_input=True),
    ),
    outputs=(
        _all_choices,
        openinference("llm.output_messages", "assistant"),
        _texts("llm.choices", "completion", "text", "assistant"),
        io("output.value", is_input=False),
    ),
    facts={
        "model": (
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
        ),
        "provider": ("llm.provider", "llm.system"),
        "agent": ("agent.name", "graph.node.name", "graph.node.id"),
        "tool_name": ("tool.name",),
        "tool_call_id": ("tool.id", "tool_call.id"),
        "input_tokens": ("llm.token_count.prompt",),
        "output_tokens": ("llm.token_count.completion",),
        "finish": ("llm.finish_reason",),
        "conversation_id": ("session.id",),
        "user_id": ("user.id",),
        "tags": ("tag.tags",),
    },
    metadata=("metadata", "llm.prompt_template.version"),
    switch="OPENINFERENCE_HIDE_INPUTS and OPENINFERENCE_HIDE_OUTPUTS",
)
