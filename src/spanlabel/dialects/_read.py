"""Span → Step: find the dialects of a span by one lookup per attribute, then ask their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from spanlabel.model import Attributes, ContentState, Kind, Log, Message, Span, Status, Step, Text, Usage, Value
from spanlabel.model.twin import open_twin

from ._codec import as_text, decoded, is_list
from ._dialect import Dialect, Found, OpaqueReader, Reader, Source, io_of
from ._documents import documents_of
from ._facts import read_facts, said_by_any
from ._judgements import judgements_of
from ._messages import messages_in, plain_texts
from ._tables import Fit, Outline, Plan, fit_of, plan_of

_MEMO_LIMIT: Final = 20_000
_MEMO_WORD: Final = 200
"""Longest word that is remembered, in characters: a memo holds 10 MB at the most."""
_MEMO_OUTLINES: Final = 2_000
_MEMO_KEYS: Final = 128
"""Most keys of a set that is remembered, each of 40 characters: the outlines hold 20 MB at the most."""

_UNREAD: Final = frozenset({Kind.TOOL, Kind.RETRIEVER, Kind.EMBEDDING, Kind.RERANK, Kind.MEMORY})
"""What goes into or out of these is never a question or an answer, so it is not decoded."""


_FINDING: Final = frozenset({Kind.RETRIEVER, Kind.RERANK})

_NO_USAGE: Final = Usage()

_OpenStep: Final = open_twin(Step)


class Readers:
    """An ordered set of dialects, indexed so that an unknown span costs one lookup per attribute.

    Args:
        dialects: In the order of evidence: frameworks before conventions before guesses.
    """

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self.dialects = tuple(dialects)
        self._keys: dict[str, int] = {}
        self._prefixes: list[tuple[str, int]] = []
        self._scopes: dict[str, int] = {}
        self._scope_starts: list[tuple[str, int]] = []
        self._names: dict[str, int] = {}
        self._name_starts: list[tuple[str, int]] = []
        self._events: dict[str, int] = {}
        for index, dialect in enumerate(self.dialects):
            bit = 1 << index
            for key in dialect.keys:
                self._keys[key] = self._keys.get(key, 0) | bit
            self._prefixes.extend((prefix, bit) for prefix in dialect.prefixes)
            _register(dialect.scopes, bit, self._scopes, self._scope_starts)
            _register(dialect.span_names, bit, self._names, self._name_starts)
            for event in dialect.events:
                self._events[event] = self._events.get(event, 0) | bit
        self._key_memo: dict[str, int] = {}
        self._scope_memo: dict[str, int] = {}
        self._name_memo: dict[str, int] = {}
        self._outlines: dict[tuple[str, ...], Outline] = {}
        self._plans: dict[int, Plan] = {}

    def mask(self, span: Span, logs: Sequence[Log] = ()) -> int:
        """Which dialects the span is written in, as a bit set; 0 if it is no GenAI span."""
        return self._outline(span.attributes).mask | self._mask_beside(span, logs)

    def _mask_beside(self, span: Span, logs: Sequence[Log]) -> int:
        """Which dialects are marked by something else than attributes."""
        try:
            found = self._scope_memo[span.scope.name] | self._name_memo[span.name]
        except KeyError:
            found = _looked_up(span.scope.name, self._scopes, self._scope_starts, self._scope_memo)
            found |= _looked_up(span.name, self._names, self._name_starts, self._name_memo)
        for event in span.events:
            found |= self._events.get(event.name, 0)
        for log in logs:
            if log.event_name:
                found |= self._events.get(log.event_name, 0)
            if _holds_talk(log):
                found |= self._events.get("", 0)
        return found

    def knows(self, log: Log) -> bool:
        """Whether any dialect reads such a log record."""
        return (log.event_name != "" and log.event_name in self._events) or _holds_talk(log)

    def _outline(self, attributes: Attributes) -> Outline:
        keys = tuple(attributes)
        outline = self._outlines.get(keys)
        if outline is None:
            outline = Outline(self._mask_of(keys))
            if len(keys) <= _MEMO_KEYS and sum(map(len, keys)) <= _MEMO_KEYS * 40:
                if len(self._outlines) >= _MEMO_OUTLINES:
                    self._outlines.clear()
                self._outlines[keys] = outline
        return outline

    def _mask_of(self, keys: Iterable[str]) -> int:
        found = 0
        for key in keys:
            bits = self._key_memo.get(key)
            found |= _looked_up(key, self._keys, self._prefixes, self._key_memo) if bits is None else bits
        return found

    def _fit(self, outline: Outline, mask: int, attributes: Attributes) -> Fit:
        plan = self._plans.get(mask)
        if plan is None:
            plan = self._plans[mask] = plan_of([d for i, d in enumerate(self.dialects) if mask >> i & 1])
        fit = outline.fits[mask] = fit_of(plan, tuple(attributes))
        return fit

    def read(self, span: Span, logs: tuple[Log, ...] = ()) -> Step:
        """Read one span; never raises on any content.

        Returns:
            The step; of kind NONE if the span is no GenAI span.
        """
        if span.is_skeleton and not logs:
            return _structure(span)
        attributes = span.attributes
        outline = self._outline(attributes)
        mask = outline.mask | self._mask_beside(span, logs)
        if not mask:
            return _structure(span)
        fit = outline.fits.get(mask) or self._fit(outline, mask, attributes)
        plan = fit.plan
        source = Source(span, logs)
        kind = _kind(plan, source)
        is_call = kind is Kind.LLM
        came = came_io = went = went_io = None
        if kind not in _UNREAD:
            came, came_io = _side(source, fit.inputs, is_call=is_call)
            went, went_io = _side(source, fit.outputs, is_call=is_call)
        if kind is None:
            kind = _guess(came, came_io, went, went_io, span)
            is_call = kind is Kind.LLM
        if not is_call and came is not None:
            came, dumped = _dumped(came)
            came_io = came_io or dumped
        inputs, input_state = _merged(came, came_io, is_call=is_call)
        outputs, output_state = _merged(went, went_io, is_call=is_call)
        if span.dropped_attributes:  # by the SDK's limit on their number: whatever is there may be a part
            input_state, output_state = _lessened(input_state), _lessened(output_state)
        if fit.is_external and output_state is ContentState.ABSENT:
            output_state = ContentState.EXTERNAL
            if input_state is ContentState.ABSENT:
                input_state = ContentState.EXTERNAL
        (
            operation,
            model,
            provider,
            response_id,
            agent,
            tool_name,
            tool_call_id,
            conversation_id,
            user_id,
            input_tokens,
            output_tokens,
            finishes,
            tags,
        ) = read_facts(fit.facts, attributes)
        step = _OpenStep(
            span,
            kind,
            plan.names,
            inputs,
            outputs,
            _system(source, plan) if plan.system else "",
            came_io.text if came_io is not None else None,
            went_io.text if went_io is not None else None,
            came_io.key if came_io is not None else None,
            input_state,
            output_state,
            operation or "",
            model or None,
            provider or None,
            response_id or None,
            agent or None,
            tool_name or None,
            tool_call_id or None,
            Usage(input_tokens, output_tokens) if input_tokens is not None or output_tokens is not None else _NO_USAGE,
            finishes or (tuple([m.finish_reason for m in outputs if m.finish_reason]) if outputs else ()),
            conversation_id or None,
            user_id or None,
            tags or (),
            _metadata(attributes, fit),
            documents=documents_of(source, fit.outputs) if kind in _FINDING else (),
            evaluations=judgements_of(source, is_marked=fit.is_judged) if fit.is_judged or span.events or logs else (),
            is_error=span.status is Status.ERROR,
        )
        step.__class__ = Step
        return replace(step, **_own_marks(attributes)) if plan.has_marks else step


def _lessened(state: ContentState) -> ContentState:
    return ContentState.TRUNCATED if state is ContentState.PRESENT else state


def _looked_up(word: str, exact: Mapping[str, int], starts: Sequence[tuple[str, int]], memo: dict[str, int]) -> int:
    """The dialects that a word marks, by itself or by its beginning; noted in *memo*."""
    bits = exact.get(word, 0)
    for start, bit in starts:
        if word.startswith(start):
            bits |= bit
    if len(word) <= _MEMO_WORD:
        if len(memo) >= _MEMO_LIMIT:
            memo.clear()
        memo[word] = bits
    return bits


def _holds_talk(log: Log) -> bool:
    """Whether it is one of those into which AWS's distro moves a span's messages; they have no name of their own."""
    body = log.body
    if not isinstance(body, dict):
        return False
    return any(isinstance(side := body.get(name), dict) and "messages" in side for name in ("input", "output"))


def _structure(span: Span) -> Step:
    """The step of a span that is not GenAI."""
    said = said_by_any(span.attributes) if span.attributes else {}
    step = _OpenStep(
        span,
        Kind.NONE,
        conversation_id=said.get("conversation_id"),
        user_id=said.get("user_id"),
        is_error=span.status is Status.ERROR,
    )
    step.__class__ = Step
    return step


def _register(words: Sequence[str], bit: int, exact: dict[str, int], starts: list[tuple[str, int]]) -> None:
    for word in words:
        if word.endswith("*"):
            starts.append((word[:-1], bit))
        else:
            exact[word] = exact.get(word, 0) | bit


def _kind(plan: Plan, source: Source) -> Kind | None:
    for kind_of in plan.kinds:
        kind = kind_of(source)
        if kind is not None:
            return kind
    return None


def _side(source: Source, readers: Sequence[Reader], *, is_call: bool) -> tuple[Found | None, Found | None]:
    """The first messages and the first opaque value of one side, over all dialects in their order.

    Of a model call the messages are enough, even those that hold only tool calls.
    """
    talk: Found | None = None
    opaque: Found | None = None
    talk_weight = opaque_weight = -1
    enough = _PARTS if is_call else _FULL
    for reader in readers:
        if opaque_weight == _FULL and isinstance(reader, OpaqueReader):
            continue
        found = reader(source)
        if found is None:
            continue
        weight = _weight(found)
        if found.is_io:
            if weight > opaque_weight:
                opaque, opaque_weight = found, weight
        elif weight > talk_weight:
            talk, talk_weight = found, weight
        if talk_weight >= enough and (is_call or opaque_weight == _FULL):
            break
    return talk, opaque


_PARTS: Final = 2
_FULL: Final = 3


def _weight(found: Found) -> int:
    """How much a finding holds: text weighs most, parts without text less, empty messages least."""
    if found.text is not None:
        return _FULL
    weight = 1 if found.state is ContentState.REDACTED else 0
    for message in found.messages:
        for part in message.parts:
            if isinstance(part, Text) and part.content:
                return _FULL
            weight = _PARTS
    return weight


def _dumped(came: Found) -> tuple[Found | None, Found | None]:
    """Read a state that was written as the text of one user message (genai-langchain 1.3b0, dialects.md 2.1)."""
    if len(came.messages) != 1 or came.messages[0].role != "user":
        return came, None
    text = came.messages[0].text.strip()
    if text == "null":  # a crew without inputs (CrewAI's own tracer)
        return None, None
    if text[:2] != '{"' or text[-1:] != "}":
        return came, None
    inner = io_of(text, is_input=True)
    if inner is None or not (inner.text or inner.messages):
        return came, None
    return None, inner


def _merged(talk: Found | None, opaque: Found | None, *, is_call: bool) -> tuple[tuple[Message, ...], ContentState]:
    """One list of messages: for a model call the recorded ones, for anything else the longer ones.

    OpenInference's LangGraph spans index only the first message of the state (reconstruction.md 3.1).
    """
    if opaque is None:  # two of three sides
        return (talk.messages, talk.state) if talk is not None else ((), ContentState.ABSENT)
    best = talk
    if opaque.messages and (
        talk is None
        or _weight(talk) < min(2, _weight(opaque))
        or (not is_call and len(opaque.messages) > len(talk.messages))
    ):
        best = opaque
    if best is None or not best.messages:
        state = best.state if best is not None else ContentState.ABSENT
        if opaque.text is not None:
            state = opaque.state
        elif best is None:
            state = opaque.state if opaque.state is ContentState.REDACTED else ContentState.ABSENT
        return (), state
    state = best.state
    if state in (ContentState.ABSENT, ContentState.REDACTED) and opaque.text is not None:
        state = opaque.state
    return best.messages, state


def _guess(came: Found | None, came_io: Found | None, went: Found | None, went_io: Found | None, span: Span) -> Kind:
    """The kind of a GenAI span that no dialect names: only messages or a full pair of values count."""
    if went is not None and any(m.role == "assistant" for m in went.messages):
        return Kind.LLM
    if came_io is not None and went_io is not None and _weight(came_io) == _weight(went_io) == _FULL:
        return Kind.CHAIN
    if came is not None and came.messages and span.attributes.get("gen_ai.request.model"):
        return Kind.LLM
    return Kind.OTHER


def _metadata(attributes: Attributes, fit: Fit) -> Mapping[str, Value] | None:
    out: dict[str, Value] = {}
    for key in fit.metadata:
        value = attributes[key]
        if value is None or value == "":
            continue
        opened = decoded(value)[0]
        if isinstance(opened, dict) and key == "metadata":
            out.update(opened)
        else:
            out[key] = opened
    for key, name in fit.prefixed:
        value = attributes[key]
        if value is not None and value != "":
            out[name] = value
    return out or None


def _system(source: Source, plan: Plan) -> str:
    for key in plan.system:
        value: Value = source.attributes.get(key)
        if value is None:
            for event in source.span.events:
                value = event.attributes.get(key, value)
            for log in source.logs:
                value = log.attributes.get(key, value)
        if value is not None:
            text = system_text(value)
            if text:
                return text
    return ""


def system_text(value: Value) -> str:
    """Text of system instructions: plain, a list of parts, or a list of whole messages."""
    opened = decoded(value)[0]
    texts = plain_texts(opened)
    if texts:
        return "\n\n".join(texts)
    if is_list(opened) and isinstance(opened, Sequence):
        opened = tuple({"role": "system", "parts": (p,)} if not _is_message(p) else p for p in opened)
    found = messages_in(opened, "system")
    return "\n\n".join(m.text for m in found if m.text) if found else ""


def _is_message(value: Value) -> bool:
    return isinstance(value, dict) and ("role" in value or "parts" in value)


def _own_marks(attributes: Attributes) -> dict[str, Any]:
    """What the app said with our own attributes."""
    out: dict[str, Any] = {"is_skipped": _truth(attributes.get("spanlabel.skip")) is True}
    if "spanlabel.root" in attributes:
        out["root_hint"] = _truth(attributes["spanlabel.root"])
    for key, name in (("spanlabel.prompt", "given_prompt"), ("spanlabel.answer", "given_answer")):
        if key in attributes:
            out[name] = as_text(attributes[key])
    return out


def _truth(value: Value) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return None
