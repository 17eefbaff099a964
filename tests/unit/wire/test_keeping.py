"""What is left of a request holds the wanted traces, all of them and nothing else, as they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.proto", reason="the extra protobuf is not installed")

from spanlabel.wire.decoded import Decoded
from spanlabel.wire.json_body import read_json
from spanlabel.wire.keeping import kept_json, kept_logs, kept_traces
from spanlabel.wire.otlp_proto import read_logs, read_traces

Encode = Callable[[Mapping[str, Any]], bytes]
IDS = [f"{n:032x}" for n in range(1, 5)]
SPAN_ID = "b7ad6b7169203331"

_values = st.sampled_from(
    [
        {"stringValue": "ä🙂"},
        {"doubleValue": float("inf")},
        {"intValue": "-9223372036854775808"},
        {},
        {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": [{"boolValue": True}, {}]}}}]}},
    ]
)
_attributes = st.lists(st.fixed_dictionaries({"key": st.sampled_from("ab"), "value": _values}), max_size=2)
_members = st.lists(
    st.fixed_dictionaries(
        {
            "traceId": st.sampled_from([*IDS, *IDS, "", "ab"]),
            "spanId": st.sampled_from([SPAN_ID, ""]),
            "attributes": _attributes,
        }
    ),
    max_size=4,
)
_groups = st.lists(
    st.tuples(_attributes, st.lists(st.tuples(st.sampled_from(["", "s"]), _members), max_size=3)), max_size=3
)
_wanted = st.sets(st.sampled_from([*IDS, "f" * 32]))


def request(groups: list[Any], signal: str = "Spans", members: str = "spans") -> dict[str, Any]:
    return {
        f"resource{signal}": [
            {
                "resource": {"attributes": resource},
                f"scope{signal}": [{"scope": {"name": name}, members: found} for name, found in scopes],
            }
            for resource, scopes in groups
        ]
    }


def told(read: Decoded, trace_ids: Collection[str] | None = None) -> tuple[list[Any], list[Any]]:
    """What was read, or what was read of some traces."""
    wanted = [one for one in (*read.spans, *read.logs) if trace_ids is None or one.trace_id in trace_ids]
    return wanted, [one.resource for one in wanted]


class TestProtobuf:
    @given(groups=_groups, wanted=_wanted)
    def test_spans(self, as_protobuf: Encode, groups: list[Any], wanted: set[str]) -> None:
        """Whatever spans come together, those of the wanted traces are left as they were, in their order."""
        message = as_protobuf(request(groups))
        kept = kept_traces(message, wanted)
        assert told(read_traces(kept)) == told(read_traces(message), wanted)
        assert len(kept) <= len(message)

    @given(groups=_groups, wanted=_wanted)
    def test_logs(self, as_protobuf: Encode, groups: list[Any], wanted: set[str]) -> None:
        """Log records, the same."""
        message = as_protobuf(request(groups, "Logs", "logRecords"))
        assert told(read_logs(kept_logs(message, wanted))) == told(read_logs(message), wanted)

    def test_recorded(self, as_protobuf: Encode, recorded_documents: list[dict[str, Any]]) -> None:
        """Of each recorded request each trace can be left alone."""
        for document in recorded_documents:
            for read, kept, key in (
                (read_traces, kept_traces, "resourceSpans"),
                (read_logs, kept_logs, "resourceLogs"),
            ):
                if key not in document:
                    continue
                message = as_protobuf({key: document[key]})
                whole = read(message)
                for trace_id in {one.trace_id for one in (*whole.spans, *whole.logs)}:
                    assert told(read(kept(message, [trace_id]))) == told(whole, [trace_id])

    def test_odd_bytes(self, as_protobuf: Encode) -> None:
        """Texts that are no UTF-8, and fields of a later version of the protocol, stay."""
        member = {"traceId": IDS[0], "spanId": SPAN_ID, "attributes": [{"key": "k", "value": {"stringValue": "XYZ"}}]}
        other = {"traceId": IDS[1], "spanId": SPAN_ID}
        message = as_protobuf(request([([], [("s", [other, member])])])).replace(b"XYZ", b"\xff\xc0Z")
        unknown = b"\xfa\x7f\x03new"  # field 2047

        kept = kept_traces(message + unknown, IDS[:1])

        assert b"\xff\xc0Z" in kept
        assert kept.endswith(unknown)
        assert len(read_traces(kept).spans) == 1

    @pytest.mark.parametrize("kept", [kept_traces, kept_logs])
    def test_nothing_wanted(self, as_protobuf: Encode, kept: Callable[..., bytes]) -> None:
        """What holds none of the wanted traces becomes nothing."""
        message = as_protobuf(request([([], [("s", [{"traceId": IDS[0], "spanId": SPAN_ID}])])]))
        assert kept(message, []) == b""

    def test_no_message(self) -> None:
        """What is no protobuf is said to be none."""
        with pytest.raises(ValueError, match="cannot be decoded"):
            kept_traces(b"\x0a\xff", IDS)


class TestJson:
    @given(groups=_groups, logs=_groups, wanted=_wanted)
    def test_any(self, groups: list[Any], logs: list[Any], wanted: set[str]) -> None:
        """Spans and log records of one body: those of the wanted traces are left as they were."""
        body = json.dumps(request(groups) | request(logs, "Logs", "logRecords")).encode()
        assert told(read_json(kept_json(body, wanted))) == told(read_json(body), wanted)

    def test_snake_case(self) -> None:
        """Keys in the style of protobuf, and ids in capitals, are understood."""
        span = {"trace_id": "A" * 32, "span_id": SPAN_ID, "name": "n"}
        other = {"trace_id": IDS[0], "span_id": SPAN_ID}
        body = json.dumps({"resource_spans": [{"scope_spans": [{"spans": [other, span]}]}]}).encode()

        [left] = read_json(kept_json(body, ["a" * 32])).spans

        assert (left.trace_id, left.name) == ("a" * 32, "n")

    @pytest.mark.parametrize("text", [b'"\\ud83d"', b'"\xff"', b'"\\u0000\\n"', b'"\xc3\xa4"'])
    def test_odd_text(self, text: bytes) -> None:
        """Half a surrogate pair, broken bytes and control characters read as before."""
        span = b'{"traceId":"%s","spanId":"%s","name":%s}' % (IDS[0].encode(), SPAN_ID.encode(), text)
        body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[%s,{}]}]}]}' % span
        assert told(read_json(kept_json(body, IDS))) == told(read_json(body))

    @pytest.mark.parametrize("odd", [None, 1, "x", {}, [None, 1, "x", [], {"scopeSpans": 1}]])
    def test_odd_shapes(self, odd: object) -> None:
        """What is no list of objects holds nothing to keep."""
        body = json.dumps({"resourceSpans": odd}).encode()
        assert read_json(kept_json(body, IDS)).spans == ()

    def test_no_request(self) -> None:
        """What is no JSON object is said to be none."""
        with pytest.raises(ValueError, match="is not JSON"):
            kept_json(b"{", IDS)
