from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import spanlabel.pairing
from spanlabel.pairing.words import FATES, REASONS, fate, reason, taken_off

CODE = [ast.parse(path.read_text()) for path in sorted(Path(spanlabel.pairing.__file__).parent.glob("*.py"))]
HOWS = ("messages", "value", "given")


def nodes() -> Iterator[ast.AST]:
    for tree in CODE:
        yield from ast.walk(tree)


def words_in(node: ast.AST) -> list[str]:
    """The words that an expression may be: a text, a text with `how` in it, or one of two."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(
            values=[ast.Constant(value=str(start)), ast.FormattedValue(value=ast.Attribute(attr="how"))]
        ):
            return [start + how for how in HOWS]
        case ast.IfExp(body=one, orelse=other):
            return words_in(one) + words_in(other)
    return []


def figure_in(node: ast.AST) -> float | None:
    return float(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None


def said_reasons() -> dict[str, set[float]]:
    """Each reason that the code can say, with its figures: `(word, figure)` and `lower(word, figure)`."""
    found: dict[str, set[float]] = defaultdict(set)
    for node in nodes():
        match node:
            case ast.Tuple(elts=[word, by]) | ast.Call(func=ast.Attribute(attr="lower"), args=[word, by]):
                figure = figure_in(by)
                for said in words_in(word):
                    if figure is not None:
                        found[said].add(figure)
            case ast.Call(func=ast.Attribute(attr="lower"), args=[word]):
                for said in words_in(word):
                    found[said].add(0.0)
    return found


def said_fates() -> set[str]:
    """Each fate that the code can say: what is appended to a `fate`, or to a span's line in the result."""
    found: set[str] = set()
    for node in nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="fate"), attr="append"), args=[word]):
                found.update(words_in(word))
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Attribute(attr="setdefault")), attr="append"), args=[word]
            ):
                found.update(words_in(word))
    return found


class TestEveryWordIsExplained:
    def test_reasons(self) -> None:
        """
        Each reason that pairing can give stands in the table, and no other does.
        """
        assert set(said_reasons()) == set(REASONS)

    def test_figures(self) -> None:
        """
        What the table says a reason takes off the confidence is what the code takes off. Turns that were joined
        below a run are said once more by the run, for a figure of its own, except where the run only went on.
        """
        [again] = {
            figure
            for node in nodes()
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "lower"
            and len(node.args) == 2
            and isinstance(node.args[0], ast.Name)
            and (figure := figure_in(node.args[1])) is not None
        }
        joins = {"merged:dataflow", "merged:rewrite", "same_request"}
        said = {word: figures | ({again} if word in joins else set()) for word, figures in said_reasons().items()}

        assert {word: set(meant.off) for word, meant in REASONS.items()} == said

    def test_hows(self) -> None:
        """
        The ways in which a text may be said, which end some reasons, are those that the code knows.
        """
        given = {
            keyword.value.value
            for node in nodes()
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if keyword.arg == "how" and isinstance(keyword.value, ast.Constant)
        }

        assert given | {"messages"} == set(HOWS)

    def test_fates(self) -> None:
        """
        Each fate of a span stands in the table, and no other does.
        """
        assert said_fates() == set(FATES)

    @pytest.mark.parametrize("word", [*REASONS, *FATES])
    def test_in_one_plain_sentence(self, word: str) -> None:
        """
        What a word means is one sentence, in which no word of the code's stands.
        """
        sentence = (dict(REASONS) | dict(FATES))[word].meaning

        assert re.fullmatch(r"[A-Z][^.]*(?:\.[a-z][^.]*)*\.", sentence)
        assert not re.search(r"[a-z]_[a-z]|[a-z]:[a-z]", sentence.replace("final_answer", ""))

    @pytest.mark.parametrize("word", FATES)
    def test_fates_have_a_short_form(self, word: str) -> None:
        """
        A fate is two to five plain words in the line of its span.
        """
        assert re.fullmatch(r"[a-z']+(?: [a-z']+){0,4}", FATES[word].short)

    def test_unknown_word(self) -> None:
        """
        A word that is not in the table is shown as it is.
        """
        assert reason("a_new_one").meaning == "a_new_one"
        assert fate("a_new_one").short == "a_new_one"


class TestTakenOff:
    def test_each_figure(self) -> None:
        """
        The figures of the reasons are those that make the confidence.
        """
        assert taken_off(("prompt_unrelated", "own_answer:value"), 0.85) == (0.15, 0.0)

    def test_reason_with_two_figures(self) -> None:
        """
        Where a reason may take off one thing or another, the confidence tells which.
        """
        reasons = ("same_request", "prompt_from_llm", "answer_from_llm")

        assert taken_off(reasons, 0.8) == (0.1, 0.05, 0.05)
        assert taken_off(reasons, 0.6) == (0.3, 0.05, 0.05)

    @pytest.mark.parametrize(
        ("reasons", "confidence"),
        [
            pytest.param(("prompt_from_llm", "answer_differs"), 0.9, id="less than the sum"),
            pytest.param(("merged:continues", "same_request", "same_request"), 0.6, id="two ways"),
        ],
    )
    def test_nobody_can_say(self, reasons: tuple[str, ...], confidence: float) -> None:
        """
        Where the reasons do not add up to the confidence, or in several ways, no figure is made up.
        """
        assert taken_off(reasons, confidence) is None
