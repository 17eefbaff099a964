"""The rules that a pair must pass, in order; the first that drops it names itself."""

from __future__ import annotations

from dataclasses import replace

from spanlabel.model import Pair, Ready, Trace
from spanlabel.rules import Dropped, applied
from spanlabel.testing import make_pair, trace_id

TRACE = Trace(trace_id(1), (), Ready.DRAINED)


def _redact(pair: Pair, _: Trace) -> Pair | Dropped:
    return replace(pair, answer="***")


def _drop(pair: Pair, _: Trace) -> Pair | Dropped:
    return Dropped("unwanted", "nobody wants it")


def _never(_pair: Pair, _: Trace) -> Pair | Dropped:
    raise AssertionError("a rule after the one that dropped the pair was asked")


class TestApplied:
    def test_no_rules(self) -> None:
        """
        Without rules a pair passes as it is.
        """
        pair = make_pair()

        assert applied((), pair, TRACE) is pair

    def test_a_rule_may_change_the_pair(self) -> None:
        """
        The next rule, and the record, see what the last one made of the pair.
        """
        seen: list[str] = []

        def look(pair: Pair, _: Trace) -> Pair | Dropped:
            seen.append(pair.answer)
            return pair

        result = applied((_redact, look), make_pair(), TRACE)

        assert isinstance(result, Pair)
        assert (result.answer, seen) == ("***", ["***"])

    def test_the_first_that_drops_ends_it(self) -> None:
        """
        A dropped pair is counted under one word, that of the first rule that dropped it.
        """
        assert applied((_redact, _drop, _never), make_pair(), TRACE) == Dropped("unwanted")

    def test_a_fault_drops_the_pair(self) -> None:
        """
        A rule that raises lets nothing pass that it was to keep out, and its error's words, which may repeat what was
        asked, are not passed on.
        """

        def broken(pair: Pair, _: Trace) -> Pair | Dropped:
            raise ValueError(pair.prompt)

        result = applied((broken, _never), make_pair(prompt="my secret"), TRACE)

        assert isinstance(result, Dropped)
        assert (result.rule, result.why) == ("fault", "a rule raised ValueError")
