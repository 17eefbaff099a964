"""sample: a share of the traces, the same ones everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.model import Pair, Trace
from spanlabel.records import record_of
from spanlabel.rules import Dropped
from spanlabel.rules.condition import parse_condition
from spanlabel.rules.sampling import place_of, sampled
from spanlabel.testing import make_pair

ERROR = [parse_condition("error")]


def kept(share: float, trace: Trace, n: int = 2_000) -> set[str]:
    rule = sampled(share)
    pairs = [make_pair(number) for number in range(1, n + 1)]
    return {pair.trace_id for pair in pairs if isinstance(rule(pair, trace), Pair)}


def test_a_share(make_trace: Callable[..., Trace]) -> None:
    """
    Of 2 000 traces a tenth passes, give or take what chance gives.
    """
    assert 150 < len(kept(0.1, make_trace())) < 250


def test_the_same_everywhere() -> None:
    """
    Where a trace stands never changes: other seats, replicas and later versions decide alike.
    """
    assert place_of("4bf92f3577b34da6a3ce929d0e0e4736") == pytest.approx(0.15039768, abs=1e-8)
    assert place_of("00000000000000000000000000000001") == pytest.approx(0.82971240, abs=1e-8)


def test_a_larger_share_keeps_what_a_smaller_one_kept(make_trace: Callable[..., Trace]) -> None:
    """
    Who raises the share gets more, and loses nothing that was chosen before.
    """
    assert kept(0.05, make_trace()) < kept(0.2, make_trace())


@given(st.text())
def test_any_id_has_a_place(trace_id: str) -> None:
    """
    Every id stands somewhere from 0 to below 1, so that 1 keeps everything and 0 nothing.
    """
    assert 0 <= place_of(trace_id) < 1


def test_all_and_nothing(make_trace: Callable[..., Trace]) -> None:
    """
    1 keeps everything, 0 nothing.
    """
    assert len(kept(1, make_trace())) == 2_000
    assert not kept(0, make_trace())


def test_pairs_of_one_trace_share_its_fate(make_trace: Callable[..., Trace]) -> None:
    """
    A conversation within one trace is kept whole or not at all.
    """
    rule = sampled(0.5)
    for number in range(1, 50):
        pair = make_pair(number)
        turns = {isinstance(rule(replace(pair, turn=turn), make_trace()), Pair) for turn in range(5)}
        assert len(turns) == 1


def test_the_probability_stands_in_the_record(make_trace: Callable[..., Trace]) -> None:
    """
    A record says with which probability, and why, it was chosen, so that rates can be estimated.
    """
    trace = make_trace()
    pair = next(p for n in range(1, 99) if isinstance(p := sampled(0.25)(make_pair(n), trace), Pair))

    metadata = record_of(pair).metadata

    assert (metadata["sample_probability"], metadata["sample_reason"]) == (0.25, "random")


def test_a_share_of_its_own(make_trace: Callable[..., Trace]) -> None:
    """
    What matches a condition is kept with its own probability, and its record says both.
    """
    rule = sampled(0, when=ERROR, when_share=1)

    passed = rule(make_pair(), make_trace(tool_failed=True))
    dropped = rule(make_pair(), make_trace())

    assert isinstance(passed, Pair)
    assert record_of(passed).metadata["sample_probability"] == 1
    assert record_of(passed).metadata["sample_reason"] == "error"
    assert dropped == Dropped("sample")
    assert isinstance(dropped, Dropped)
    assert dropped.why == "its trace stands at 0.8297, and the share is 0"


def test_the_share_of_a_condition_may_be_smaller(make_trace: Callable[..., Trace]) -> None:
    """
    The share of a condition counts instead of the other one, also where it is smaller.
    """
    dropped = sampled(1, when=ERROR, when_share=0)(make_pair(), make_trace(tool_failed=True))

    assert isinstance(dropped, Dropped)
    assert dropped.why == "its trace stands at 0.8297, and the share for error is 0"
