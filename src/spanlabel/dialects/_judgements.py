"""Judgements that lie on spans already: of people, of judge models, of code. They become suggestions, never a pair.

- OpenInference: `annotations.N.annotation.*` and `evaluations.N.evaluation.*`, also with `trace.` or `session.` before
  (specification "Annotations and Evaluations").
- OpenTelemetry: the event `gen_ai.evaluation.result`, of a span or as a log record (semantic conventions 1.38).
- Logfire: a span below the judged one, with the name in `logfire.feedback.name` and the value in an attribute of that
  name (logfire 5.2.0, `record_feedback`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from spanlabel.model import Evaluation, Value

from ._codec import as_float, as_text
from ._dialect import Source
from ._indexed import grouped

EVENT: Final = "gen_ai.evaluation.result"
FEEDBACK: Final = "logfire.feedback.name"

_NAMES: Final = ("annotation", "evaluation")
_PREFIXES: Final = tuple(f"{scope}{name}s" for scope in ("", "trace.", "session.") for name in _NAMES)
_STARTS: Final = tuple(f"{prefix}." for prefix in _PREFIXES)


def may_judge(keys: Iterable[str]) -> bool:
    """Whether attributes with these keys may hold a judgement."""
    return any(key == FEEDBACK or key.startswith(_STARTS) for key in keys)


def judgements_of(source: Source, *, is_marked: bool) -> tuple[Evaluation, ...]:
    """Read all judgements of a span, its events and its log records.

    Args:
        source: The span.
        is_marked: Its attributes may hold some, as `may_judge` says.
    """
    found = [
        *[_of_event(event.attributes) for event in source.span.events if event.name == EVENT],
        *[_of_event(log.attributes) for log in source.logs if log.event_name == EVENT],
    ]
    if is_marked:
        found += [*_indexed(source), _of_feedback(source.attributes)]
    if not found:
        return ()
    return tuple(dict.fromkeys([one for one in found if one is not None]))


def _indexed(source: Source) -> Iterator[Evaluation | None]:
    for prefix in _PREFIXES:
        for group in grouped(source, prefix):
            inner = next((one for name in _NAMES if isinstance(one := group.get(name), dict)), None)
            if inner is not None:
                yield _judgement(
                    inner.get("name"),
                    inner.get("score"),
                    inner.get("label"),
                    inner.get("explanation"),
                    (as_text(inner.get("annotator_kind")) or "openinference").lower(),
                )


def _of_event(attributes: Mapping[str, Value]) -> Evaluation | None:
    return _judgement(
        attributes.get("gen_ai.evaluation.name"),
        attributes.get("gen_ai.evaluation.score.value"),
        attributes.get("gen_ai.evaluation.score.label"),
        attributes.get("gen_ai.evaluation.explanation"),
        "otel_genai",
    )


def _of_feedback(attributes: Mapping[str, Value]) -> Evaluation | None:
    name = attributes.get(FEEDBACK)
    if not isinstance(name, str):
        return None
    value = attributes.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    score, label = (value, None) if is_number else (None, value)
    return _judgement(name, score, label, attributes.get("logfire.feedback.comment"), "logfire")


def _judgement(name: Value, score: Value, label: Value, explanation: Value, source: str) -> Evaluation | None:
    """None without a name, or with nothing but a name."""
    called, word, why = as_text(name), as_text(label), as_text(explanation)
    number = as_float(score)
    if called is None or (number is None and word is None and why is None):
        return None
    return Evaluation(called, number, word, why, source)
