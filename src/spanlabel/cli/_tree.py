"""The tree of one trace, a line for each span and below it what matters of its text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from rich.console import Console
from rich.text import Text

from spanlabel.model import ContentState, Kind, Message, SpanKind, Step, Value
from spanlabel.pairing import words
from spanlabel.records.cleaning import Room

from ._explained import Explained, missing_sides
from ._screen import duration, harmless, one_line, preview_width, print_flowing

KIND_STYLES = {
    Kind.LLM: "magenta",
    Kind.AGENT: "cyan",
    Kind.WORKFLOW: "cyan",
    Kind.CHAIN: "blue",
    Kind.TOOL: "yellow",
    Kind.RETRIEVER: "green",
    Kind.EMBEDDING: "green",
    Kind.RERANK: "green",
}

_DEEPEST = 24
"""Levels that are drawn, if the screen is wide enough; below them only the number of the level is."""

_ROOM = 40
"""Columns that the drawing leaves for what is said of a span."""

_NAME = 80
"""Columns of a name."""

_ARGUMENT = 60
"""Characters of a tool call's argument."""


def print_tree(screen: Console, found: Explained) -> None:
    """Print one."""
    drawing = _Drawing(screen, found)
    for span_id, bars in _walk(found, min(_DEEPEST, max(1, (screen.width - _ROOM) // 3))):
        drawing.span(span_id, *bars)


def _walk(found: Explained, deepest: int) -> Iterator[tuple[str, tuple[str, str]]]:
    """Span ids, parents before children, each with what stands before its first and before its further lines."""
    tree = found.tree
    # Span id, what stands before its siblings, whether it is the last of them, its level.
    waiting: list[tuple[str, str, bool, int]] = [(root, "", True, 0) for root in reversed(tree.roots)]
    while waiting:
        span_id, before, is_last, level = waiting.pop()
        below = tree.children.get(span_id, ())
        if level == 0:
            first, beneath = "", ""
        elif level <= deepest:
            first = before + ("└─ " if is_last else "├─ ")
            beneath = before + ("   " if is_last else "│  ")
        else:
            first, beneath = f"{before}({level}) ", before
        yield span_id, (first, beneath + ("│ " if below and level < deepest else "  "))
        for index, child in reversed(list(enumerate(below))):
            waiting.append((child, beneath, index == len(below) - 1, level + 1))


class _Drawing:
    """Prints spans."""

    def __init__(self, screen: Console, found: Explained) -> None:
        self._screen = screen
        self._found = found
        self._steps = found.steps
        self._is_one = len(found.pairs) == 1
        self._prompts = {one.pair.prompt for one in found.pairs}

    def span(self, span_id: str, *bars: str) -> None:
        step = self._steps[span_id]
        pieces = [*_head(step), *self._marks(step)]
        first, further = bars
        print_flowing(self._screen, pieces, first=first, further=f"{further}  ")
        for label, text in self._texts(step):
            width = preview_width(self._screen, len(further) + len(label) + 2)
            shown = (one_line(text, width), "green" if label in ("prompt", "answer") else "dim")
            self._screen.print(Text.assemble((further, "dim"), (f"{label}: ", "dim"), shown), soft_wrap=True)

    def _marks(self, step: Step) -> Iterator[Text]:
        span_id = step.span.span_id
        parts: dict[int, list[str]] = {}
        for role, number in self._found.roles.get(span_id, ()):
            parts.setdefault(number, []).append(role)
        for number, roles in parts.items():
            whose = "" if self._is_one else f" of pair {number}"
            yield Text(f"◆ {', '.join(roles)}{whose}", style="bold green")
        for word in self._found.fates[span_id]:
            yield Text(f"· {words.fate(word).short}", style="yellow")
        for side in missing_sides(step):
            state = step.input_state if side == "question" else step.output_state
            yield Text(f"· {side} {_STATE_WORDS[state]}", style="yellow")
        if ContentState.TRUNCATED in (step.input_state, step.output_state):
            yield Text("· cut off", style="yellow")
        if step.root_hint is True:
            yield Text("· marked as root by the app", style="yellow")
        if step.is_error:
            what = one_line(step.span.status_message, 60)
            yield Text(f"· failed: {what}" if what else "· failed", style="red")
        tree, above = self._found.tree, step.span.parent_id
        if above in self._steps and tree.parent[span_id] is None and "leaked_context" not in self._found.fates[span_id]:
            yield Text("· its parent stands below it", style="yellow")
        gone = tree.missing_parent.get(span_id)
        if gone is not None:
            yield Text(f"· its parent {harmless(gone)} is not here", style="dim")

    def _texts(self, step: Step) -> Iterator[tuple[str, str]]:
        """What of the span's text is shown: the parts of pairs, and what a model call was asked and gave out."""
        roles = self._found.roles.get(step.span.span_id, ())
        for found in self._found.pairs:
            if found.is_hidden:
                continue
            if ("prompt", found.number) in roles:
                yield "prompt", found.pair.prompt
            if ("answer", found.number) in roles:
                yield "answer", found.pair.answer
        if step.kind is not Kind.LLM:
            return
        asked, given = _asked(step), _given_out(step)
        if asked and asked not in self._prompts:
            yield "asked", asked
        if given and not any(role == "answer" for role, _ in roles):
            yield "gave", given


_STATE_WORDS = {
    ContentState.ABSENT: "not captured",
    ContentState.REDACTED: "redacted",
    ContentState.EXTERNAL: "stored elsewhere",
}


def _head(step: Step) -> Iterator[Text]:
    """Kind and name, and the facts that help to recognise a span."""
    span = step.span
    if step.kind is Kind.NONE:
        kind = "span" if span.kind in (SpanKind.INTERNAL, SpanKind.UNSPECIFIED) else span.kind.name.lower()
        yield Text(f"{kind} {one_line(span.name, _NAME)}", style="dim")
        yield Text(duration(span.end_ns - span.start_ns), style="dim")
        return
    yield Text.assemble(
        (step.kind.value, KIND_STYLES.get(step.kind, "white")), " ", (one_line(span.name, _NAME), "bold")
    )
    yield Text(duration(span.end_ns - span.start_ns))
    for fact in (step.model, step.agent, step.tool_name):
        if fact and fact not in span.name:
            yield Text(one_line(fact, _NAME))
    yield Text("+".join(step.dialects), style="dim")


def _asked(step: Step) -> str:
    """What a model call was asked last."""
    said = (message.text.strip() for message in reversed(step.input) if message.role == "user")
    return next((text for text in said if text), "")


def _given_out(step: Step) -> str:
    """What a model call gave out, in a line."""
    said = [_said(message) for message in step.output]
    return " | ".join(text for text in said if text) or (step.output_text or "")


def _said(message: Message) -> str:
    calls = ", ".join(f"{call.name}({_arguments(call.arguments)})" for call in message.tool_calls)
    return " ".join(text for text in (message.text.strip(), f"calls {calls}" if calls else "") if text)


def _arguments(value: Value) -> str:
    # Room takes what no str() does: nesting without end, integers of a million digits.
    if isinstance(value, dict):
        return ", ".join(f"{key}={Room(_ARGUMENT).value(item)!r}" for key, item in islice(value.items(), 4))
    return "" if value is None else str(Room(_ARGUMENT).value(value))
