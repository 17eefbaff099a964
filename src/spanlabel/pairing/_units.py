"""Units: the turns of one run, from its own words and from the model calls below it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from spanlabel.model import Kind, Message, Text

from ._habits import bare_system
from ._node import COMPOSITE, MAX_TOOLS, RUNS, SLACK_NS, Node, order
from ._text import (
    Said,
    arguments_text,
    call_answer,
    final_tool,
    last_question,
    question_of,
    run_answer,
    texts_of,
    with_system,
)
from ._turn import MIN_SHARED, Turn, flows, merged

Turns = list[Turn]

MANY: Final = 100
"""More turns than these are passed upwards and joined once, at the top: each level would join them all again."""


def units(node: Node) -> Turns:
    """The turns of everything from *node* down, without recursion: a trace may be 10 000 spans deep."""
    if not node.children:
        return _unit(node, [])
    done: dict[Node, Turns] = {}
    line = [node]
    for here in line:  # grows as it is gone through
        line.extend([child for child in here.children if not child.is_inner])
    for here in reversed(line):  # what is below comes first
        below: Turns = []
        for child in visible(here.children):
            below.extend(done.pop(child, ()))
        done[here] = _unit(here, below)
    return done[node]


def visible(siblings: Sequence[Node]) -> list[Node]:
    """Siblings that may speak: not inner, not skipped, and not run within a sibling's tool call.

    OpenLLMetry's OpenAI Agents spans put an agent that is used as a tool beside its manager, not
    below the tool (traces-python.md 3.9).
    """
    open_ones: list[Node] = []
    runs, has_tool = 0, False
    for n in siblings:
        if _is_skipped(n):
            n.fate.append("skipped_by_app")
        elif n.is_inner:
            n.fate.append("inner")
        else:
            open_ones.append(n)
            runs += n.kind in COMPOSITE
        has_tool = has_tool or n.kind is Kind.TOOL
    if not runs or (runs < 2 and not has_tool):
        return open_ones
    tools = sorted(
        ((t, owner) for owner in siblings for t in _tools(owner) if t.end_ns > t.start_ns), key=lambda p: order(p[0])
    )
    if not tools:
        return open_ones
    out = []
    for n in open_ones:
        if n.kind in COMPOSITE and any(
            owner is not n and t.start_ns <= n.start_ns and n.end_ns <= t.end_ns + SLACK_NS
            for t, owner in tools[:MAX_TOOLS]
        ):
            n.fate.append("within_tool")
            continue
        out.append(n)
    return out


def _is_skipped(node: Node) -> bool:
    return node.step.is_skipped or node.step.root_hint is False


def _tools(owner: Node) -> tuple[Node, ...]:
    return owner.tools if owner.kind is Kind.TOOL or owner.kind in COMPOSITE else ()


def _unit(node: Node, below: Turns) -> Turns:
    if node.kind is Kind.LLM:
        return _of_call(node, below)
    if node.kind in COMPOSITE:
        return _of_run(node, below)
    return below


def _of_call(node: Node, below: Turns) -> Turns:
    step = node.step
    asked, answer = question_of(step), call_answer(step)
    failed = step.is_error  # a finish reason "error" without it is a stream that the app left: what it read counts
    if below and any(t.answer for t in below):
        # Another layer put its attributes on a span that holds calls of its own (LiteLLM on the app's span).
        last = max((t for t in below if t.answer), key=lambda t: t.end_ns)
        if answer is None or failed or asked is None or last.answer != answer.text:
            return merged(below, is_request=node.top.is_request) if len(below) <= MANY else below
    if asked is None and answer is None and not step.input and not step.output:
        return below
    ends_in_question = asked is not None and asked.chat and step.input and asked.chat[-1] is step.input[-1]
    given = asked.chat if asked is not None and ends_in_question else with_system(step, step.input)
    turn = Turn(
        node,
        asked.text if asked else None,
        answer.text if answer and not failed else None,
        answer.all if answer and not failed else (),
        _with_twin(asked, below) if asked else given,
        node,
        node,
        node.start_ns,
        node.end_ns,
        [node],
        given,
        is_failed=failed,
    )
    turn.lower("prompt_from_llm", 0.05)
    turn.lower("answer_from_llm", 0.05)
    return [turn]


def _with_twin(asked: Said, below: Turns) -> tuple[Message, ...]:
    """The conversation of a call, with the instructions that only the same call one layer below knows (MLflow)."""
    if not below or any(m.role == "system" for m in asked.chat):
        return asked.chat
    twin = next((t for t in below if t.prompt == asked.text), None)
    return (*(m for m in twin.chat if m.role == "system"), *asked.chat) if twin is not None else asked.chat


def _of_run(node: Node, below: Turns) -> Turns:
    step = node.step
    subs = merged(below, is_request=False) if len(below) <= MANY else below
    answered = [t for t in subs if t.answer]
    asked, answer = question_of(step), run_answer(step)
    if answer and not answered and _is_failure(node, answer.text):
        answer = None
    if asked and answer and _echoes(asked, answer):
        asked = answer = None
        if not subs:
            node.fate.append("echo")
            return []
    if not subs and not _speaks_alone(node):
        return []
    if asked and answer and len(answered) > 1 and _mixes(asked, answer, answered):
        node.fate.append("mixes_turns")
        asked = answer = None
    if asked is None and len(answered) > 1 and not step.root_hint and _several(node, answered):
        return [t for t in subs if t.answer] or subs
    if step.is_error and answer is None and not _ended_well(node, subs):
        answered = []
    return _one_turn(node, subs, answered, asked, answer)


def _echoes(asked: Said, answer: Said) -> bool:
    """Whether a run only passes on what it was given (parsers, lambdas)."""
    return asked.text == answer.text


def _is_failure(node: Node, text: str) -> bool:
    """Whether a run without any model's answer gives out what went wrong, in the words of the exception (Agno)."""
    near = itertools.chain(node.children, (below for child in node.children[:MAX_TOOLS] for below in child.children))
    for failed in (node, *itertools.islice(near, MAX_TOOLS)):
        if not failed.step.is_error:
            continue
        span = failed.step.span
        said = [span.status_message, *(event.attributes.get("exception.message") for event in span.events)]
        if any(isinstance(words, str) and flows(text, (words,)) for words in said):
            return True
    return False


def _one_turn(node: Node, subs: Turns, answered: Turns, asked: Said | None, answer: Said | None) -> Turns:
    """The one turn of a run: its own words where they hold, else those of the calls below it."""
    step = node.step
    first = min([t for t in subs if t.prompt], key=lambda t: t.start_ns, default=None) if subs else None
    last = max(answered, key=lambda t: t.end_ns) if answered else None
    question, source, why_asked = _question(node, asked, first)
    reply, speaker, why_answered = _reply(node, subs, answer, last)
    calls = sorted([c for t in subs for c in t.calls], key=order) if subs else []
    if question is None and reply is None and not calls:
        return []
    turn = Turn(
        node,
        question.text if question else None,
        reply.text if reply else None,
        reply.all if reply else (),
        question.chat if question else (),
        source,
        speaker,
        node.start_ns,
        max([node.end_ns, *[t.end_ns for t in subs]]),
        calls,
        first.asked if first is not None else with_system(step, step.input),
        is_failed=step.is_error and reply is None,
    )
    if source is not node:
        for reason in (r for t in subs for r in t.reasons if r.startswith(("merged", "same_request"))):
            if reason == "merged:continues":  # what a run does: it calls tools and goes on
                turn.lower("merged:continues", 0.0)
            else:
                turn.lower(reason, 0.1)
    for reason, by in (*why_asked, *why_answered):
        turn.lower(reason, by)
    return [turn]


Why = tuple[tuple[str, float], ...]


def _question(node: Node, asked: Said | None, first: Turn | None) -> tuple[Said | None, Node, Why]:
    """A run's question, the node that says it, and the reasons with what they take off."""
    if first is None or first.prompt is None:
        return asked, node, () if asked is None else ((f"own_prompt:{asked.how}", 0.0),)
    if asked is None:
        return Said(first.prompt, first.chat), first.prompt_node, (("prompt_from_llm", 0.05),)
    chosen, source, why = _chosen_question(node, asked, first)
    return chosen, source, (why,)


def _reply(node: Node, subs: Turns, answer: Said | None, last: Turn | None) -> tuple[Said | None, Node, Why]:
    """A run's answer, the node that says it, and the reasons with what they take off."""
    if answer is None and last is not None and last.answer is not None:
        return Said(last.answer, all=last.answers), last.answer_node, (("answer_from_llm", 0.05),)
    if answer is None:
        return _by_tool(node, subs)
    why: Why = ((f"own_answer:{answer.how}", 0.0),)
    if last is None or last.answer is None:
        return answer, node, why
    if len(last.answers) > 1 and (answer.text in last.answers or len(answer.all) < 2):
        answer = Said(answer.text, all=last.answers, how=answer.how)
    if _is_whole_run(answer.text, subs, last.answer):
        return Said(last.answer, all=last.answers), last.answer_node, (("answer_from_llm", 0.05),)
    if answer.text not in last.answer and last.answer not in answer.text:
        why = (*why, ("answer_differs", 0.1))
    return answer, node, why


def _is_whole_run(text: str, subs: Turns, last: str) -> bool:
    """Whether a run's output strings together all that its model calls said, on the way to the last (Mastra)."""
    if len(text) <= len(last) or not text.endswith(last):
        return False
    calls = sorted((c for t in subs for c in t.calls), key=order)
    said = (m.text.strip() for c in calls for m in c.step.output if m.role != "user")
    if _bare(text) == _bare("".join(said)):
        return True
    # Streamed runs of OpenLIT and Semantic Kernel: what came before a tool call, and what the tool gave, without a
    # space before the answer.
    used = any(m.tool_calls for c in calls[:-1] for m in c.step.output)
    return used and not text[-len(last) - 1].isspace()


def _bare(text: str) -> str:
    return "".join(text.split())


def _chosen_question(node: Node, asked: Said, first: Turn) -> tuple[Said, Node, tuple[str, float]]:
    """Which question is the run's: its own or that of its first model call."""
    prompt = first.prompt or ""
    if prompt == asked.text:
        chat = _richer_chat(node, asked.chat, first.chat) if asked.how == "messages" else first.chat
        asked = Said(asked.text, chat, how=asked.how)
        return asked, node, (f"own_prompt:{asked.how}", 0.0)
    if asked.how == "given":
        return asked, node, ("own_prompt:given", 0.0)
    if prompt in texts_of(node.step.input, "user"):
        # The run's own input has gone on (retry notes, the next turn); its first call began here.
        index = max(i for i, m in enumerate(node.step.input) if m.text.strip() == prompt)
        return Said(prompt, with_system(node.step, node.step.input[: index + 1])), node, ("own_prompt:turn_start", 0.0)
    if _is_variable(node, asked, prompt):
        return Said(prompt, first.chat), first.prompt_node, ("input_is_variable", 0.1)
    if len(asked.text) >= MIN_SHARED and (asked.text in prompt or prompt in asked.text):
        return asked, node, (f"own_prompt:{asked.how}", 0.0)
    return asked, node, ("prompt_unrelated", 0.15)


def _richer_chat(node: Node, own: tuple[Message, ...], called: tuple[Message, ...]) -> tuple[Message, ...]:
    """The run's own conversation, or the first call's where that knows more turns (a checkpointer's, a session's)."""
    turns = [m for m in called if m.role != "system"]
    system = [m for m in own if m.role == "system"]
    # Instructions within a graph are of a node of it; and where the conventions hold, an agent has a key for its own.
    if not system and node.kind is Kind.AGENT and "otel_genai" not in node.step.dialects:
        system = [m for m in called if m.role == "system"]
    if len(turns) <= sum(m.role != "system" for m in own):
        return (*system, *(m for m in own if m.role != "system"))
    return (*system, *turns)


def _is_variable(node: Node, asked: Said, prompt: str) -> bool:
    """Whether a run's own input is only a word that a template put into the real question."""
    if asked.how != "value" or asked.text not in prompt:
        return False
    if node.step.input_key is not None:
        return True
    return len(asked.text.split()) < 3 and asked.text[-1:] not in "?.!"


def _mixes(asked: Said, answer: Said, answered: Turns) -> bool:
    """Whether a run's own input is of its first turn and its own output of its last (traces-other.md 1.5)."""
    first, last = answered[0], answered[-1]
    if not all(t.unit.kind in COMPOSITE for t in answered):
        return False  # calls of one run: a retry with a note, not a turn
    return first.prompt == asked.text and last.answer == answer.text and first.prompt != last.prompt


def _several(node: Node, answered: Turns) -> bool:
    """Whether the answered turns below are turns of their own, and not steps towards one answer."""
    if node.kind is Kind.CHAIN or all(t.unit.kind in COMPOSITE for t in answered):
        return True
    for earlier, later in itertools.pairwise(answered):
        if earlier.answer in texts_of(later.asked, "assistant"):
            return True
    return node.kind is Kind.WORKFLOW


def _speaks_alone(node: Node) -> bool:
    """Whether a run without model calls may still be a unit: an agent, or a topmost chain."""
    if node.kind in RUNS:
        return True
    above = node.parent
    return above is None or above.kind is Kind.OTHER


def _ended_well(node: Node, subs: Turns) -> bool:
    """Whether the run's last model call gave an answer after whatever failed (handoffs end as errors)."""
    last = max(subs, key=lambda t: t.end_ns, default=None)
    return last is not None and last.answer is not None and not last.is_failed and node.parent is not None


def _by_tool(node: Node, subs: Turns) -> tuple[Said | None, Node, Why]:
    """An answer that was given as the arguments of a tool call."""
    calls = sorted((c for t in subs for c in t.calls), key=order)
    for speaker in (calls[-1], node) if calls else (node,):
        shown = final_tool(speaker.step)
        if shown:
            return Said(shown, all=(shown,)), speaker, (("final_tool", 0.2),)
    shown = _unserved_call(node)
    if shown:
        return Said(shown, all=(shown,)), node, (("unserved_call", 0.3),)
    return None, node, ()


def _unserved_call(node: Node) -> str | None:
    """The arguments of the tool call that a run ended with, when no tool ever served it: structured output.

    A run that was stopped at its step limit also ends with a tool call, but there its tools were run.
    """
    step = node.step
    if node.kind not in RUNS or step.is_error or not step.output:
        return None
    calls = step.output[-1].tool_calls
    if len(calls) != 1 or step.output[-1].tool_results:
        return None
    if any(n.kind is Kind.TOOL for n in node.below()):
        return None
    return arguments_text(calls[0])


def chat_of(turn: Turn) -> tuple[Message, ...]:
    """The conversation up to the turn's question; the question alone if no more is known."""
    index = last_question(turn.chat)
    chat = tuple([bare_system(m) if m.role == "system" else m for m in turn.chat])
    if turn.prompt is not None and (index is None or chat[index].text.strip() != turn.prompt):
        return (*(m for m in chat if m.role == "system"), Message("user", (Text(turn.prompt),)))
    return chat
