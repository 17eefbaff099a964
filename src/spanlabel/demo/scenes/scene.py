"""What a scene is: a piece of application code, and what a reviewer should get of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam
from opentelemetry.trace import Tracer

from spanlabel.demo.script import Line


@dataclass(frozen=True, slots=True)
class App:
    """What an application has at hand.

    Attributes:
        client: The provider's client.
        new_async_client: Makes an asynchronous one; each event loop needs its own.
        tracer: The application's own tracer, for spans around several calls.
        model: Model for chat completions and responses.
        embedding_model: Model for embeddings.
    """

    client: OpenAI
    new_async_client: Callable[[], AsyncOpenAI]
    tracer: Tracer
    model: str
    embedding_model: str

    def ask(self, *messages: ChatCompletionMessageParam) -> str:
        """Make one plain call and return its text."""
        completion = self.client.chat.completions.create(model=self.model, messages=messages)
        return completion.choices[0].message.content or ""


@dataclass(frozen=True, slots=True)
class Expected:
    """A record that must come of a scene when the provider is scripted.

    Attributes:
        prompt: The question that a reviewer should see.
        answers: The final answers, all choices.
        skipped_steps: Steps between the two that a reviewer is spared.
        messages: How many messages lead to the answer: system prompt, history and the question.
        conversation: How the id of its conversation begins; None if it belongs to none. Records of one scene that
            begin alike belong to the same one.
    """

    prompt: str
    answers: tuple[str, ...]
    skipped_steps: int = 0
    messages: int = 1
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A piece of application code.

    Attributes:
        name: What it is called on the screen.
        story: One line: what happens and what a reviewer should get of it.
        run: Does it. Raises what the provider's client raises, unless failing is what the scene is about.
        script: What the scripted provider must know for it.
        expected: The records, in no order.
    """

    name: str
    story: str
    run: Callable[[App], None]
    script: tuple[Line, ...] = ()
    expected: tuple[Expected, ...] = ()

    @property
    def expected_records(self) -> int:
        """How many records a reviewer should get."""
        return len(self.expected)
