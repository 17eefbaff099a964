"""Why a trace gives no pair, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from spanlabel.model import Kind, Pair, Step

from ._explained import NOT_CAPTURED, Explained, missing_sides
from ._screen import harmless, one_line

_RUNS = frozenset({Kind.AGENT, Kind.WORKFLOW, Kind.CHAIN})


def why_not(found: Explained) -> list[str]:
    """Give the causes in sentences, the most telling first; at least one."""
    steps = [step for step in found.trace.steps if step.kind is not Kind.NONE]
    if not steps:
        return [_no_genai(found)]
    if found.inner_of:
        whose = f"What was asked and answered here is a step of the pair in {_trace(found.inner_of[0])}"
        return [f"{whose}: its time lies within that pair's, and they share a text."]
    causes = [*_from_app(found), *_from_calls(found, steps), *_from_around(found)]
    return causes or ["No span here holds both a question and a final answer."]


def _no_genai(found: Explained) -> str:
    scopes = Counter(step.span.scope.name or "no name" for step in found.trace.steps)
    named = ", ".join(one_line(name, 60) for name, _ in scopes.most_common(5))
    return (
        f"No GenAI span is here; the spans were made by: {named}. If one of these records model calls, spanlabel "
        "does not know its way of writing yet: it needs a dialect."
    )


def _from_app(found: Explained) -> Iterator[str]:
    if any("skipped_by_app" in words for words in found.fates.values()):
        yield "The app asked for it: spanlabel.skip = true or spanlabel.root = false stands on a span."


def _from_around(found: Explained) -> Iterator[str]:
    if found.within:
        yield (
            f"It ran within the time of the pair in {_trace(found.within[-1])}, in the same service: if the "
            "instrumentation gives each step a trace of its own, it is a step of that run."
        )


def _from_calls(found: Explained, steps: list[Step]) -> Iterator[str]:
    every = [step for step in steps if step.kind is Kind.LLM]
    calls = [step for step in every if "copy" not in found.fates[step.span.span_id]]
    if not every:
        yield from _without_calls(found, steps)
        return
    if not calls:
        yield "Each model call here is a copy of one that another instrumentation recorded in another trace."
        return
    failed = [step for step in calls if step.is_error]
    silent = [step for step in calls if "answer" in missing_sides(step)]
    deaf = [step for step in calls if missing_sides(step) == ("question",)]
    if failed:
        yield _failure(calls, failed)
    if silent:
        is_both = not deaf and all(len(missing_sides(step)) == 2 for step in silent)
        yield from _not_captured(found, silent, "content" if is_both else "answer")
    if deaf:
        yield from _not_captured(found, deaf, "question")
    if not failed and any(step.kind in _RUNS and step.is_error for step in steps):
        yield "The run ended in an error, and no answer came after it."
    if not failed and not silent and any(m.tool_calls for m in max(calls, key=lambda s: s.span.end_ns).output):
        yield (
            "The last thing that the model gave out is a request for a tool; no answer follows it. Either the run was "
            "broken off, or the spans of its end are not in what was read."
        )
    inner = {span_id for span_id, words in found.fates.items() if "inner" in words or "within_tool" in words}
    if inner and all(_is_below(found, step.span.span_id, inner) for step in calls):
        yield "Each model call here is an inner step of a tool, a retriever, an evaluator or the like."


def _without_calls(found: Explained, steps: list[Step]) -> Iterator[str]:
    kinds = Counter(step.kind.value for step in steps)
    listed = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    yield f"No model call is here ({listed}), and no run says both a question and an answer of its own."
    mute = [step for step in steps if step.kind in _RUNS and {step.input_state, step.output_state} <= NOT_CAPTURED]
    yield from _switches(found, mute)


def _failure(calls: list[Step], failed: list[Step]) -> str:
    whose = "The model call" if len(calls) == 1 else f"{len(failed)} of {len(calls)} model calls"
    said = next((step.span.status_message for step in failed if step.span.status_message), "")
    what = f" ({one_line(said, 120)})" if said else ""
    return f"{whose} failed{what}; what ended in an error is nothing to review."


def _not_captured(found: Explained, calls: list[Step], what: str) -> Iterator[str]:
    states = ", ".join(
        dict.fromkeys((step.input_state if what == "question" else step.output_state).value for step in calls)
    )
    whose = "The model call was" if len(calls) == 1 else f"{len(calls)} model calls were"
    yield f"{whose} traced without {what} ({states}). What was not captured cannot be reviewed."
    yield from _switches(found, calls)


def _switches(found: Explained, steps: list[Step]) -> Iterator[str]:
    for dialect in dict.fromkeys(step.dialects[0] for step in steps):
        switch = found.switches.get(dialect, "")
        if switch:
            yield f"What decides whether {dialect} captures content: {switch}."


def _trace(pair: Pair) -> str:
    return f"trace {harmless(pair.trace_id)}"


def _is_below(found: Explained, span_id: str, tops: set[str]) -> bool:
    return span_id in tops or any(above in tops for above in found.tree.above(span_id))
