"""The rules that a pair must pass, in order; the first that drops it names itself."""

from __future__ import annotations

from dataclasses import replace

from spanlabel.model import Pair
from spanlabel.rules import Dropped, applied
from spanlabel.testing import make_pair


def _redact(pair: Pair) -> Pair | str:
    return replace(pair, answer="***")


def _drop(pair: Pair) -> Pair | str:
    return "unwanted"


def _never(pair: Pair) -> Pair | str:
    raise AssertionError("a rule after the one that dropped the pair was asked")


class TestApplied:
    def test_no_rules(self) -> None:
        """
        Without rules a pair passes as it is.
        """
        pair = make_pair()

        assert applied((), pair) is pair

    def test_a_rule_may_change_the_pair(self) -> None:
        """
        The next rule, and the record, see what the last one made of the pair.
        """
        seen: list[str] = []

        def look(pair: Pair) -> Pair | str:
            seen.append(pair.answer)
            return pair

        result = applied((_redact, look), make_pair())

        assert isinstance(result, Pair)
        assert (result.answer, seen) == ("***", ["***"])

    def test_the_first_that_drops_ends_it(self) -> None:
        """
        A dropped pair is counted under one word, that of the first rule that dropped it.
        """
        assert applied((_redact, _drop, _never), make_pair()) == Dropped("unwanted")
