"""What a dialect is: a table of where one instrumentation writes what, and the readers the table is written in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from spanlabel.model import ContentState, Kind, Log, Message, Part, Span, Text, Value

from ._codec import as_text, decoded, is_redacted
from ._io import read_io
from ._messages import messages_in


class Source:
    """A span and the log records that belong to it: all that a dialect may look at.

    Attributes:
        span: The span.
        attributes: Its attributes.
        logs: Its log records, in order of time.
        indexed: What `_indexed` made of the attributes with an index in their keys; None before it is asked.
        opaque: What was found in opaque texts, by text, side and what stands for no value.
    """

    __slots__ = ("attributes", "indexed", "logs", "opaque", "span")

    def __init__(self, span: Span, logs: tuple[Log, ...] = ()) -> None:
        self.span = span
        self.attributes = span.attributes
        self.logs = logs
        self.indexed: dict[str, dict[int, dict[str, Any]]] | None = None
        self.opaque: list[tuple[tuple[str, bool, tuple[str, ...]], Found | None]] = []

    def text(self, key: str) -> str | None:
        """An attribute as plain text; None if it is missing, empty or no scalar."""
        return as_text(self.attributes.get(key))


@dataclass(slots=True)  # not frozen, which would make it five times as slow to make (0.2 and 0.9 µs)
class Found:
    """What a reader found on one side; nobody changes it.

    Attributes:
        messages: Messages; empty if there were none.
        text: Text of an opaque value; None if there is none.
        key: The unknown field that the text was taken from, None otherwise.
        state: What became of the content.
        is_io: Read from an opaque input or output, not from messages.
        is_bare: The opaque value was plain text, in no dictionary.
    """

    messages: tuple[Message, ...] = ()
    text: str | None = None
    key: str | None = None
    state: ContentState = ContentState.PRESENT
    is_io: bool = False
    is_bare: bool = False


Reader: TypeAlias = Callable[[Source], Found | None]
KindOf: TypeAlias = Callable[[Source], Kind | None]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one instrumentation writes what it saw onto spans.

    A span may be written in several dialects. Its kind comes from the first, in the order of
    `spanlabel.dialects.DIALECTS`, that yields one; every other fact from the first that has it.

    Attributes:
        name: Stable word for metrics and `explain`.
        source: Where this was read: package and version, or specification.
        keys: Attribute keys that mark the dialect.
        prefixes: Beginnings of attribute keys that mark it, each ending in "." or ":" or "_".
        scopes: Names of instrumentation scopes that mark it; one ending in "*" is a beginning.
        span_names: Span names that mark it; one ending in "*" is a beginning.
        events: Names of span events or log records that mark it.
        kind: What kind of work a span is; None where this dialect does not say.
        inputs: Readers of what went in, best first.
        outputs: Readers of what came out, best first.
        system: Keys of system instructions that stand apart from the messages.
        facts: Keys of single facts by the name of the `Step` field, best first.
        metadata: Keys of further facts worth showing.
        metadata_prefixes: Beginnings of such keys; what follows is the name.
        external: Keys that refer to content stored elsewhere.
        switch: What turns content capture on, for the one log line that says it is off.
    """

    name: str
    source: str
    keys: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    span_names: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    kind: KindOf | None = None
    inputs: tuple[Reader, ...] = ()
    outputs: tuple[Reader, ...] = ()
    system: tuple[str, ...] = ()
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metadata: tuple[str, ...] = ()
    metadata_prefixes: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    switch: str = ""


def settled(messages: Iterable[Message], *, is_cut: bool = False) -> Found | None:
    """Take placeholders out of messages and say what is left of them.

    Returns:
        None if there is no message at all; messages that are left without parts stay, in state
        absent or redacted, because their presence is no content.
    """
    out: list[Message] = []
    redacted = False
    has_parts = False
    for message in messages:
        parts = message.parts
        for part in parts:
            if isinstance(part, Text) and is_redacted(part.content):
                redacted = True
                parts = tuple(p for p in parts if not (isinstance(p, Text) and is_redacted(p.content)))
                message = Message(message.role, parts, message.name, message.finish_reason)  # noqa: PLW2901 - cleaned
                break
        if parts:
            has_parts = True
        out.append(message)
    if not out:
        return None
    if has_parts:
        state = ContentState.TRUNCATED if is_cut else ContentState.PRESENT
    else:
        state = ContentState.REDACTED if redacted else ContentState.ABSENT
    return Found(tuple(out), state=state)


class AttributeReader(ABC):
    """A reader of one attribute, which need not be asked where that is not there.

    Attributes:
        key: The attribute.
    """

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    @abstractmethod
    def __call__(self, source: Source) -> Found | None:
        """Read it; None if it holds nothing."""


class _MessagesReader(AttributeReader):
    __slots__ = ("_role",)

    def __init__(self, key: str, role: str) -> None:
        super().__init__(key)
        self._role = role

    def __call__(self, source: Source) -> Found | None:
        value = source.attributes.get(self.key)
        if value is None:
            return None
        opened, cut = decoded(value)
        found = messages_in(opened, self._role)
        if found is None:
            return None
        return settled(unfolded(found), is_cut=cut)


def messages(key: str, role: str = "user") -> Reader:
    """Messages in one attribute, in whatever shape."""
    return _MessagesReader(key, role)


def unfolded(found: tuple[Message, ...]) -> tuple[Message, ...]:
    """Open a message whose only text is a JSON list of messages (Responses input, traces-other.md 3.2)."""
    if not any(map(_begins_a_list, found)):
        return found
    out: list[Message] = []
    for message in found:
        text = message.text
        if text[:1] == "[" and text[-1:] == "]" and '"role"' in text:
            inner = messages_in(text, message.role, bare_text=False)
            if inner and all(m.role in ("user", "assistant", "system", "tool") for m in inner):
                out.extend(inner)
                continue
        out.append(message)
    return tuple(out)


def _begins_a_list(message: Message) -> bool:
    for part in message.parts:
        if isinstance(part, Text) and part.content:  # what the text begins with; most do not, and are not joined
            text = message.text if part.content[0] == "[" else ""
            return text[:2] in ("[{", '["') or text[:3] == "[ {"
    return False


def text(key: str, role: str, *, beside: Mapping[str, Reader] | None = None) -> Reader:
    """One message of plain text; `beside` may add parts from other attributes."""
    extras = tuple((beside or {}).values())

    def read(source: Source) -> Found | None:
        shown = source.text(key)
        parts: tuple[Part, ...] = () if shown is None else (Text(shown),)
        for extra in extras:
            more = extra(source)
            if more is not None:
                parts = (*parts, *(p for m in more.messages for p in m.parts))
        return settled((Message(role, parts),)) if parts else None

    return read


class OpaqueReader(AttributeReader):
    """Reads an opaque value of a function, a chain, a node or an agent from one attribute.

    It is a class so that a second one need not be tried where the first has found enough.
    """

    __slots__ = ("_empty", "_is_input", "_unless")

    def __init__(self, key: str, *, is_input: bool, empty: tuple[str, ...], unless: tuple[str, ...]) -> None:
        super().__init__(key)
        self._is_input = is_input
        self._empty = empty
        self._unless = unless

    def __call__(self, source: Source) -> Found | None:
        value = source.attributes.get(self.key)
        if value is None or (self._unless and not source.attributes.keys().isdisjoint(self._unless)):
            return None
        if not isinstance(value, str):
            return io_of(value, is_input=self._is_input, empty=self._empty)
        # Dialects name the same attribute, and instrumentations write one text into two: every tenth is read again.
        read = (value, self._is_input, self._empty)
        for before, found in source.opaque:
            if before == read:
                return found
        found = io_of(value, is_input=self._is_input, empty=self._empty)
        source.opaque.append((read, found))
        return found


_NOTHING: Final = ("{}", "null", "[]", "N/A")


def io(key: str, *, is_input: bool, empty: tuple[str, ...] = _NOTHING, unless: tuple[str, ...] = ()) -> Reader:
    """An opaque value of a function, a chain, a node or an agent.

    Args:
        key: The attribute.
        is_input: Whether it went in.
        empty: Texts that stand for no value.
        unless: Where one of these attributes is there, the value is not read.
    """
    return OpaqueReader(key, is_input=is_input, empty=empty, unless=unless)


def io_of(value: Value, *, is_input: bool, empty: tuple[str, ...] = ("{}", "null", "[]")) -> Found | None:
    """An opaque value in hand."""
    if isinstance(value, str):
        if value.strip() in empty:
            return None
        if is_redacted(value):
            return Found(state=ContentState.REDACTED, is_io=True)
    found = read_io(value, is_input=is_input)
    if found is None:
        return None
    shown = found.text
    state = ContentState.TRUNCATED if found.is_cut else ContentState.PRESENT
    if shown is not None and is_redacted(shown):
        return Found(state=ContentState.REDACTED, is_io=True)
    clean = settled(found.messages) if found.messages else None
    if clean is not None and clean.state in (ContentState.REDACTED, ContentState.ABSENT) and shown is None:
        return Found(clean.messages, state=clean.state, is_io=True)
    kept = clean.messages if clean is not None else ()
    return Found(kept, shown, found.key, state, is_io=True, is_bare=found.is_bare)


def kind_by(key: str, kinds: Mapping[str, Kind], *, otherwise: Kind | None = None) -> KindOf:
    """The kind by the value of one attribute; the value is compared in lower case."""

    def kind(source: Source) -> Kind | None:
        value = source.attributes.get(key)
        if not isinstance(value, str):
            return None
        return kinds.get(value.strip('"').lower(), otherwise)

    return kind


NO_FACTS: Final[Mapping[str, tuple[str, ...]]] = {}
