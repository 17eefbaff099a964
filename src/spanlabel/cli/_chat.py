"""A record as a conversation, for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from spanlabel.model import Media, Message, Part, Reasoning, Record, ToolCall, ToolResult, Value
from spanlabel.model import Text as TextPart
from spanlabel.records.cleaning import Room

from ._pairs import cut, labelled
from ._screen import moment, one_line, print_flowing

_STYLES = {"system": "dim", "user": "bold green", "assistant": "cyan", "tool": "yellow"}
_TOOL_CHARACTERS = 500
_LONGEST_NAME = 32
_NOT_REPEATED = frozenset({"time", "trace_id"})


def print_record(screen: Console, record: Record) -> None:
    """Print one: the conversation, the answers, then what else is known."""
    screen.print(Text.assemble(("Record ", "bold"), (record.id, "bold cyan")), soft_wrap=True)
    where = [Text(fact, style="dim") for fact in (moment(record.time_ns), f"trace {record.trace_id}") if fact]
    print_flowing(screen, where, further="")
    screen.print()
    for message in record.messages:
        _print_said(screen, message.role, _shown(message))
    for number, answer in enumerate(record.answers, 1):
        title = "answer" if len(record.answers) == 1 else f"answer {number} of {len(record.answers)}"
        _print_said(screen, title, Text(cut(answer)))
    for document in record.documents:
        _print_said(screen, "document", Text(cut(document.content)))
    for found in record.suggestions:
        facts = (found.label, found.score, found.explanation, found.source and f"({found.source})")
        said = " ".join(str(fact) for fact in facts if fact is not None)
        _print_said(screen, "judgement", Text(cut(f"{found.name}: {said}")))
    _print_facts(screen, record)


def _print_facts(screen: Console, record: Record) -> None:
    """Print the metadata: ours first, then the app's own."""
    names = sorted((name for name in record.metadata if name not in _NOT_REPEATED), key=lambda n: n.startswith("app."))
    width = min(_LONGEST_NAME, max((len(name) for name in names), default=0)) + 2
    for name in names:
        value = record.metadata[name]
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        labelled(screen, one_line(name, _LONGEST_NAME), Text(cut(shown)), width=width)


def _print_said(screen: Console, who: str, text: Text) -> None:
    """Print what one has said, under its name."""
    name = one_line(who, 40)
    screen.print(Text(name, style=_STYLES.get(name, "bold cyan")), soft_wrap=True)
    labelled(screen, "", text, width=0)
    screen.print()


def _shown(message: Message) -> Text:
    return Text("\n").join(_lines(message))


def _lines(message: Message) -> Iterator[Text]:
    for part in message.parts:
        yield _part(part)


def _part(part: Part) -> Text:
    match part:
        case TextPart(content):
            return Text(cut(content))
        case Reasoning(content):
            return Text(cut(content), style="dim italic")
        case ToolCall(name, arguments, _):
            return Text(f"calls {one_line(name, 80)} with {_value(arguments)}", style="yellow")
        case ToolResult(response, _):
            return Text(f"result {_value(response)}", style="yellow")
        case Media(modality, mime_type, uri):
            facts = " ".join(one_line(fact, 200) for fact in (modality, mime_type, uri) if fact)
            return Text(f"[{facts}]", style="yellow")


def _value(value: Value) -> str:
    return one_line(str(Room(_TOOL_CHARACTERS).value(value)), _TOOL_CHARACTERS)
