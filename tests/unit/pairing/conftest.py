"""Steps by hand: a story of one or more traces, told span by span, and what pairing makes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from spanlabel.model import (
    Kind,
    Message,
    Pair,
    Ready,
    SpanKind,
    Status,
    Step,
    Text,
    ToolCall,
    ToolResult,
    Trace,
)
from spanlabel.pairing import Reading, reconstruct
from spanlabel.testing import make_span

Times = tuple[float, float]


def said(role: str, text: str) -> Message:
    """A message of plain text."""
    return Message(role, (Text(text),))


def calling(name: str, arguments: Any = None, *, id: str | None = None, text: str = "") -> Message:  # noqa: A002 - the model's word
    """The model asks for a tool, perhaps with a text beside the call."""
    call = ToolCall(name, arguments, id)
    return Message("assistant", (Text(text), call) if text else (call,))


def result(response: Any, *, id: str | None = None, role: str = "tool") -> Message:  # noqa: A002 - the model's word
    """What a tool gave back."""
    return Message(role, (ToolResult(response, id),))


class Story:
    """Collects steps; each method adds one and gives its number, by which others name it as their parent.

    Times are seconds after the story's begin. `under` is the number of the parent; a number that no step has is a
    parent that never came.
    """

    said = staticmethod(said)
    calling = staticmethod(calling)
    result = staticmethod(result)

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def step(self, kind: Kind, at: Times, *, under: int | None = None, **given: Any) -> int:
        """Add a step of any kind."""
        number = given.pop("number", len(self.steps) + 1)
        error = given.pop("error", False)
        of_span = {name: given.pop(name) for name in ("trace", "name", "scope", "service") if name in given}
        span = make_span(
            span=number,
            parent=under,
            start_s=at[0],
            end_s=at[1],
            kind=given.pop("span_kind", SpanKind.INTERNAL),
            status=Status.ERROR if error else Status.UNSET,
            **of_span,
        )
        self.steps.append(Step(span, kind, ("test",), is_error=error, **given))
        return number

    def app(self, at: Times, **given: Any) -> int:
        """A span that is not GenAI."""
        return self.step(Kind.NONE, at, **given)

    def request(self, at: Times, **given: Any) -> int:
        """A span that serves an HTTP request."""
        return self.step(Kind.NONE, at, span_kind=SpanKind.SERVER, **given)

    def tool(self, at: Times, **given: Any) -> int:
        """A tool call as a span."""
        return self.step(Kind.TOOL, at, **given)

    def llm(
        self,
        at: Times,
        asked: str | Sequence[Message] = (),
        answered: str | Sequence[str] | Message | Sequence[Message] = (),
        **given: Any,
    ) -> int:
        """A model call: a question or a whole conversation went in, a text, several choices or messages came out."""
        came = (said("user", asked),) if isinstance(asked, str) else tuple(asked)
        went = (answered,) if isinstance(answered, str | Message) else tuple(answered)
        spoken = tuple(said("assistant", one) if isinstance(one, str) else one for one in went)
        given.setdefault("name", "chat")
        return self.step(Kind.LLM, at, input=came, output=spoken, **given)

    def run(self, kind: Kind, at: Times, asked: str | None = None, answered: str | None = None, **given: Any) -> int:
        """An agent, a workflow or a chain, with its own input and output as values where it has them."""
        return self.step(kind, at, input_text=asked, output_text=answered, **given)

    def agent(self, at: Times, asked: str | None = None, answered: str | None = None, **given: Any) -> int:
        """A run of an agent."""
        return self.run(Kind.AGENT, at, asked, answered, **given)

    def chain(self, at: Times, asked: str | None = None, answered: str | None = None, **given: Any) -> int:
        """A run of a chain."""
        return self.run(Kind.CHAIN, at, asked, answered, **given)

    def workflow(self, at: Times, asked: str | None = None, answered: str | None = None, **given: Any) -> int:
        """A run of a workflow."""
        return self.run(Kind.WORKFLOW, at, asked, answered, **given)

    def mark(self, number: int, **given: Any) -> None:
        """Change a step that was told already."""
        at = next(n for n, step in enumerate(self.steps) if step.span.span_id == f"{number:016x}")
        self.steps[at] = replace(self.steps[at], **given)

    @property
    def traces(self) -> list[Trace]:
        """The steps by trace, as the pipeline hands them over."""
        by_trace: dict[str, list[Step]] = defaultdict(list)
        for step in sorted(self.steps, key=lambda s: (s.span.start_ns, s.span.span_id)):
            by_trace[step.span.trace_id].append(step)
        return [Trace(trace_id, tuple(steps), Ready.DRAINED) for trace_id, steps in by_trace.items()]

    def read(self) -> Reading:
        """What pairing makes of it."""
        return reconstruct(self.traces)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that were found."""
        return self.read().pairs

    @property
    def told(self) -> list[tuple[str, str]]:
        """Question and answer of each pair."""
        return [(pair.prompt, pair.answer) for pair in self.pairs]

    @property
    def pair(self) -> Pair:
        """The only pair."""
        [pair] = self.pairs
        return pair

    def fates(self, number: int, *, trace: int = 1) -> tuple[str, ...]:
        """What became of a step."""
        return self.read().fates[f"{trace:032x}", f"{number:016x}"]


@pytest.fixture
def story() -> Story:
    """An empty story."""
    return Story()
