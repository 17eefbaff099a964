"""include and exclude."""

from __future__ import annotations

from collections.abc import Callable

from spanlabel.model import Trace
from spanlabel.rules import Dropped
from spanlabel.rules.choosing import excluded, included
from spanlabel.rules.condition import parse_condition
from spanlabel.testing import make_pair

SHOPS = [parse_condition("service=shop-*"), parse_condition("tag=vip")]


def test_include(make_trace: Callable[..., Trace]) -> None:
    """
    What matches one of the conditions passes as it is; all else is dropped, and the conditions are named.
    """
    wanted, other = make_pair(service="shop-eu"), make_pair(service="desk")

    assert included(SHOPS)(wanted, make_trace()) is wanted
    result = included(SHOPS)(other, make_trace())
    assert result == Dropped("include")
    assert isinstance(result, Dropped)
    assert result.why == "matches none of include: service=shop-*, tag=vip"


def test_exclude(make_trace: Callable[..., Trace]) -> None:
    """
    What matches one of the conditions is dropped, and that one is named; all else passes as it is.
    """
    unwanted, other = make_pair(service="shop-eu"), make_pair(service="desk")

    assert excluded(SHOPS)(other, make_trace()) is other
    result = excluded(SHOPS)(unwanted, make_trace())
    assert result == Dropped("exclude")
    assert isinstance(result, Dropped)
    assert result.why == "matches exclude: service=shop-*"
