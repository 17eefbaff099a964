from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.proto", reason="the extra protobuf is not installed")

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanlabel.sources.message import read_message
from spanlabel.wire.decoded import Decoded

TRACE, SPAN = "11" * 16, "22" * 8
JSON = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": TRACE, "spanId": SPAN}]}]}]}).encode()
JSON_LOGS = json.dumps(
    {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": TRACE, "spanId": SPAN}]}]}]}
).encode()


def test_protobuf_is_read_as_its_topic_says() -> None:
    """The bytes of spans and of log records do not say which they are."""
    traces, logs = TracesData(), LogsData()
    traces.resource_spans.add().scope_spans.add().spans.add(trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN))
    logs.resource_logs.add().scope_logs.add().log_records.add(
        trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN)
    )
    assert [one.trace_id for one in read_message(traces.SerializeToString(), holds_logs=False).spans] == [TRACE]
    assert [one.trace_id for one in read_message(logs.SerializeToString(), holds_logs=True).logs] == [TRACE]


@pytest.mark.parametrize("before", [b"", b" \r\n\t", b"\xef\xbb\xbf"])
def test_json_is_known_by_its_brace(before: bytes) -> None:
    """Whatever somebody wrote before it that means nothing."""
    assert [one.trace_id for one in read_message(before + JSON, holds_logs=False).spans] == [TRACE]
    assert [one.trace_id for one in read_message(before + JSON_LOGS, holds_logs=True).logs] == [TRACE]


@pytest.mark.parametrize("value", [b"{", b"{]", b"hello", b"\xff\xff\xff"])
def test_other_bytes_are_refused_without_repeating_them(value: bytes) -> None:
    """What is in a message may be private."""
    with pytest.raises(ValueError, match=r"is no|is not") as caught:
        read_message(value, holds_logs=False)
    assert "hello" not in str(caught.value)


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda some: b"{" + some), st.booleans())
def test_no_message_does_more_than_be_refused(value: bytes, holds_logs: bool) -> None:
    """Whatever lies in a topic."""
    with suppress(ValueError):
        assert isinstance(read_message(value, holds_logs=holds_logs), Decoded)
