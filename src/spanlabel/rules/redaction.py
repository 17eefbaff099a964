"""Hide what is private in every text of a pair: `redact`, `redact_patterns`, `redact_with`.

It fails closed: if a pattern or the callable raises, or gives something that is no text, the pair is dropped, and what
is said of that repeats neither the text nor the error's words.

What is not a text and stays: ids of the trace and of its spans, times, token counts. A number among the app's facts, or
in a tool's arguments, is looked at as it would be written, and hidden if that would be hidden.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from spanlabel.model import (
    Document,
    Evaluation,
    Media,
    Message,
    Pair,
    Part,
    Reasoning,
    Step,
    Text,
    ToolCall,
    ToolResult,
    Trace,
    Value,
)

from .dropped import Dropped
from .keys import names_key
from .patterns import KINDS, Hide

DEEPEST = 32
"""Levels of a nested value that are looked into; records keep fewer, so what lies deeper is replaced by a mark."""

NAME_OF_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,39}")


def parse_pattern(text: str) -> tuple[str, re.Pattern[str]]:
    """Read an own pattern, NAME=REGEX; what matches REGEX is replaced by [NAME].

    Raises:
        ValueError: It is not written so, or REGEX is none, or matches the empty text.
    """
    name, sign, pattern = text.partition("=")
    if not sign or not NAME_OF_PATTERN.fullmatch(name.strip()):
        raise ValueError("must be NAME=REGEX, the name of letters, digits, blanks, _ and -")
    try:
        found = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if found.search("") is not None:
        raise ValueError("matches the empty text, so a mark would stand between any two characters")
    return name.strip(), found


def hiding(kinds: Sequence[str], patterns: Sequence[str], mask: Hide | None) -> Hide:
    """Make one function of all that is to be hidden: own patterns first, then *kinds*, *mask* last.

    Args:
        kinds: Keys of `KINDS`.
        patterns: As `parse_pattern` takes them.
        mask: The user's own; it sees what the others have left.
    """
    steps = [_substitution(*parse_pattern(pattern)) for pattern in patterns]
    steps += [hide for kind, hide in KINDS.items() if kind in kinds]
    if mask is not None:
        steps.append(mask)

    def hide(text: str) -> str:
        for step in steps:
            text = step(text)
            if not isinstance(text, str):  # the user's own may give anything
                raise TypeError("no text came back")
        return text

    return hide


def _substitution(name: str, pattern: re.Pattern[str]) -> Hide:
    mark = f"[{name}]"
    return lambda text: pattern.sub(lambda _: mark, text)


class Redaction:
    """Hides it in every text of a pair; drops the pair under the word "redact" if that fails.

    Args:
        kinds: Keys of `KINDS`.
        patterns: As `parse_pattern` takes them.
        mask: Takes each text and gives it back without what is private; it may raise to drop the pair.

    Raises:
        ValueError: A pattern is none.
    """

    def __init__(self, kinds: Sequence[str] = (), patterns: Sequence[str] = (), mask: Hide | None = None) -> None:
        self._hide = hiding(kinds, patterns, mask)
        self._by_name = "key" in kinds

    def __call__(self, pair: Pair, _: Trace) -> Pair | Dropped:
        """Be a rule."""
        try:
            return _Walk(self._hide, by_name=self._by_name).pair(pair)
        except Exception as error:  # noqa: BLE001 - a stranger's code: whatever it raises, nothing passes
            return Dropped("redact", f"{type(error).__name__} was raised while its texts were redacted")

    def step(self, step: Step) -> Step:
        """Hide it in what a person is shown of a step; a step for which that fails has no text at all."""
        walk = _Walk(self._hide, by_name=self._by_name)
        span = replace(step.span, attributes={}, events=(), links=())
        bare = replace(step, span=span, system="", metadata=None, documents=(), evaluations=(), user_id=None, tags=())
        try:
            return replace(
                bare,
                span=replace(span, name=walk.text(span.name), status_message=walk.text(span.status_message)),
                input=tuple(map(walk.message, step.input)),
                output=tuple(map(walk.message, step.output)),
                input_text=walk.maybe(step.input_text),
                output_text=walk.maybe(step.output_text),
                model=walk.maybe(step.model),
                agent=walk.maybe(step.agent),
                tool_name=walk.maybe(step.tool_name),
            )
        except Exception:  # noqa: BLE001 - as above
            return replace(
                bare,
                span=replace(span, name="", status_message=""),
                input=(),
                output=(),
                input_text=None,
                output_text=None,
                model=None,
                agent=None,
                tool_name=None,
            )


class _Walk:
    """Goes through one thing: the same text, which stands in several places, is looked at once.

    Args:
        hide: Hides in one text.
        by_name: Whether what stands under a name such as "password" is a key, whatever it looks like.
    """

    def __init__(self, hide: Hide, *, by_name: bool) -> None:
        self._hide = hide
        self._by_name = by_name
        self._seen: dict[str, str] = {}

    def pair(self, pair: Pair) -> Pair:
        return replace(
            pair,
            prompt=self.text(pair.prompt),
            answer=self.text(pair.answer),
            answers=tuple(map(self.text, pair.answers)),
            messages=tuple(map(self.message, pair.messages)),
            service=self.maybe(pair.service),
            model=self.maybe(pair.model),
            provider=self.maybe(pair.provider),
            agent=self.maybe(pair.agent),
            conversation_id=self.maybe(pair.conversation_id),
            user_id=self.maybe(pair.user_id),
            tags=tuple(map(self.text, pair.tags)),
            metadata=None if pair.metadata is None else self.mapping(pair.metadata, 0),
            documents=tuple(map(self.document, pair.documents)),
            evaluations=tuple(map(self.evaluation, pair.evaluations)),
        )

    def text(self, text: str) -> str:
        found = self._seen.get(text)
        if found is None:
            found = self._seen[text] = self._hide(text)
        return found

    def maybe(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)

    def message(self, message: Message) -> Message:
        parts = tuple(map(self.part, message.parts))
        return Message(
            self.text(message.role), self._joined(parts), self.maybe(message.name), self.maybe(message.finish_reason)
        )

    def _joined(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        """Look at the texts of one message together too, because they are shown so."""
        texts = [part.content for part in parts if isinstance(part, Text)]
        if len(texts) < 2:
            return parts
        whole = "".join(texts)
        hidden = self.text(whole)
        if hidden == whole:
            return parts
        first = next(place for place, part in enumerate(parts) if isinstance(part, Text))
        rest = [part for part in parts if not isinstance(part, Text)]
        return (*rest[:first], Text(hidden), *rest[first:])

    def part(self, part: Part) -> Part:
        match part:
            case Text(content):
                return Text(self.text(content))
            case Reasoning(content):
                return Reasoning(self.text(content))
            case ToolCall(name, arguments, call_id):
                return ToolCall(self.text(name), self.value(arguments, 0), self.maybe(call_id))
            case ToolResult(response, call_id):
                return ToolResult(self.value(response, 0), self.maybe(call_id))
            case Media(modality, mime_type, uri):
                return Media(self.text(modality), self.maybe(mime_type), self.maybe(uri))

    def document(self, document: Document) -> Document:
        return replace(
            document,
            content=self.text(document.content),
            id=self.maybe(document.id),
            metadata=None if document.metadata is None else self.mapping(document.metadata, 0),
        )

    def evaluation(self, found: Evaluation) -> Evaluation:
        return replace(
            found,
            name=self.text(found.name),
            label=self.maybe(found.label),
            explanation=self.maybe(found.explanation),
            source=self.maybe(found.source),
        )

    def value(self, value: Value, depth: int) -> Value:
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | bytes):  # of bytes a record shows only how many they are
            return value
        if isinstance(value, int | float):
            written = repr(value)
            hidden = self.text(written)
            return value if hidden == written else hidden
        if depth >= DEEPEST:
            return "[nested too deep]"
        if isinstance(value, Mapping):
            return self.mapping(value, depth)
        return [self.value(item, depth + 1) for item in value]

    def mapping(self, values: Mapping[str, Value], depth: int) -> dict[str, Value]:
        made: dict[str, Value] = {}
        for key, value in values.items():
            name = self.text(str(key))
            while name in made:  # two keys that look alike now
                name += "_"
            is_key = self._by_name and isinstance(value, str) and len(value) > 3 and names_key(str(key))
            made[name] = "[key]" if is_key else self.value(value, depth + 1)
        return made
