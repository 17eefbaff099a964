"""A request of many tiny things is refused before it fills the memory, and no other is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.proto", reason="the extra protobuf is not installed")

from spanlabel.wire import bounds
from spanlabel.wire.decoded import Checked
from spanlabel.wire.json_body import check_json, read_json
from spanlabel.wire.proto_check import check_logs, check_traces

Encode = Callable[[Mapping[str, Any]], bytes]
IDS = b"\x0a\x10" + b"a" * 16 + b"\x12\x08" + b"b" * 8
MANY = 1_100_000


def field(number: int, content: bytes) -> bytes:
    """A message, or text, as field *number*."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def scoped(members: bytes) -> bytes:
    return field(1, field(2, members))


def one_span(content: bytes) -> bytes:
    return scoped(field(2, IDS + content))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (scoped(b"\x12\x00" * MANY), "100,000 spans"),
        (scoped(b"\x12\x00" * 150_000), "100,000 spans"),
        (scoped(field(2, IDS) * 100_001), "100,000 spans"),
        (b"\x0a\x00" * MANY, "1,000,000 attributes"),
        (field(1, b"\x12\x00" * MANY), "1,000,000 attributes"),
        (field(1, field(1, b"\x0a\x00" * MANY)), "1,000,000 attributes"),
        (one_span(b"\x4a\x00" * 2 * MANY), "1,000,000 attributes"),
        (one_span(b"\x4a\x00" * MANY), "1,000,000 attributes"),
        (one_span(b"\x4a\x80\x00" * MANY), "1,000,000 attributes"),
        (one_span(b"\x5a\x00" * MANY), "1,000,000 attributes"),
        (one_span(b"\x6a\x00" * MANY), "1,000,000 attributes"),
        (one_span(field(11, b"\x1a\x00" * MANY)), "1,000,000 attributes"),
        (one_span(field(9, b"\x0a\x01k" + field(2, field(5, b"\x0a\x00" * MANY)))), "1,000,000 attributes"),
    ],
    ids=[
        "empty spans",
        "empty spans, a small body",
        "spans",
        "empty resources",
        "empty scopes",
        "empty attributes of a resource",
        "empty attributes",
        "empty attributes, not so many",
        "a long way to say zero",
        "empty events",
        "empty links",
        "empty attributes of an event",
        "empty values in a list",
    ],
)
def test_many_tiny_things(message: bytes, said: str) -> None:
    """The sender of millions of next to nothing is told what is too much."""
    with pytest.raises(ValueError, match=f"holds more than {said}"):
        check_traces(message)


def test_many_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting ends in time, whatever there is to count."""
    monkeypatch.setattr(bounds, "_MOST_FIELDS", 100_000)
    with pytest.raises(ValueError, match="holds more than 100,000 fields"):
        check_traces(b"\x08\x00" * 2 * MANY)


def test_many_log_records() -> None:
    """Of log records there may be as many as of spans."""
    assert check_logs(scoped(field(2, b"\x4a\x00") * 100_000)) == Checked(100_000)
    with pytest.raises(ValueError, match="holds more than 100,000 log records"):
        check_logs(scoped(b"\x12\x00" * MANY))
    with pytest.raises(ValueError, match="holds more than 1,000,000 attributes"):
        check_logs(scoped(field(2, b"\x32\x00" * MANY)))


@pytest.mark.parametrize(
    ("message", "count"),
    [
        (scoped(field(2, IDS) * 100_000), 100_000),
        (scoped(field(2, IDS + field(9, field(1, b"k" * 20) + field(2, field(1, b"v" * 20))) * 25) * 8_192), 8_192),
        (scoped(field(2, IDS + field(9, field(1, b"k" * 20) + field(2, b"\x18\x01")) * 9) * 100_000), 100_000),
        (one_span(field(9, b"\x0a\x01k" + field(2, field(1, b"\n\t" * 5_000_000)))), 1),
        (one_span(field(9, b"\x0a\x01k" + field(2, field(7, bytes(10_000_000))))), 1),
    ],
    ids=["spans", "a large batch", "as many attributes as may be", "a text of line ends", "ten million zeros"],
)
def test_large_requests(message: bytes, count: int) -> None:
    """A request that is large because much is in it passes, whatever its bytes are."""
    assert check_traces(message) == Checked(count)


@pytest.mark.parametrize("end", [b"\x12", b"\xff" * 30, b"\x12\xff\xff\xff\xff\x7f", b"\x0b\x00"])
def test_damaged(end: bytes) -> None:
    """What is no message is said to be none, or to be too large; never anything else."""
    with pytest.raises(ValueError, match=r"cannot be decoded|holds more than"):
        check_traces(b"\x08\x00" * 1_500_000 + end)


_attributes = st.lists(
    st.recursive(
        st.just({"stringValue": "v"}),
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda values: {"arrayValue": {"values": values}})
            | st.lists(inner, max_size=3).map(
                lambda vs: {"kvlistValue": {"values": [{"key": "k", "value": v} for v in vs]}}
            )
        ),
        max_leaves=5,
    ).map(lambda value: {"key": "k", "value": value}),
    max_size=3,
)
_events = st.lists(st.fixed_dictionaries({"name": st.just("e"), "attributes": _attributes}), max_size=2)
_spans = st.lists(
    st.fixed_dictionaries({"name": st.text("ä\n", max_size=9), "attributes": _attributes, "events": _events}),
    max_size=3,
)


def elements_of(document: Any) -> int:
    """Attributes, events and values in lists, as somebody would count them in the document."""
    if isinstance(document, list):
        return sum(map(elements_of, document))
    if not isinstance(document, dict):
        return 0
    own = sum(len(document.get(key, ())) for key in ("attributes", "events", "values"))
    return own + sum(map(elements_of, document.values()))


@given(spans=_spans)
def test_counting(as_protobuf: Encode, spans: list[Any]) -> None:
    """What is counted is what is there, and the estimate that spares the counting is never below half of it."""
    message = as_protobuf({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    elements, members = bounds._counted(message, bounds._traces, bounds._span)
    # One resource and one scope.
    assert (elements, members) == (elements_of(spans) + 2, len(spans))
    assert 2 * bounds._estimate(message) >= elements


class TestJson:
    @pytest.mark.parametrize("tiny", [b"{},", b'{"":0},', b"1,", b"[],", b'"",', b'"a\\"b",'])
    def test_many_values(self, tiny: bytes) -> None:
        """Millions of next to nothing are refused in JSON, too."""
        with pytest.raises(ValueError, match="holds more than 2,000,000 values"):
            check_json(b'{"resourceSpans":[' + tiny * 2 * MANY + b"0]}")

    def test_many_spans(self) -> None:
        """There may be as many spans as in protobuf."""
        with pytest.raises(ValueError, match="holds more than 100,000 spans"):
            check_json(b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * 100_000 + b"{}]}]}]}")

    @pytest.mark.parametrize("text", ["{[,", 'a "{[,', "\\", '\\"{[,\\'])
    def test_within_texts(self, text: str) -> None:
        """A long text passes, though it is of JSON, of quotes or of backslashes."""
        body = json.dumps({"resourceSpans": [], "text": text * 2_000_000}).encode()
        assert read_json(body).spans == ()
