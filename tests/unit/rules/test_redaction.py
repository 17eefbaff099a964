"""redact: nothing private in any text of a pair, or no pair."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.model import (
    Document,
    Evaluation,
    Media,
    Message,
    Pair,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Trace,
    Value,
)
from spanlabel.records import record_of, to_json
from spanlabel.rules import Dropped
from spanlabel.rules.patterns import KINDS
from spanlabel.rules.redaction import Redaction, parse_pattern
from spanlabel.testing import make_pair

EMAIL = "alice@example.com"


def pair_with(secret: str) -> Pair:
    """A pair that holds a secret in every text there is, alone, in a sentence, in a nested value and in a name."""
    said = f"I am {secret}, hello"
    value: Value = {"a": [secret, {"b": said}], secret: 1}
    return replace(
        make_pair(),
        prompt=said,
        answer=secret,
        answers=(secret, said),
        messages=(
            Message("system", (Text(said),), name=secret),
            Message(secret, (Text(said), Reasoning(said)), finish_reason=secret),
            Message("assistant", (ToolCall(secret, value, secret),)),
            Message("tool", (ToolResult(value, secret), Media("image", secret, secret))),
        ),
        service=secret,
        model=secret,
        provider=secret,
        agent=secret,
        conversation_id=secret,
        user_id=secret,
        tags=(secret, said),
        metadata={"k": value, secret: said},
        documents=(Document(said, secret, 0.5, {"of": secret}),),
        evaluations=(Evaluation(secret, 0.5, secret, said, secret),),
    )


def passed(rule: Callable[[Pair, Trace], Pair | Dropped], pair: Pair, make_trace: Callable[..., Trace]) -> Pair:
    result = rule(pair, make_trace())
    assert isinstance(result, Pair), result
    return result


def texts_of(thing: object) -> Iterator[str]:
    """Every text within a thing, whatever it is made of."""
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from (*texts_of(key), *texts_of(value))
    elif isinstance(thing, list | tuple):
        for item in thing:
            yield from texts_of(item)
    elif hasattr(thing, "__dataclass_fields__"):
        for field in fields(thing):  # type: ignore[arg-type] # just asked
            yield from texts_of(getattr(thing, field.name))


class TestEveryText:
    def test_of_the_pair(self, make_trace: Callable[..., Trace]) -> None:
        """
        Whatever field of a pair holds a secret, it is hidden there: a field that is added later is found by this too.
        """
        pair = pair_with(EMAIL)

        shown = passed(Redaction(["email"]), pair, make_trace)

        assert sum(EMAIL in text for text in texts_of(pair)) > 30
        assert [text for text in texts_of(shown) if EMAIL in text] == []
        assert (shown.prompt, shown.answers) == ("I am [email], hello", ("[email]", "I am [email], hello"))
        assert EMAIL not in to_json(record_of(shown))

    def test_what_says_nothing_stays(self, make_trace: Callable[..., Trace]) -> None:
        """
        A pair without anything private passes as it was; its ids, times and counts are never touched.
        """
        pair = make_pair(conversation="c-1")
        marked = replace(pair_with(EMAIL), trace_id="4" * 32, start_ns=4155550123 * 10**9)

        assert passed(Redaction(list(KINDS)), pair, make_trace) == pair
        shown = passed(Redaction(list(KINDS)), marked, make_trace)
        assert (shown.trace_id, shown.start_ns, shown.usage) == ("4" * 32, marked.start_ns, marked.usage)

    def test_numbers(self, make_trace: Callable[..., Trace]) -> None:
        """
        A card number that a tool got as a number is hidden like one that is written.
        """
        call = ToolCall("pay", {"card": 4111111111111111, "euros": 12.5, "n": 3, "now": True})
        pair = replace(make_pair(), messages=(Message("assistant", (call,)),), metadata={"card": 4111111111111111.0})

        shown = passed(Redaction(["card"]), pair, make_trace)

        assert shown.messages[0].tool_calls[0].arguments == {"card": "[card]", "euros": 12.5, "n": 3, "now": True}
        assert shown.metadata == {"card": "[card].0"}

    def test_names_of_keys(self, make_trace: Callable[..., Trace]) -> None:
        """
        What a tool got as a password is hidden, however it looks; without "key" it stays.
        """
        call = ToolCall("log_in", {"user": "ann", "password": "rose", "next_token": "page-2", "token": None})
        pair = replace(make_pair(), messages=(Message("assistant", (call,)),))

        shown = passed(Redaction(["key"]), pair, make_trace)

        assert shown.messages[0].tool_calls[0].arguments == {
            "user": "ann",
            "password": "[key]",
            "next_token": "page-2",
            "token": None,
        }
        assert passed(Redaction(["email"]), pair, make_trace) == pair

    def test_names_that_look_alike_now(self, make_trace: Callable[..., Trace]) -> None:
        """
        No entry is lost where two names of a mapping are hidden.
        """
        pair = replace(make_pair(), metadata={"a@b.de": 1, "c@d.de": 2})

        assert passed(Redaction(["email"]), pair, make_trace).metadata == {"[email]": 1, "[email]_": 2}

    def test_over_the_edge_of_two_parts(self, make_trace: Callable[..., Trace]) -> None:
        """
        What stands half in one part of a message and half in the next is shown whole, and so it is hidden.
        """
        message = Message("user", (Text("I am alice@exa"), Media("image"), Text("mple.com"), Reasoning("hm")))
        pair = replace(make_pair(), messages=(message, Message("user", (Text("a"), Text("b")))))

        shown = passed(Redaction(["email"]), pair, make_trace)

        assert shown.messages[0].parts == (Text("I am [email]"), Media("image"), Reasoning("hm"))
        assert shown.messages[1] == pair.messages[1]

    def test_deeper_than_anybody_looks(self, make_trace: Callable[..., Trace]) -> None:
        """
        What lies deeper than is looked into is not passed on.
        """
        value: Value = EMAIL
        for _ in range(5_000):
            value = [value]
        pair = replace(make_pair(), metadata={"deep": value})

        assert EMAIL not in str(list(texts_of(passed(Redaction(["email"]), pair, make_trace))))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(EMAIL) | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just(EMAIL), inner),
        )
    )
    def test_any_value(self, value: Any) -> None:
        """
        Whatever a tool was given, its arguments are gone through to the last entry.
        """
        pair = replace(make_pair(), metadata={"x": value}, messages=(Message("tool", (ToolResult(value),)),))

        shown = Redaction(["email"])(pair, None)  # type: ignore[arg-type] # this rule asks nothing of the trace

        assert isinstance(shown, Pair)
        assert not any(EMAIL in text for text in texts_of(shown))


class TestFailsClosed:
    @pytest.mark.parametrize(
        "error",
        [ValueError("about alice@example.com"), RecursionError(), type("AliceError", (Exception,), {})()],
        ids=lambda error: type(error).__name__,
    )
    def test_what_raises(self, make_trace: Callable[..., Trace], error: Exception) -> None:
        """
        A function that raises drops the pair, and neither the text nor the error's words are repeated.
        """

        def mask(text: str) -> str:
            if "hello" in text:
                raise error
            return text

        result = Redaction(mask=mask)(pair_with(EMAIL), make_trace())

        assert result == Dropped("redact")
        assert isinstance(result, Dropped)
        assert result.why == f"{type(error).__name__} was raised while its texts were redacted"

    @pytest.mark.parametrize("given", [None, b"text", 3])
    def test_what_gives_no_text(self, make_trace: Callable[..., Trace], given: object) -> None:
        """
        A function that forgets to give the text back drops the pair.
        """
        rule = Redaction(mask=lambda _: given)  # type: ignore[arg-type, return-value] # the mistake that is meant

        assert rule(make_pair(), make_trace()) == Dropped("redact")

    def test_a_step_that_is_shown(self, make_trace: Callable[..., Trace]) -> None:
        """
        What is shown of a step is redacted as a pair is; if that fails, nothing of it is shown.
        """

        def mask(text: str) -> str:
            raise ValueError(text)

        [bare, *_] = make_trace({"gen_ai.x": EMAIL}).steps
        message = Message("user", (Text(f"I am {EMAIL}"),))
        step = replace(
            bare,
            span=replace(bare.span, name=EMAIL, status_message=EMAIL),
            input=(message,),
            output=(message,),
            input_text=EMAIL,
            output_text=EMAIL,
            model=EMAIL,
            system=EMAIL,
            metadata={"a": EMAIL},
            user_id=EMAIL,
            tags=(EMAIL,),
            agent=EMAIL,
            documents=(Document(EMAIL),),
            evaluations=(Evaluation(EMAIL),),
            tool_name=EMAIL,
        )

        shown, hidden = Redaction(["email"]).step(step), Redaction(mask=mask).step(step)

        assert [text for text in texts_of(shown) if EMAIL in text] == []
        assert shown.input == (Message("user", (Text("I am [email]"),)),)
        assert [text for text in texts_of(hidden) if "mail" in text] == []
        assert hidden.span.span_id == step.span.span_id

    def test_what_is_no_value(self, make_trace: Callable[..., Trace]) -> None:
        """
        A value of a kind that nobody expects is not passed on unseen.
        """
        pair = replace(make_pair(), metadata={"odd": object()})  # type: ignore[dict-item] # what is meant

        assert Redaction(["email"])(pair, make_trace()) == Dropped("redact")


class TestOwn:
    def test_patterns(self, make_trace: Callable[..., Trace]) -> None:
        r"""
        An own pattern is hidden under its own name, also one with signs that mean something in a replacement.
        """
        pair = make_pair(prompt="ticket T-12345 of room \\1")

        shown = passed(Redaction(patterns=[r"ticket no=T-\d{5}", r"room=\\\d"]), pair, make_trace)

        assert shown.prompt == "ticket [ticket no] of room [room]"

    def test_a_function_sees_what_the_others_left(self, make_trace: Callable[..., Trace]) -> None:
        """
        The function comes last: what is known to be private it does not get.
        """
        seen: list[str] = []

        def mask(text: str) -> str:
            seen.append(text)
            return text.replace("Alice", "[name]")

        shown = passed(Redaction(["email"], mask=mask), make_pair(prompt=f"Alice, {EMAIL}"), make_trace)

        assert shown.prompt == "[name], [email]"
        assert not any(EMAIL in text for text in seen)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            pytest.param(r"\d+", "must be NAME=REGEX", id="no name"),
            pytest.param(r"=\d+", "must be NAME=REGEX", id="an empty name"),
            pytest.param("[x]=y", "must be NAME=REGEX", id="a name with signs"),
            pytest.param("x=(", "is no regular expression: missing", id="no pattern"),
            pytest.param("x=a*", "matches the empty text", id="matches everywhere"),
            pytest.param("x=", "matches the empty text", id="an empty pattern"),
        ],
    )
    def test_mistakes(self, text: str, message: str) -> None:
        """
        A pattern that cannot be meant is refused when it is read.
        """
        with pytest.raises(ValueError, match=re.escape(message)):
            parse_pattern(text)


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        ("email", "a"),
        ("email", "a@"),
        ("email", "a%40a"),
        ("email", "a@a."),
        ("email", '"a@'),
        ("email", "\\u00fc"),
        ("phone", "1"),
        ("phone", "0 0 "),
        ("phone", "+1("),
        ("phone", "555-"),
        ("card", "1"),
        ("card", "4 "),
        ("card", "4111-1111-"),
        ("key", "aA1"),
        ("key", "://a:a"),
        ("key", "-----BEGIN PRIVATE KEY-----"),
        ("key", "password is a"),
        ("key", "password:"),
        ("key", "eyJaaaaaaaa."),
        ("key", "eyJ-"),
        ("key", "eyJ\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("key", "a/"),
    ],
)
def test_a_hostile_megabyte(kind: str, unit: str) -> None:
    """
    A megabyte that was made to be slow takes about a second, where quadratic time would take hours.
    """
    text = "x@ " + (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    begin_s = time.process_time()

    KINDS[kind](text)

    assert time.process_time() - begin_s < 10
