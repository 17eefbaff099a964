"""Opaque inputs and outputs of functions, chains, nodes and agents: what text of them a person would read.

A framework writes here whatever its function took and gave: a question, a dictionary of template variables, the whole
state of a graph, the repr of an object. Only what is certain becomes text; a state or a repr never does
(reconstruction.md 3.1).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from spanlabel.model import Message, Text, Value

from ._codec import LISTS, MAX_DEPTH, as_json, as_text, decoded
from ._messages import messages_in

QUESTION_KEYS: Final = (
    "question",
    "query",
    "task",
    "user_input",
    "user_message",
    "user_msg",
    "user_query",
    "prompt",
    "input",
    "message",
    "new_message",
    "input_value",
    "query_str",
    "query_bundle",
    "str_or_query_bundle",
    "content",
    "text",
    "description",
)
ANSWER_KEYS: Final = (
    "final_output",
    "final_result",
    "final_answer",
    "answer",
    "result",
    "response",
    "raw",
    "output",
    "content",
    "text",
    "replies",
    "reply",
    "completion",
    "value",
)
_WRAPPERS: Final = frozenset(
    {"inputs", "outputs", "tags", "metadata", "kwargs", "args", "config", "callbacks", "name", "run_id", "stream_mode"}
)
_WRAPPED: Final = frozenset({"inputs", "outputs", "args", "kwargs"})
_HISTORIES: Final = ("chat_history", "history", "message_history")
_STATE_WORDS: Final = frozenset(
    {
        "messages",
        "role",
        "additional_kwargs",
        "response_metadata",
        "intermediate_steps",
        "lc_attributes",
        "tool_calls",
        "chat_history",
        "jumpTo",
        "jump_to",
        "lg_name",
        "goto",
        "state",
        "session_id",
        "run_id",
    }
)
_FAILURES: Final = frozenset({"error_code", "error_message", "errorCode", "errorMessage"})
_ROUTING: Final = frozenset({"__end__", "__start__", "END", "START", "__pregel_pull", "__pregel_push"})
_LONGEST_ROUTING: Final = max(map(len, _ROUTING))
_REPR: Final = re.compile(
    r"""^\s*(?:
        <[\w.]+(?:\s+object)?\s+at\s+0x[0-9a-f]+>      # <x.Y object at 0x7f..>
      | <(?:class|function|bound\s|generator|async_generator|coroutine)\b
      | [A-Z]\w*(?:\.\w+)*\((?:\w+=|<|\[|\{|'|"|\)\s*$)       # StopEvent(result=..., StartEvent()
      | content=['"]                                  # str() of a LangChain message
      | \w+=(?:\[|\{|'|"|None|\w+\()                    # messages=[...
    )""",
    re.VERBOSE,
)
_FINAL_STEP: Final = re.compile(
    r"FinalAnswerStep\(output=(?P<output>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)\s*$", re.DOTALL
)
"""How the output of smolagents' streamed run ends, which is the printed objects of the stream, strung together."""

_MAX_LITERAL: Final = 100_000
_MAX_LINES: Final = 1000
_CONTAINERS: Final = (str, list, tuple, dict)


@dataclass(slots=True)  # not frozen, which would make it five times as slow to make (0.2 and 0.9 µs)
class Io:
    """What an opaque value holds; nobody changes it.

    Attributes:
        messages: Messages found in it; empty if none.
        text: What a person would read; None if nothing is certain.
        key: The only field that the text was taken from, if that is not a well-known name.
        is_cut: It had been cut and was mended.
        is_bare: The value was text from the start, in no dictionary.
    """

    messages: tuple[Message, ...] = ()
    text: str | None = None
    key: str | None = None
    is_cut: bool = False
    is_bare: bool = False


def is_repr(text: str) -> bool:
    """Whether *text* is how Python prints an object, which no person should be shown."""
    return _REPR.match(text) is not None


def read_io(value: Value, *, is_input: bool) -> Io | None:
    """Look into an opaque value.

    Returns:
        What was found; None if the value is empty.
    """
    opened, cut = decoded(value)
    if _is_empty(opened):
        return None
    io = (_INPUTS if is_input else _OUTPUTS).read(opened, 0)
    if io is None:
        return Io(is_cut=cut)
    if is_input and isinstance(opened, dict) and "model" in opened:
        io = _with_instructions(io, opened)
    is_bare = isinstance(opened, str) and io.text == opened
    return Io(io.messages, io.text, io.key, cut, is_bare) if cut or is_bare else io


def _with_instructions(io: Io, request: Mapping[str, Value]) -> Io:
    """What a model's request holds, with the instructions that stand apart from the messages in front."""
    said = next((text for key in _INSTRUCTIONS if (text := as_text(request.get(key))) and not is_repr(text)), None)
    asked = io.messages or (messages_in(io.text, "user") if io.text else None)
    if said is None or not asked or any(m.role == "system" for m in asked):
        return io
    return Io((Message("system", (Text(said),)), *asked), None, None, io.is_cut)


_INSTRUCTIONS: Final = ("instructions", "system")
"""Of OpenAI's Responses API, of Anthropic's."""


class _Reader:
    """Reads one side; holds which side it is."""

    def __init__(self, is_input: bool) -> None:
        self._is_input = is_input
        self._keys = QUESTION_KEYS if is_input else ANSWER_KEYS
        self._key_set = frozenset(self._keys)
        self._role = "user" if is_input else "assistant"

    def read(self, value: Value, depth: int) -> Io | None:
        if depth > MAX_DEPTH:
            return None
        if isinstance(value, str):
            return self._text(value, depth)
        if isinstance(value, dict):
            return (_rendered(value) if "lc" in value else None) or self._mapping(value, depth)
        if isinstance(value, LISTS):
            return self._list(value, depth)
        text = as_text(value)
        return Io(text=text) if text else None

    def _text(self, value: str, depth: int) -> Io | None:
        text = value.strip()
        if not text or (len(text) <= _LONGEST_ROUTING and text in _ROUTING):
            return None
        if text[0] in "{[(" and len(text) < _MAX_LITERAL and text[-1] in "}])":
            literal = _literal(text)
            if isinstance(literal, dict | list | tuple) and literal:
                return self.read(literal, depth + 1)
        if self._is_input and text.startswith(("{'role':", '{"role":')):
            messages = _printed_lines(text)
            if messages:
                return Io(messages)
        if is_repr(text):
            ended = None if self._is_input else _FINAL_STEP.search(text)
            answer = _literal(ended["output"]) if ended else None
            return Io(text=answer) if isinstance(answer, str) and answer else None
        return Io(text=value)

    def _list(self, value: Sequence[Value], depth: int) -> Io | None:
        messages = messages_in(value, self._role, bare_text=False)
        if messages:
            return Io(messages)
        items = [decoded(item)[0] for item in value[:50]]
        if items and all(isinstance(item, dict) and "update" in item for item in items):
            for item in reversed(items):  # LangGraph commands: the last one speaks
                assert isinstance(item, dict)  # noqa: S101 - for the type checker, see all() above
                found = self.read(item["update"], depth + 1)
                if found is not None:
                    return found
            return None
        found_all = [self.read(item, depth + 1) for item in items if item is not None]
        speaking = [io for io in found_all if io is not None and (io.messages or io.text)]
        if not speaking:
            return None
        if len(speaking) == 1 or self._is_input:
            return speaking[0]
        return speaking[-1] if speaking[-1].messages else speaking[0]

    def _mapping(self, value: Mapping[str, Value], depth: int) -> Io | None:
        if not self._is_input:
            text = _structured(value)
            if text:
                return Io(messages_in(value.get("messages"), self._role, bare_text=False) or (), text)
            if not _FAILURES.isdisjoint(value) and "content" not in value:
                return None
        messages = messages_in(value, self._role, bare_text=False)
        if messages:
            return Io(messages)
        bare = value.get("messages")
        if self._is_input and isinstance(bare, str) and not is_repr(bare) and bare.strip()[:1] not in ("[", "{"):
            return Io(text=bare) if bare.strip() else None  # CrewAI's `Agent.kickoff` takes a question by this name
        if not _WRAPPED.isdisjoint(value):
            unwrapped = self._unwrap(value, depth)
            if unwrapped is not None:
                return unwrapped
        if self._key_set.isdisjoint(value):
            return self._unknown(value, depth)
        history = self._history(value)
        for key in self._keys:
            if key in value:
                found = self.read(decoded(value[key])[0], depth + 1)
                if found is not None and (found.text or found.messages):
                    if history and found.text:
                        asked = messages_in(found.text, self._role) or ()
                        return Io((*history, *asked), found.text)
                    if self._is_input and len(found.messages) == 1 and found.messages[0].role == "user":
                        return Io(text=found.messages[0].text or None)  # one new message is no conversation
                    return found
        return self._unknown(value, depth)

    def _unwrap(self, value: Mapping[str, Value], depth: int) -> Io | None:
        """Take off what a framework puts around the arguments or the result of a call."""
        keys = set(value)
        for key in ("inputs", "outputs"):
            if key in keys and keys <= _WRAPPERS:
                return self.read(decoded(value[key])[0], depth + 1) or Io()
        if not ({"args", "kwargs"} & keys and keys <= {"args", "kwargs"}):
            return None
        kwargs = decoded(value.get("kwargs"))[0]
        args = decoded(value.get("args"))[0]
        named: list[Value] = [kwargs] if isinstance(kwargs, dict) and kwargs else []
        placed = list(args[:20]) if isinstance(args, LISTS) else []
        is_named = bool(named) and isinstance(kwargs, dict) and not self._key_set.isdisjoint(kwargs)
        for given in (*named, *placed) if is_named or not placed else (*placed, *named):
            found = self.read(decoded(given)[0], depth + 1)
            if found is not None and (found.text or found.messages):
                return found
        return Io()

    def _history(self, value: Mapping[str, Value]) -> tuple[Message, ...]:
        if not self._is_input:
            return ()
        for key in _HISTORIES:
            found = messages_in(value[key], "user", bare_text=False) if key in value else None
            if found:
                return found
        return ()

    def _unknown(self, value: Mapping[str, Value], depth: int) -> Io | None:
        """A dictionary of which no key is known."""
        filled = {k: v for k, v in value.items() if not _is_empty(v)}
        if not filled:
            return None
        if len(filled) == 1:
            [(key, inner)] = filled.items()
            if key in self._keys:  # read already, in vain: twice at each level would be 2 to the power of the depth
                return None
            found = self.read(decoded(inner)[0], depth + 1)
            if found is None or found.messages:
                return found
            is_leaf = isinstance(inner, str | int | float)
            if found.text is None or (is_leaf and key in _STATE_WORDS):
                return None
            return Io(found.messages, found.text, found.key or (key if is_leaf else None))
        if all(isinstance(v, dict) for v in filled.values()):  # keyed by component, as Haystack does
            components = [v for k, v in filled.items() if k not in self._keys]
            for inner in components if self._is_input else reversed(components):
                found = self.read(inner, depth + 1)
                if found is not None and (found.messages or found.text):
                    return found
            return None
        if self._is_input or _STATE_WORDS & set(filled) or not _is_plain(filled):
            return None
        return Io(text=as_json(value))


_INPUTS: Final = _Reader(is_input=True)
_OUTPUTS: Final = _Reader(is_input=False)


def _structured(value: Mapping[str, Value]) -> str | None:
    """A structured answer, as the model's schema wanted it, as text."""
    found = value.get("structured_response", value.get("structuredResponse"))
    if found is None:
        return None
    opened = decoded(found)[0]
    if isinstance(opened, dict) and opened.get("type") == "constructor":
        opened = opened.get("kwargs")
    if isinstance(opened, dict):
        return as_json(opened)
    return opened if isinstance(opened, str) and not is_repr(opened) else None


def _rendered(value: Mapping[str, Value]) -> Io | None:
    """What a LangChain prompt template made: messages for the model, so that no chain's step answers with them."""
    path, kwargs = value.get("id"), value.get("kwargs")
    if not (isinstance(path, LISTS) and path and isinstance(path[-1], str) and isinstance(kwargs, dict)):
        return None
    if not path[-1].endswith("PromptValue"):
        return None
    held = kwargs.get("messages", kwargs.get("value"))
    return Io(messages_in(held, "user") or ())


def _printed_lines(text: str) -> tuple[Message, ...]:
    """Messages that were printed as Python prints them, one a line (Agno's list of messages); none if any is not."""
    found: list[Message] = []
    for line in text.splitlines()[:_MAX_LINES]:
        value = _literal(line) if line[:1] == "{" and len(line) < _MAX_LITERAL else None
        messages = messages_in(value, "user", bare_text=False) if isinstance(value, dict) else None
        if not messages:
            return ()
        found.extend(messages)
    return tuple(found)


def _is_empty(value: Value) -> bool:
    return value is None or (not value and isinstance(value, _CONTAINERS))


def _is_plain(value: Mapping[str, Value]) -> bool:
    """Whether a result is data a person can read, with no repr inside."""
    return not any(isinstance(v, str) and is_repr(v) for v in value.values())


def _literal(text: str) -> Value:
    """A Python literal; None if it is none."""
    try:
        value: Value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value
