"""A span read through the dialects it is written in: what kind of work, what went in, what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from .message import Message
from .span import Span, Value


class Kind(Enum):
    """What kind of work a span stands for."""

    LLM = "llm"
    AGENT = "agent"
    WORKFLOW = "workflow"
    CHAIN = "chain"
    TOOL = "tool"
    RETRIEVER = "retriever"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    GUARDRAIL = "guardrail"
    EVALUATOR = "evaluator"
    PROMPT = "prompt"
    MEMORY = "memory"
    HANDOFF = "handoff"
    OTHER = "other"
    """A GenAI span of no known kind."""
    NONE = "none"
    """Not a GenAI span (HTTP, database, the app's own): structure only."""

    # An enum's own hash is written in Python, and a span's kind is looked up in sets a dozen times (30 for 150 ns).
    __hash__ = object.__hash__


class ContentState(Enum):
    """What became of one side's content on its way here."""

    PRESENT = "present"
    ABSENT = "absent"
    REDACTED = "redacted"
    TRUNCATED = "truncated"
    EXTERNAL = "external"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; None means not reported.

    Attributes:
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document that a retrieval step found.

    Attributes:
        content: Its text.
        id: The store's id; None if not given.
        score: The store's score; None if not given.
        metadata: As sent.
    """

    content: str
    id: str | None = None
    score: float | None = None
    metadata: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A judgement that already lies on the spans: user feedback, a judge model's score.

    Attributes:
        name: What was judged.
        score: Number; None if only a label was given.
        label: Word; None if only a score was given.
        explanation: Why; None if not given.
        source: Who judged ("human", "llm", "code") or the dialect it was read from.
    """

    name: str
    score: float | None = None
    label: str | None = None
    explanation: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One span, read.

    Attributes:
        span: What was sent.
        kind: Kind of work.
        dialects: Names of the dialects that read it, by order of evidence.
        input: Messages that went in; empty if none were captured.
        output: Messages that came out; empty if none were captured.
        system: System instructions that came apart from the messages; "" if none.
        input_text: The function's, chain's or agent's own input as text, where the dialect has one
            beside the messages; None if there is none or no text could be made of it.
        output_text: The same for its output.
        input_key: Name of the only field that `input_text` was taken from, if it is not a
            well-known one (a template variable); None otherwise.
        input_state: What became of the input's content.
        output_state: What became of the output's content.
        operation: The operation as the instrumentation names it; "" if it does not.
        model: The model that answered, else the one asked for; None if unknown.
        provider: The model's provider; None if unknown.
        response_id: The provider's id of this answer; None if unknown.
        agent: Name of the agent; None if unknown.
        tool_name: Name of the tool; None if unknown or not a tool.
        tool_call_id: Id of the call that a tool span serves; None if unknown.
        usage: Token counts.
        finish_reasons: As sent, in normal form ("stop", "tool_call", "length", ...).
        conversation_id: Id of the conversation; None if unknown.
        user_id: Id of the end user; None if unknown.
        tags: Labels that the app set.
        metadata: Further facts that the app set.
        documents: What a retrieval step found.
        evaluations: Judgements found on the span.
        is_error: The span failed.
        is_incomplete: The answer was broken off (a stream without an end).
        root_hint: The app said that this is the one root of its trace (True), or that it and what lies
            below must give nothing (False); None if nothing is said.
        given_prompt: Text that the app set to be shown as the prompt (`spanlabel.prompt`); None if not set.
        given_answer: Text that the app set to be shown as the answer; None if not set.
        is_skipped: The app said that this span and what lies below must give nothing.
        notes: What was odd in reading, as stable words.
    """

    span: Span
    kind: Kind
    dialects: tuple[str, ...] = ()
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    system: str = ""
    input_text: str | None = None
    output_text: str | None = None
    input_key: str | None = None
    input_state: ContentState = ContentState.ABSENT
    output_state: ContentState = ContentState.ABSENT
    operation: str = ""
    model: str | None = None
    provider: str | None = None
    response_id: str | None = None
    agent: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    usage: Usage = Usage()
    finish_reasons: tuple[str, ...] = ()
    conversation_id: str | None = None
    user_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Value] | None = None
    documents: tuple[Document, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    is_error: bool = False
    is_incomplete: bool = False
    root_hint: bool | None = None
    given_prompt: str | None = None
    given_answer: str | None = None
    is_skipped: bool = False
    notes: tuple[str, ...] = ()
