"""Conditions on a pair, as include, exclude and sample_when take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from spanlabel.model import Evaluation, Pair, Trace
from spanlabel.rules.condition import parse_condition
from spanlabel.testing import make_pair

PAIR = replace(
    make_pair(service="shop-eu", model="gpt-4o-mini", conversation="c-17"),
    agent="router",
    user_id="u-1",
    tags=("vip", "beta [2]"),
    metadata={"tenant": "acme", "trial": True},
    confidence=0.75,
    evaluations=(Evaluation("helpful", 0.8, "good"), Evaluation("stars", 2.0)),
)
ATTRIBUTES = {"http.route": "/chat/new\nline", "retries": 3, "flags": ["a", "b"], "raw": b"x"}


@pytest.fixture
def trace(make_trace: Callable[..., Trace]) -> Trace:
    return make_trace(ATTRIBUTES, {"deployment.environment.name": "prod"})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        pytest.param("service=shop-*", True, id="service"),
        pytest.param("service=shop", False, id="a glob is for the whole value"),
        pytest.param("service=Shop-*", False, id="case counts"),
        pytest.param("scope=acme.*", True, id="scope"),
        pytest.param("scope=acme.tools", False, id="a scope that gave no part of the pair"),
        pytest.param("model=gpt-4?-*", True, id="one character"),
        pytest.param("model=gpt-[35]*", False, id="a set of characters"),
        pytest.param("provider=openai", True, id="provider"),
        pytest.param("agent=router", True, id="agent"),
        pytest.param("conversation=c-*", True, id="conversation"),
        pytest.param("user=u-2", False, id="user"),
        pytest.param("tag=vip", True, id="any tag"),
        pytest.param("tag=beta [[]2]", True, id="a value with blanks and brackets"),
        pytest.param("tag=*=*", False, id="a sign in the glob"),
        pytest.param("attribute.http.route=/chat/*", True, id="attribute, over a line's end"),
        pytest.param("attribute.retries=3", True, id="a number"),
        pytest.param("attribute.flags=b", True, id="an entry of a list"),
        pytest.param("attribute.raw=*", False, id="bytes match nothing"),
        pytest.param("attribute.deployment.environment.name=prod", True, id="attribute of the process"),
        pytest.param("attribute.tenant=acme", True, id="a fact of the app's own"),
        pytest.param("attribute.trial=true", True, id="a truth value"),
        pytest.param("attribute.gone=*", False, id="what is not there"),
        pytest.param("confidence<0.8", True, id="less sure"),
        pytest.param("confidence > 0.75", False, id="not more than the same"),
        pytest.param("low_confidence", True, id="the word for it"),
        pytest.param("evaluation.helpful=good", True, id="label"),
        pytest.param("evaluation.*=bad", False, id="label of any"),
        pytest.param("evaluation.stars<3", True, id="score"),
        pytest.param("evaluation.helpful<0.5", False, id="score of another"),
        pytest.param("evaluation.h*>0.7", True, id="a high score"),
        pytest.param("service=shop-* & tag=vip", True, id="both hold"),
        pytest.param("service=shop-* & tag=other", False, id="one does not hold"),
    ],
)
def test_holds(trace: Trace, text: str, holds: bool) -> None:
    """
    A condition holds exactly where the pair has a value that its glob or figure takes.
    """
    assert parse_condition(text).matches(PAIR, trace) is holds


def test_what_is_unknown_matches_nothing(trace: Trace) -> None:
    """
    A pair without a service is not included by service=*, nor excluded by it.
    """
    pair = replace(PAIR, service=None, model=None, agent=None, conversation_id=None, tags=(), metadata=None)

    names = ("service", "model", "agent", "conversation", "tag", "attribute.tenant")

    assert not any(parse_condition(f"{name}=*").matches(pair, trace) for name in names)


@pytest.mark.parametrize(
    ("label", "score", "is_bad"),
    [
        pytest.param("Incorrect ", None, True, id="a label that says no"),
        pytest.param("👎", None, True, id="thumbs down"),
        pytest.param("good", None, False, id="a label that says yes"),
        pytest.param(None, 0.49, True, id="below a half"),
        pytest.param(None, -1.0, True, id="below nothing"),
        pytest.param(None, 0.5, False, id="a half"),
        pytest.param(None, None, False, id="says nothing"),
    ],
)
def test_bad_evaluation(trace: Trace, label: str | None, score: float | None, is_bad: bool) -> None:
    """
    bad_evaluation finds the pairs that somebody or something has judged badly.
    """
    pair = replace(PAIR, evaluations=(Evaluation("fine", 1.0), Evaluation("judged", score, label)))

    assert parse_condition("bad_evaluation").matches(pair, trace) is is_bad


@pytest.mark.parametrize(
    ("tool_failed", "other_failed", "holds"),
    [
        pytest.param(True, False, True, id="a tool of the run"),
        pytest.param(False, True, False, id="another run of the same trace"),
        pytest.param(False, False, False, id="nothing"),
    ],
)
def test_error(make_trace: Callable[..., Trace], tool_failed: bool, other_failed: bool, holds: bool) -> None:
    """
    error finds the pairs that were answered though a step of their run had failed.
    """
    trace = make_trace(tool_failed=tool_failed, other_failed=other_failed)

    assert parse_condition("error").matches(make_pair(), trace) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("modle=gpt-4", "modle is no name; did you mean model?", id="typing error"),
        pytest.param("x=1", "x is no name; known: service, scope", id="nothing near"),
        pytest.param("errors", "must be NAME=GLOB or one of error, bad_evaluation, low_confidence", id="no such word"),
        pytest.param("service", "must be NAME=GLOB", id="no value"),
        pytest.param("service=", "must be NAME=GLOB", id="an empty value"),
        pytest.param("service<3", "service takes =, not <", id="a text is not less than anything"),
        pytest.param("attribute.x>1", "attribute.x takes =, not >", id="nor is an attribute"),
        pytest.param("confidence=0.7", "confidence takes < or >, not =", id="a figure that is met by chance"),
        pytest.param("confidence<low", "what stands behind < must be a number", id="no figure"),
        pytest.param("attribute.=x", "attribute. takes|is no name", id="no key"),
        pytest.param("error & ", "must be NAME=GLOB", id="nothing behind the sign"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    """
    A condition that cannot be meant is refused when it is read, with what would be right.
    """
    with pytest.raises(ValueError, match=message):
        parse_condition(text)


def test_hostile_values(make_trace: Callable[..., Trace]) -> None:
    """
    A glob takes a value of a megabyte in its stride.
    """
    trace = make_trace({"long": "a" * 1_000_000})
    condition = parse_condition("attribute.long=*a*a*a*a*b")

    assert not condition.matches(make_pair(), trace)


def test_the_text_is_kept(trace: Trace) -> None:
    """
    What is told of a drop names the condition as it was written.
    """
    pair: Pair = PAIR

    assert parse_condition("tag = vip").text == "tag = vip"
    assert parse_condition("tag = vip").matches(pair, trace)
