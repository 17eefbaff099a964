"""Traces that no app has sent, in OTLP/JSON, whose pairs are known beforehand."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]


def make_trace(number: int, size: int) -> Document:
    """A request with all spans of one trace, which gives one pair: question N, answer N.

    Args:
        number: Says its ids.
        size: How many GenAI spans, an agent and its calls; the web server's root span is not counted.
    """
    trace_id = f"{(number + 1) * 2_654_435_761 % (1 << 64):016x}" * 2
    ids = [f"{number * 1_000 + index + 1:016x}" for index in range(size + 1)]
    start_ns = 1_750_000_000_000_000_000 + number * 10**9

    def span(index: int, name: str, attributes: dict[str, str]) -> Document:
        return {
            "traceId": trace_id,
            "spanId": ids[index],
            "parentSpanId": ids[min(index - 1, 1)] if index else "",
            "name": name,
            "startTimeUnixNano": str(start_ns + index * 1_000_000),
            "endTimeUnixNano": str(start_ns + (900_000_000 - index if index < 2 else index * 1_000_000 + 900_000)),
            "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        }

    def step(index: int, name: str, question: str, answer: str) -> Document:
        said = {"gen_ai.input.messages": _said("user", question), "gen_ai.output.messages": _said("assistant", answer)}
        return span(index, name, {"gen_ai.operation.name": name, **said})

    root = span(0, "POST /chat", {"url.path": "/chat"})
    agent = step(1, "invoke_agent", f"question {number}", f"answer {number}")
    calls = [
        step(index, "chat", f"step {number} {index}", f"done {index} " + "x" * 500) for index in range(2, size + 1)
    ]
    return {"resourceSpans": [{"scopeSpans": [{"spans": [root, agent, *calls]}]}]}


def shuffled(documents: Iterable[Document], size: int) -> list[Document]:
    """The GenAI spans of such requests in requests of *size*, in any order but the one in which they were."""
    spans = [span for document in documents for span in spans_in(document) if span["name"] != "POST /chat"]
    random.Random(7).shuffle(spans)  # noqa: S311  the same order each time
    parts = [spans[start : start + size] for start in range(0, len(spans), size)]
    return [{"resourceSpans": [{"scopeSpans": [{"spans": part}]}]} for part in parts]


def spans_in(document: Document) -> list[Document]:
    """The spans of a request that was made here."""
    found: list[Document] = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    return found


def _said(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
