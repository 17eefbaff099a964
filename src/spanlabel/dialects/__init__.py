"""Span → Step. One file per dialect: a table, plus what the table cannot say."""

from __future__ import annotations

from spanlabel.model import Log, Span, Step

from ._dialect import Dialect
from ._facts import SAID_BY_ANY
from ._read import Readers
from .claude_code import CLAUDE_CODE
from .crewai import CREWAI
from .evaluations import EVALUATION_EVENT, LOGFIRE_FEEDBACK
from .flat_io import BY_HAND, FLAT_IO
from .genkit import GENKIT
from .google_adk import GOOGLE_ADK
from .haystack import HAYSTACK
from .langfuse import LANGFUSE
from .langsmith import LANGSMITH
from .litellm import LITELLM
from .livekit import LIVEKIT
from .logfire import LOGFIRE
from .mastra import MASTRA
from .mlflow import MLFLOW
from .openinference import OPENINFERENCE
from .openinference_crewai import OPENINFERENCE_CREWAI
from .otel_genai import AWS_LOGS, OTEL_GENAI, OTEL_GENAI_DETAILS, OTEL_GENAI_EVENTS, OTEL_GENAI_FLAT
from .own_marks import OWN_MARKS
from .pydantic_ai import PYDANTIC_AI
from .semantic_kernel import SEMANTIC_KERNEL
from .spring_ai import SPRING_AI
from .traceloop import GEN_AI_INDEXED, TRACELOOP
from .vercel_ai import VERCEL_AI

DIALECTS: tuple[Dialect, ...] = (
    # Frameworks, whose own words say most.
    LANGFUSE,
    OPENINFERENCE_CREWAI,
    OPENINFERENCE,
    VERCEL_AI,
    PYDANTIC_AI,
    CREWAI,
    TRACELOOP,
    LANGSMITH,
    MLFLOW,
    GOOGLE_ADK,
    LIVEKIT,
    GENKIT,
    CLAUDE_CODE,
    HAYSTACK,
    MASTRA,
    LOGFIRE,
    LITELLM,
    SEMANTIC_KERNEL,
    # The conventions, newest first.
    OTEL_GENAI,
    OTEL_GENAI_DETAILS,
    OTEL_GENAI_EVENTS,
    GEN_AI_INDEXED,
    OTEL_GENAI_FLAT,
    AWS_LOGS,
    SPRING_AI,
    # Guesses.
    FLAT_IO,
    BY_HAND,
    OWN_MARKS,
    # Judgements, which may lie on spans of any dialect.
    LOGFIRE_FEEDBACK,
    EVALUATION_EVENT,
)
"""All built-in dialects in the order of evidence."""

READERS = Readers(DIALECTS)

STRUCTURE_KEYS: tuple[str, ...] = tuple(key for keys in SAID_BY_ANY.values() for key in keys)
"""The only attributes that are read of a span which no dialect knows."""


def read(span: Span, logs: tuple[Log, ...] = ()) -> Step:
    """Read one span with the built-in dialects.

    Args:
        span: As sent.
        logs: The log records of this span, in order of time.

    Returns:
        The step; of kind NONE if the span is no GenAI span. Never raises on any content.
    """
    return READERS.read(span, logs)


def is_genai(span: Span) -> bool:
    """Whether any dialect knows the span: one lookup an attribute."""
    return READERS.mask(span) != 0


__all__ = ["DIALECTS", "READERS", "STRUCTURE_KEYS", "Dialect", "Readers", "is_genai", "read"]
