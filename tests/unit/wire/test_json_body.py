"""The body of an OTLP/JSON request, and whatever else may come instead."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.wire.decoded import Checked, Decoded
from spanlabel.wire.json_body import check_json, read_json
from spanlabel.wire.otlp_json import read_document

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def request(value: object = None, trace_id: str = TRACE_ID) -> dict[str, Any]:
    attributes = [{"key": "k", "value": value}]
    span = {"traceId": trace_id, "spanId": SPAN_ID, "name": "n", "attributes": attributes}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def body(value: object = None) -> bytes:
    return json.dumps(request(value)).encode()


class TestRead:
    def test_like_a_document(self) -> None:
        """A body is read as the document that it is."""
        document = request({"stringValue": "ä🙂"})
        assert read_json(json.dumps(document).encode()) == read_document(document)
        assert read_json(json.dumps(document, ensure_ascii=False).encode()) == read_document(document)

    def test_nothing(self) -> None:
        """An object without anything in it is a request without spans."""
        assert read_json(b"{}") == Decoded()

    def test_byte_order_mark(self) -> None:
        """A byte order mark before the body is passed over."""
        assert read_json(b"\xef\xbb\xbf" + body()) == read_json(body())

    def test_broken_text(self) -> None:
        """A text that is no UTF-8 is shown with a mark; nothing else of the request is lost."""
        [span] = read_json(body({"stringValue": "XYZ"}).replace(b"Y", b"\xff")).spans
        assert span.attributes == {"k": "X\N{REPLACEMENT CHARACTER}Z"}

    def test_not_a_number(self) -> None:
        """NaN and the infinities, which JSON does not have, are taken as a number."""
        [span] = read_json(body({"doubleValue": math.nan})).spans
        assert math.isnan(float(str(span.attributes["k"])))
        [span] = read_json(body({"doubleValue": -math.inf})).spans
        assert span.attributes["k"] == -math.inf

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            (b"", "is not JSON: Expecting value"),
            (b"\x0a\x05hello", "is not JSON: Expecting value"),
            (b'{"resourceSpans": [', "is not JSON: Expecting value"),
            (b'{"resourceSpans": []} {}', "is not JSON: Extra data"),
            (b'{"resourceSpans": "secr\net"}', "is not JSON: Invalid control character"),
            (b"[]", "expected a JSON object"),
            (b"null", "expected a JSON object"),
            (b"[" * 200_000, "nested too deeply"),
            (b'{"a":' * 200_000, "nested too deeply"),
            (b'{"a": ' + b"1" * 10_000 + b"}", "a number in its JSON is too long"),
        ],
    )
    def test_no_request(self, sent: bytes, said: str) -> None:
        """What is no JSON object is refused with the reason, and without any of its content."""
        with pytest.raises(ValueError, match=said) as raised:
            read_json(sent)
        assert len(str(raised.value)) < 100
        assert "secr" not in str(raised.value)

    @given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 4))
    def test_any_damage(self, noise: bytes, at: int, times: int) -> None:
        """Whatever bytes come in place of others: spans, or one error."""
        message = bytearray(body({"stringValue": "text"}))
        message[at % len(message) : at % len(message) + times] = noise
        with suppress(ValueError):
            assert len(read_json(bytes(message)).spans) <= 1


class TestCheck:
    def test_counts(self) -> None:
        """The sender is told how many spans are refused, and why."""
        assert check_json(body()) == Checked(1)
        refused = json.dumps(request(trace_id="")).encode()
        assert check_json(refused) == Checked(1, 1, "1 left out: a span's traceId is missing")

    def test_logs_without_span(self) -> None:
        """Log records outside of any span are no fault."""
        records = [{"body": {"stringValue": "started"}}] * 2
        sent = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
        assert check_json(sent) == Checked(2)

    def test_no_request(self) -> None:
        """What is no JSON object is refused."""
        with pytest.raises(ValueError, match="is not JSON"):
            check_json(b"{")
