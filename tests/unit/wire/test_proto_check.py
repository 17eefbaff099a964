"""The quick look at a request finds what reading it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.proto", reason="the extra protobuf is not installed")

from spanlabel.wire.decoded import Checked
from spanlabel.wire.otlp_proto import read_logs, read_traces
from spanlabel.wire.proto_check import check_logs, check_traces

Encode = Callable[[Mapping[str, Any]], bytes]
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

_ids = st.tuples(
    st.sampled_from([TRACE_ID, TRACE_ID, "0" * 32, "", "ab", "00"]),
    st.sampled_from([SPAN_ID, SPAN_ID, "0" * 16, "", "ab", "00"]),
)


def spans(*ids: tuple[str, str]) -> dict[str, Any]:
    members = [{"traceId": trace_id, "spanId": span_id, "name": "n"} for trace_id, span_id in ids]
    return {"resourceSpans": [{"scopeSpans": [{"spans": members}]}]}


def records(*ids: tuple[str, str]) -> dict[str, Any]:
    members = [{"traceId": trace_id, "spanId": span_id} for trace_id, span_id in ids]
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": members}]}]}


@pytest.mark.parametrize(
    ("ids", "checked"),
    [
        ([], Checked(0)),
        ([(TRACE_ID, SPAN_ID)] * 3, Checked(3)),
        ([(TRACE_ID, SPAN_ID), ("", SPAN_ID)], Checked(2, 1, "1 left out: a span's traceId is missing")),
        ([("0" * 32, SPAN_ID)] * 2, Checked(2, 2, "2 left out: a span's traceId is all zero")),
        (
            [(TRACE_ID, "ab"), (TRACE_ID, "0" * 16)],
            Checked(2, 2, "1 left out: a span's spanId is not 16 hex digits; 1 left out: a span's spanId is all zero"),
        ),
    ],
)
def test_spans(as_protobuf: Encode, ids: list[tuple[str, str]], checked: Checked) -> None:
    """The sender of spans is told how many of them are refused, and why."""
    assert check_traces(as_protobuf(spans(*ids))) == checked


@pytest.mark.parametrize(
    ("ids", "checked"),
    [
        ([(TRACE_ID, SPAN_ID)], Checked(1)),
        ([("", ""), ("0" * 32, "0" * 16), (TRACE_ID, "")], Checked(3)),
        ([(TRACE_ID, "ab"), ("", "")], Checked(2, 1, "1 left out: a log record's spanId is not 16 hex digits")),
    ],
)
def test_logs(as_protobuf: Encode, ids: list[tuple[str, str]], checked: Checked) -> None:
    """The sender of log records is told what is refused; records outside of any span are no fault."""
    assert check_logs(as_protobuf(records(*ids))) == checked


@given(ids=st.lists(_ids, max_size=6))
def test_like_reading(as_protobuf: Encode, ids: list[tuple[str, str]]) -> None:
    """What the sender was told is just what happens when the request is read later."""
    message = as_protobuf(spans(*ids))
    read, checked = read_traces(message), check_traces(message)
    assert checked == Checked(len(ids), read.refused, "; ".join(read.problems))
    assert len(read.spans) == checked.count - checked.refused

    message = as_protobuf(records(*ids))
    read, checked = read_logs(message), check_logs(message)
    assert checked == Checked(len(ids), read.refused, "; ".join(read.problems))
    assert len(read.logs) == checked.count - checked.refused - read.logs_without_span


def test_empty() -> None:
    """A request without a byte is a request without spans."""
    assert check_traces(b"") == check_logs(b"") == Checked(0)


@pytest.mark.parametrize("check", [check_traces, check_logs])
@pytest.mark.parametrize("message", [b"\x0a\xff", b"\xff" * 20, b'{"resourceSpans": []}', b"\x0a"])
def test_no_message(check: Callable[[bytes], Checked], message: bytes) -> None:
    """What is no protobuf is said to be none, JSON too."""
    with pytest.raises(ValueError, match="cannot be decoded"):
        check(message)


def test_one_broken_text(as_protobuf: Encode) -> None:
    """A text that is no UTF-8 makes nobody refuse the request."""
    message = as_protobuf(spans((TRACE_ID, SPAN_ID))).replace(b"n", b"\xff")
    assert check_traces(message) == Checked(1)
