r"""Conditions on a pair, as text: what `include`, `exclude` and `sample_when` are lists of.

::

    NAME=GLOB         service scope model provider agent conversation user tag token, with * ? and [..]; case counts
    attribute.KEY=GLOB    an attribute of the spans that gave the pair, of their process, or a fact that the app set
    evaluation.NAME=GLOB  the label of a judgement on the spans; its NAME may be a glob too
    evaluation.NAME<X     its score; so does >
    confidence<X          how sure the pair is, 0 to 1; so does >
    error             a step of the run failed, though it was answered in the end
    bad_evaluation    a judgement's label says no (bad, fail, negative, ...) or its score is below 0.5
    low_confidence    the confidence is below 0.8

Several joined by ` & ` must all hold. What a pair does not have matches no glob, not even `*`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import translate
from typing import TypeAlias

from spanlabel.model import Evaluation, Pair, Span, Trace, Value
from spanlabel.model.tree import Tree

TOKEN = "spanlabel.token"  # noqa: S105  an attribute's name
"""What the receiver notes on a process's attributes: the name of the token that its spans came with."""

LOW_CONFIDENCE = 0.8
"""What `low_confidence` means."""

BAD_SCORE = 0.5
"""What `bad_evaluation` means where there is a score: most are 0 to 1, or 0 and 1. Others are named with a figure."""

BAD_LABELS = frozenset(
    {
        "bad",
        "dislike",
        "disliked",
        "down",
        "fail",
        "failed",
        "failure",
        "false",
        "harmful",
        "hallucinated",
        "hallucination",
        "incorrect",
        "irrelevant",
        "negative",
        "no",
        "poor",
        "reject",
        "rejected",
        "thumbs-down",
        "thumbs_down",
        "thumbsdown",
        "toxic",
        "unacceptable",
        "unfaithful",
        "unhelpful",
        "unsafe",
        "wrong",
        "👎",
    }
)
"""Labels, in lower case, by which `bad_evaluation` knows a judgement that says no."""

Test: TypeAlias = Callable[[Pair, Trace], bool]

_PART = re.compile(r"(?P<name>[^=<>\s]+)\s*(?P<sign>[=<>])\s*(?P<value>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Attributes:
        text: As it was written.
        matches: Whether it holds for a pair and the trace that the pair was found in.
    """

    text: str
    matches: Test


def parse_condition(text: str) -> Condition:
    """Read one.

    Raises:
        ValueError: It is not written as above; the text says what would be right.
    """
    tests = tuple(_parse_part(part.strip()) for part in text.split(" & "))
    if len(tests) == 1:
        return Condition(text, tests[0])
    return Condition(text, lambda pair, trace: all(test(pair, trace) for test in tests))


def first_match(conditions: Sequence[Condition], pair: Pair, trace: Trace) -> Condition | None:
    """The first condition that holds."""
    return next((one for one in conditions if one.matches(pair, trace)), None)


def _parse_part(part: str) -> Test:
    if part in _WORDS:
        return _WORDS[part]
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"must be NAME=GLOB or one of {', '.join(_WORDS)}")
    name, sign, value = found["name"], found["sign"], found["value"].strip()
    kind, _, key = name.partition(".")
    if sign == "=" and name in _FACTS:
        return _glob_test(_FACTS[name], value)
    if sign == "=" and kind == "attribute" and key:
        return _glob_test(lambda pair, trace: _attribute(pair, trace, key), value)
    if kind == "evaluation" and key:
        return _evaluation_test(key, sign, value)
    if sign != "=" and name == "confidence":
        holds = _comparison(sign, value)
        return lambda pair, _: holds(pair.confidence)
    raise ValueError(_unknown(name, sign))


def _unknown(name: str, sign: str) -> str:
    if name in _FACTS or name.partition(".")[0] == "attribute":
        return f"{name} takes =, not {sign}"
    if name == "confidence":
        return "confidence takes < or >, not ="
    names = (*_FACTS, "confidence", "attribute.KEY", "evaluation.NAME")
    near = get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
    return f"{name} is no name; {meant}"


def _glob_test(values: Callable[[Pair, Trace], Iterable[str]], glob: str) -> Test:
    is_like = re.compile(translate(glob)).match
    return lambda pair, trace: any(is_like(value) for value in values(pair, trace))


def _evaluation_test(key: str, sign: str, value: str) -> Test:
    is_named = re.compile(translate(key)).match
    if sign == "=":
        is_like = re.compile(translate(value)).match
        return lambda pair, _: any(is_named(one.name) and is_like(one.label or "") for one in pair.evaluations)
    holds = _comparison(sign, value)
    return lambda pair, _: any(
        one.score is not None and is_named(one.name) and holds(one.score) for one in pair.evaluations
    )


def _comparison(sign: str, value: str) -> Callable[[float], bool]:
    try:
        limit = float(value)
    except ValueError:
        raise ValueError(f"what stands behind {sign} must be a number") from None
    return (lambda number: number < limit) if sign == "<" else (lambda number: number > limit)


def _spans(pair: Pair, trace: Trace) -> Iterator[Span]:
    """The spans that gave the pair."""
    wanted = {pair.unit_span_id, pair.prompt_span_id, pair.answer_span_id}
    return (step.span for step in trace.steps if step.span.span_id in wanted)


def _attribute(pair: Pair, trace: Trace, key: str) -> Iterator[str]:
    for span in _spans(pair, trace):
        for attributes in (span.attributes, span.resource):
            if key in attributes:
                yield from _texts(attributes[key])
    if pair.metadata and key in pair.metadata:
        yield from _texts(pair.metadata[key])


def _texts(value: Value) -> Iterator[str]:
    """A value as it is written in a condition; of a list each entry."""
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, str | int | float):
        yield str(value)
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, str | int | float):
                yield from _texts(item)


def _known(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


_FACTS: dict[str, Callable[[Pair, Trace], Iterable[str]]] = {
    "service": lambda pair, _: _known(pair.service),
    "scope": lambda pair, trace: {span.scope.name for span in _spans(pair, trace)},
    "model": lambda pair, _: _known(pair.model),
    "provider": lambda pair, _: _known(pair.provider),
    "agent": lambda pair, _: _known(pair.agent),
    "conversation": lambda pair, _: _known(pair.conversation_id),
    "user": lambda pair, _: _known(pair.user_id),
    "tag": lambda pair, _: pair.tags,
    "token": lambda pair, trace: _attribute(pair, trace, TOKEN),
}


def _failed(pair: Pair, trace: Trace) -> bool:
    """Whether the run, or anything below it, failed."""
    failed = {step.span.span_id for step in trace.steps if step.is_error}
    if not failed:
        return False
    tree = Tree.of(step.span for step in trace.steps)
    return not failed.isdisjoint(tree.walk(pair.unit_span_id))


def _is_bad(found: Evaluation) -> bool:
    if found.label is not None and found.label.strip().lower() in BAD_LABELS:
        return True
    return found.score is not None and found.score < BAD_SCORE


_WORDS: dict[str, Test] = {
    "error": _failed,
    "bad_evaluation": lambda pair, _: any(_is_bad(one) for one in pair.evaluations),
    "low_confidence": lambda pair, _: pair.confidence < LOW_CONFIDENCE,
}
