"""The words by which pairing says what it did, and what each means: what `spanlabel explain` prints.

A reason stands on a pair and may take something off its confidence; a fate stands on a span. A test reads the code
beside this file and holds that each word it can say stands here, with the figure that the code takes off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final


@dataclass(frozen=True, slots=True)
class Word:
    """What a word means.

    Attributes:
        meaning: One plain sentence.
        short: Two to five words for it in a line with others; "" for a reason, which always has its sentence.
        off: What it may take off the confidence of 1: a figure for each way in which it is said.
    """

    meaning: str
    short: str = ""
    off: tuple[float, ...] = (0.0,)


REASONS: Final[Mapping[str, Word]] = {
    "own_prompt:messages": Word("The unit's own input holds the question as a chat message."),
    "own_prompt:value": Word("The unit's own input is the question, as a plain value."),
    "own_prompt:given": Word("The app has set the question itself, with spanlabel.prompt."),
    "own_prompt:turn_start": Word(
        "The unit's own input has gone on since it began, so the question is the one that its first model call saw."
    ),
    "prompt_from_llm": Word("No run says the question itself; it is what a model call was asked last.", off=(0.05,)),
    "input_is_variable": Word(
        "The unit's own input is only a word that a template put into the question; the question is the filled-in one "
        "that the model saw.",
        off=(0.1,),
    ),
    "prompt_unrelated": Word(
        "The unit's own input and the question that its first model call saw are different texts, neither a part of "
        "the other; its own was taken.",
        off=(0.15,),
    ),
    "own_answer:messages": Word("The unit's own output holds the answer as a chat message."),
    "own_answer:value": Word("The unit's own output is the answer, as a plain value."),
    "own_answer:given": Word("The app has set the answer itself, with spanlabel.answer."),
    "answer_from_llm": Word("No run says the answer itself; it is what a model call answered last.", off=(0.05,)),
    "answer_differs": Word(
        "The unit's own output is not what its last model call answered; its own output was taken.", off=(0.1,)
    ),
    "final_tool": Word(
        "The answer is the argument of a tool call whose name says that it ends the run (final_answer and the like).",
        off=(0.2,),
    ),
    "unserved_call": Word(
        "The answer is the argument of the tool call that the run ended with, and no tool ever ran: structured output.",
        off=(0.3,),
    ),
    "merged:continues": Word(
        "Several turns are one: a later one goes on with the same question, after tools or a failure."
    ),
    "merged:dataflow": Word("Several turns are one: the answer of one went into the next.", off=(0.1,)),
    "merged:rewrite": Word("Several turns are one: the question of one stands within that of another.", off=(0.1,)),
    "same_request": Word("Several turns are one, only because they served one request in turn.", off=(0.1, 0.3)),
}
"""What is said on a pair."""

FATES: Final[Mapping[str, Word]] = {
    "unit": Word(
        "The run that a reviewer judges as a whole; with the trace and the turn it makes the record's id.", "unit"
    ),
    "prompt": Word("The question was read from this span.", "prompt"),
    "answer": Word("The final answer was read from this span.", "answer"),
    "inner": Word(
        "A tool, a retriever, an evaluator or the like; neither it nor anything below it is what the user asked.",
        "inner step",
    ),
    "within_tool": Word(
        "It ran within the time of a tool call beside it, so it is that tool's work (an agent used as a tool).",
        "within a tool's time",
    ),
    "copy": Word("Another instrumentation recorded the same call too; that one speaks.", "copy of another call"),
    "inner_pair": Word(
        "A step of another pair: it lies within its time and shares its question or its answer.", "step of another pair"
    ),
    "echo": Word("It gives out what it was given (a parser, a lambda), so it says nothing of its own.", "echo"),
    "mixes_turns": Word(
        "Its input is of its first turn and its output of its last; the turns below speak for themselves.",
        "mixes turns",
    ),
    "adopted_orphan": Word(
        "Its parent never came; it was put below the smallest run whose time holds it.", "adopted orphan"
    ),
    "leaked_context": Word(
        "Its parent only leaked its context to it (the parent had ended, or is another run of the same name), "
        "so it stands alone.",
        "leaked context",
    ),
    "skipped_by_app": Word(
        "The app said so: spanlabel.skip, or spanlabel.root = false, on this span.", "skipped by the app"
    ),
    "no_prompt": Word("Something was answered here, but no question was found with it.", "no question found"),
    "no_answer": Word("Something was asked here, but no final answer was found.", "no answer found"),
}
"""What is said of a span."""


def reason(word: str) -> Word:
    """What a reason means; of one that is not known, the word itself."""
    return REASONS.get(word, Word(word))


def fate(word: str) -> Word:
    """What a fate means; the same."""
    return FATES.get(word, Word(word, word))


def taken_off(reasons: Sequence[str], confidence: float) -> tuple[float, ...] | None:
    """What each reason took off the confidence.

    Args:
        reasons: Of a pair.
        confidence: Of the same pair.

    Returns:
        A figure for each reason; None if they do not tell: of turns that were joined only the one that lost most
        counts, but the reasons of all are there.
    """
    ways = product(*(reason(word).off for word in reasons[:_MOST_REASONS]))
    fitting = [way for way in ways if round(1 - sum(way), 2) == round(confidence, 2)]
    return fitting[0] if len(fitting) == 1 else None


_MOST_REASONS: Final = 12
"""More than a pair ever had (7); bounds the ways to try."""
