"""A pair in full, for people: what was asked and answered, and why it is thought so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from spanlabel.model import Message, Pair
from spanlabel.pairing import words
from spanlabel.rules.routing import NOTE

from ._explained import FoundPair
from ._screen import PIPED_WIDTH, count, duration, harmless, one_line, print_flowing

LONGEST = 4_000
"""Characters of a text that are shown."""

_MOST_MESSAGES = 12
_MARGIN = "  "
_LABEL = 10


def print_pair(screen: Console, found: FoundPair, *, of: int) -> None:
    """Print one.

    Args:
        screen: Where to.
        found: The pair.
        of: How many there are in its trace.
    """
    pair = found.pair
    is_good = found.dropped is None
    title = [
        Text("Pair" if of == 1 else f"Pair {found.number} of {of}", style="bold"),
        Text(f"confidence {pair.confidence:.2f}", style="green" if is_good else "red"),
    ]
    if is_good:
        title.append(Text(f"record {found.record_id}"))
        if pair.noted and NOTE in pair.noted:
            title.append(Text(f"route {pair.noted[NOTE]}"))
    elif found.dropped == "low_confidence":
        title.append(Text(f"dropped: {found.why}", style="red"))
    else:
        title.append(Text(f"dropped by {found.dropped}: {harmless(found.why)}", style="red"))
    print_flowing(screen, title)
    if found.is_hidden:
        labelled(screen, "texts", Text("not shown, because they could not be redacted"))
        return
    labelled(screen, "prompt", Text(cut(pair.prompt)))
    for number, answer in enumerate(pair.answers, 1):
        label = "answer" if len(pair.answers) == 1 else f"answer {number}"
        labelled(screen, label, Text(cut(answer)))
    labelled(screen, "chat", Text(_sizes(pair.messages)))
    labelled(screen, "facts", Text(" · ".join(_facts(pair))))
    for index, text in enumerate(_reasons(pair)):
        labelled(screen, "why" if index == 0 else "", text)


def labelled(screen: Console, label: str, text: Text, *, width: int = _LABEL) -> None:
    """Print a text beside a label, wrapped to what is left of the screen.

    Args:
        screen: Where to.
        label: What stands to its left in the first line.
        text: The text; it may have several lines.
        width: Columns of the label.
    """
    left = max(20, screen.width - len(_MARGIN) - width)
    lines = text.split("\n") if screen.width >= PIPED_WIDTH else text.wrap(screen, left)
    for index, line in enumerate(lines):
        beside = f"{'' if index else label:<{width}}"
        shown = Text.assemble(_MARGIN, (beside if len(beside) <= width else f"{beside}  ", "dim"), line)
        shown.rstrip()
        screen.print(shown, soft_wrap=True)


def cut(text: str) -> str:
    """At most `LONGEST` characters of a text, harmless, with a mark where some are missing."""
    if len(text) <= LONGEST:
        return harmless(text)
    return f"{harmless(text[:LONGEST])} […{len(text) - LONGEST:,} more characters]"


def _sizes(messages: Sequence[Message]) -> str:
    """Roles and sizes of a conversation, as "system 120 · user 34 · assistant 50 · user 42 characters"."""
    listed = [f"{one_line(message.role, 20)} {_size(message)}" for message in messages]
    if len(listed) > _MOST_MESSAGES:
        listed = [*listed[:3], f"… {len(listed) - 9} more …", *listed[-6:]]
    return f"{' · '.join(listed)} characters" if listed else "not captured"


def _size(message: Message) -> str:
    text = message.text
    if not text and message.tool_calls:
        return f"calls {', '.join(one_line(call.name, 40) for call in message.tool_calls[:4])}"
    if not text and message.tool_results:
        return "gives a result"
    return f"{len(text):,}"


def _facts(pair: Pair) -> Iterator[str]:
    usage = pair.usage
    named = (
        ("agent", pair.agent),
        ("conversation", pair.conversation_id),
        ("user", pair.user_id),
        ("service", pair.service),
    )
    if pair.model:
        yield one_line(pair.model, 80) + (f" ({one_line(pair.provider, 40)})" if pair.provider else "")
    yield duration(max(0, pair.end_ns - pair.start_ns))
    if usage.input_tokens is not None or usage.output_tokens is not None:
        yield f"tokens {usage.input_tokens or 0} in, {usage.output_tokens or 0} out"
    yield f"{count(pair.skipped_steps, 'step')} skipped"
    yield f"turn {pair.turn}"
    for name, value in named:
        if value:
            yield f"{name} {one_line(value, 80)}"
    if pair.documents:
        yield count(len(pair.documents), "document")
    if pair.evaluations:
        yield count(len(pair.evaluations), "judgement")
    if pair.tags:
        yield f"tags {one_line(', '.join(pair.tags), 80)}"
    yield f"read as {' + '.join(pair.dialects)}"


def _reasons(pair: Pair) -> Iterator[Text]:
    figures = words.taken_off(pair.reasons, pair.confidence)
    for index, word in enumerate(pair.reasons):
        known = words.reason(word)
        most = max(known.off)
        if figures is not None:
            figure = f"-{figures[index]:.2f}" if figures[index] else ""
        else:
            figure = f"-{most:.2f} at most" if most else ""
        yield Text.assemble((word, "cyan"), (f"  {figure}" if figure else "", "yellow"), f"  {known.meaning}")
    if figures is None:
        yield Text("Turns were joined; of what their reasons took off only the largest sum counts.", style="dim")
