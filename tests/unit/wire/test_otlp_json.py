"""OTLP/JSON documents into spans and log records."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanlabel.model import Scope, Span, SpanKind, Status
from spanlabel.wire.decoded import Decoded
from spanlabel.wire.otlp_json import MAX_DEPTH, read_document

DATA = Path(__file__).parents[2] / "data" / "otlp_json"

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
PARENT_ID = "00f067aa0ba902b7"

SPAN: dict[str, Any] = {
    "traceId": TRACE_ID,
    "spanId": SPAN_ID,
    "parentSpanId": PARENT_ID,
    "flags": 257,
    "name": "chat gpt-4o",
    "kind": 3,
    "startTimeUnixNano": "1795248905838350421",
    "endTimeUnixNano": "1795248905838850421",
    "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "812"}},
    ],
    "droppedAttributesCount": 2,
    "events": [
        {
            "name": "exception",
            "timeUnixNano": "1795248905838450421",
            "attributes": [{"key": "exception.type", "value": {"stringValue": "Timeout"}}],
        }
    ],
    "links": [{"traceId": TRACE_ID.upper(), "spanId": PARENT_ID, "attributes": []}],
    "status": {"code": 2, "message": "timed out"},
}

LOG: dict[str, Any] = {
    "traceId": TRACE_ID,
    "spanId": SPAN_ID,
    "timeUnixNano": "1795248905838450421",
    "observedTimeUnixNano": "1795248905838450499",
    "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "hi"}}]}},
    "attributes": [{"key": "gen_ai.system", "value": {"stringValue": "openai"}}],
    "eventName": "gen_ai.user.message",
}

DOCUMENT: dict[str, Any] = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeSpans": [{"scope": {"name": "lib", "version": "1.2"}, "spans": [SPAN]}],
        }
    ],
    "resourceLogs": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeLogs": [{"scope": {"name": "lib", "version": "1.2"}, "logRecords": [LOG]}],
        }
    ],
}


def document(*spans: object, logs: list[object] | None = None) -> dict[str, Any]:
    groups: dict[str, Any] = {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}
    if logs is not None:
        groups["resourceLogs"] = [{"scopeLogs": [{"logRecords": logs}]}]
    return groups


def read_span(**changes: object) -> Span:
    (span,) = read_document(document({**SPAN, **changes})).spans
    return span


def value_of(any_value: object) -> object:
    return read_span(attributes=[{"key": "k", "value": any_value}]).attributes["k"]


class TestWhatIsRead:
    def test_span(self) -> None:
        """Everything the model has a place for arrives, in the model's units."""
        (span,) = read_document(DOCUMENT).spans
        assert (span.trace_id, span.span_id, span.parent_id) == (TRACE_ID, SPAN_ID, PARENT_ID)
        assert (span.name, span.kind, span.parent_is_remote) == ("chat gpt-4o", SpanKind.CLIENT, False)
        assert (span.start_ns, span.end_ns) == (1795248905838350421, 1795248905838850421)
        assert span.attributes == {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 812}
        assert (span.status, span.status_message) == (Status.ERROR, "timed out")
        assert span.scope == Scope("lib", "1.2")
        assert span.resource == {"service.name": "shop"}
        assert span.dropped_attributes == 2
        assert span.is_skeleton is False
        (event,) = span.events
        assert (event.name, event.time_ns) == ("exception", 1795248905838450421)
        assert event.attributes == {"exception.type": "Timeout"}
        (link,) = span.links
        assert (link.trace_id, link.span_id, link.attributes) == (TRACE_ID, PARENT_ID, {})

    def test_log(self) -> None:
        """A log record arrives with its body as plain data and the ids of its span."""
        (log,) = read_document(DOCUMENT).logs
        assert (log.trace_id, log.span_id) == (TRACE_ID, SPAN_ID)
        assert (log.event_name, log.time_ns) == ("gen_ai.user.message", 1795248905838450421)
        assert log.body == {"content": "hi"}
        assert log.attributes == {"gen_ai.system": "openai"}
        assert (log.scope, log.resource) == (Scope("lib", "1.2"), {"service.name": "shop"})

    def test_nothing_but_ids(self) -> None:
        """A span that leaves out all fields that are zero is read; Python's exporter writes such spans."""
        (span,) = read_document(document({"traceId": TRACE_ID, "spanId": SPAN_ID, "status": {}})).spans
        assert (span.name, span.kind, span.start_ns, span.end_ns) == ("", SpanKind.UNSPECIFIED, 0, 0)
        assert (span.parent_id, span.parent_is_remote, span.attributes) == (None, None, {})
        assert (span.status, span.scope, span.resource) == (Status.UNSET, Scope(), {})

    def test_shared(self) -> None:
        """Spans of one resource share its attributes, so a thousand spans hold them once."""
        first, second = read_document(document(SPAN, {**SPAN, "spanId": PARENT_ID})).spans
        assert first.resource is second.resource
        assert first.scope is second.scope

    def test_unknown_fields(self) -> None:
        """Fields that a newer OTLP may bring are passed over."""
        changed = copy.deepcopy(DOCUMENT)
        changed["resourceSpans"][0]["schemaUrl"] = "https://example.org"
        changed["entityRefs"] = [{"a": 1}]
        assert read_document(changed) == read_document(DOCUMENT)
        assert read_span(newField={"deep": [1, 2]}) == read_span()

    def test_snake_case(self) -> None:
        """A document written with the protocol's original field names gives the same."""
        snaked = {
            "resource_spans": [
                {
                    "scope_spans": [
                        {
                            "spans": [
                                {
                                    "trace_id": TRACE_ID,
                                    "span_id": SPAN_ID,
                                    "start_time_unix_nano": "7",
                                    "attributes": [{"key": "user_id", "value": {"string_value": "a_b"}}],
                                }
                            ]
                        }
                    ]
                }
            ]
        }
        (span,) = read_document(snaked).spans
        assert (span.trace_id, span.start_ns, span.attributes) == (TRACE_ID, 7, {"user_id": "a_b"})

    @pytest.mark.parametrize("written", [{}, {"resourceSpans": []}, {"resourceMetrics": [{}]}])
    def test_nothing_in_it(self, written: object) -> None:
        """An empty request, and metrics in a file that three pipelines share, are no problem."""
        assert read_document(written) == Decoded()

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ([], "expected a JSON object, found an array"),
            ("text", "expected a JSON object, found a string"),
            (None, "expected a JSON object, found null"),
            (3, "expected a JSON object, found a number"),
            ({"resourceSpans": {}}, "resourceSpans is an object, not an array"),
            ({"resourceLogs": True}, "resourceLogs is true or false, not an array"),
            (
                {"data": [], "total": 1},
                "neither resourceSpans nor resourceLogs in this object (found: 'data', 'total')",
            ),
        ],
    )
    def test_something_else(self, written: object, said: str) -> None:
        """JSON that is no OTLP is said to be none, with what was found instead."""
        assert read_document(written) == Decoded(problems=(said,))


class TestValues:
    @pytest.mark.parametrize(
        ("any_value", "expected"),
        [
            ({"stringValue": "x"}, "x"),
            ({"stringValue": ""}, ""),
            ({"boolValue": False}, False),
            ({"intValue": "20"}, 20),
            ({"intValue": 20}, 20),
            ({"intValue": "-9223372036854775808"}, -(2**63)),
            ({"intValue": 2e3}, 2000),
            ({"doubleValue": 0.5}, 0.5),
            ({"doubleValue": 1}, 1.0),
            ({"doubleValue": "-Infinity"}, float("-inf")),
            ({"bytesValue": "aGk="}, b"hi"),
            ({"bytesValue": "_-8"}, b"\xff\xef"),
            ({"arrayValue": {"values": [{"stringValue": "a"}, {}, {"intValue": 1}]}}, ("a", None, 1)),
            ({"arrayValue": {}}, ()),
            (
                {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {}}}, {"key": "b"}]}},
                {"a": (), "b": None},
            ),
            ({"kvlistValue": {}}, {}),
            ({}, None),
            (None, None),
            ({"newValue": 1}, None),
            # of a wrong type
            ({"stringValue": 3}, None),
            ({"boolValue": "yes"}, None),
            ({"intValue": "many"}, None),
            ({"intValue": True}, None),
            ({"intValue": 2**63}, None),
            ({"intValue": "9" * 5000}, None),
            ({"doubleValue": "half"}, None),
            ({"doubleValue": 10**400}, None),
            ({"bytesValue": "*"}, None),
            ({"bytesValue": 5}, None),
            ({"arrayValue": 7}, ()),
            ({"kvlistValue": [1]}, {}),
            ("bare", None),
        ],
    )
    def test_any_value(self, any_value: object, expected: object) -> None:
        """Each kind of value comes out as plain Python; a wrong or unknown one as None or empty."""
        got = value_of(any_value)
        assert got == expected
        assert type(got) is type(expected)

    def test_depth(self) -> None:
        """Values are read down to a stated depth; what lies deeper is None, and nothing overflows."""

        def nested(levels: int) -> object:
            value: object = {"stringValue": "bottom"}
            for _ in range(levels):
                value = {"arrayValue": {"values": [value]}}
            return value

        inner = value_of(nested(MAX_DEPTH - 1))
        for _ in range(MAX_DEPTH - 1):
            assert isinstance(inner, tuple)
            (inner,) = inner
        assert inner == "bottom"

        inner = value_of(nested(100_000))
        for _ in range(MAX_DEPTH):
            assert isinstance(inner, tuple)
            (inner,) = inner
        assert inner is None

    def test_attributes(self) -> None:
        """Of a key that comes twice the last value counts; entries that are no pairs are passed over."""
        written = [
            {"key": "a", "value": {"stringValue": "first"}},
            {"key": "a", "value": {"stringValue": "second"}},
            {"key": 3, "value": {"stringValue": "x"}},
            {"value": {"stringValue": "x"}},
            "a",
            None,
            {"key": "b"},
        ]
        assert read_span(attributes=written).attributes == {"a": "second", "b": None}


class TestFields:
    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            (None, None),
            (0, None),
            (1, None),
            (0x100, False),
            (0x101, False),
            (0x300, True),
            ("768", True),
            (0x200, None),
        ],
    )
    def test_remote_parent(self, flags: object, expected: bool | None) -> None:
        """Whether the parent lives elsewhere is known only where the sender says that it knows."""
        assert read_span(flags=flags).parent_is_remote is expected

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            (2, SpanKind.SERVER),
            ("SPAN_KIND_SERVER", SpanKind.SERVER),
            (77, SpanKind.UNSPECIFIED),
            ([], SpanKind.UNSPECIFIED),
        ],
    )
    def test_kind(self, written: object, expected: SpanKind) -> None:
        """Enumerations are read by number, and by name as Tempo writes them."""
        assert read_span(kind=written).kind is expected

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ({"code": 1}, Status.OK),
            ({"code": "STATUS_CODE_ERROR"}, Status.ERROR),
            ({"code": 9}, Status.UNSET),
            ({"code": {}}, Status.UNSET),
            ("ERROR", Status.UNSET),
        ],
    )
    def test_status(self, written: object, expected: Status) -> None:
        """The same for the status."""
        assert read_span(status=written).status is expected

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (7, 9, (7, 9)),
            ("7", "9", (7, 9)),
            (9, 7, (9, 9)),
            (7, None, (7, 7)),
            ("soon", {}, (0, 0)),
            (-5, 9, (0, 9)),
            (2**64, 1, (0, 1)),
            (1.5e18, 1.6e18, (15 * 10**17, 16 * 10**17)),
        ],
    )
    def test_times(self, start: object, end: object, expected: tuple[int, int]) -> None:
        """A span never ends before it starts, and every time fits into a database's integer."""
        span = read_span(startTimeUnixNano=start, endTimeUnixNano=end)
        assert (span.start_ns, span.end_ns) == expected

    @pytest.mark.parametrize(
        ("field", "written", "default"),
        [
            ("name", 7, ""),
            ("events", {"name": "x"}, ()),
            ("events", ["x", None, 3], ()),
            ("links", [{"traceId": "x", "spanId": SPAN_ID}], ()),
            ("links", "x", ()),
            ("attributes", {"a": "b"}, {}),
            ("droppedAttributesCount", "some", 0),
            ("droppedAttributesCount", -1, 0),
        ],
    )
    def test_wrong_types(self, field: str, written: object, default: object) -> None:
        """A field of a wrong type costs that field, not the span."""
        ours = {"droppedAttributesCount": "dropped_attributes"}.get(field, field)
        assert getattr(read_span(**{field: written}), ours) == default

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, "gen_ai.user.message"),
            ({"eventName": ""}, "from.attribute"),
            ({"eventName": None, "attributes": [{"key": "event_name", "value": {"stringValue": "old"}}]}, "old"),
            ({"eventName": 3, "attributes": []}, ""),
        ],
    )
    def test_event_name(self, changes: dict[str, object], expected: str) -> None:
        """A log record's event name is found in each of its three places."""
        attributes = [{"key": "event.name", "value": {"stringValue": "from.attribute"}}]
        (log,) = read_document(document(logs=[{**LOG, "attributes": attributes, **changes}])).logs
        assert log.event_name == expected

    def test_log_time(self) -> None:
        """A record without a time of its own has the time at which it was observed."""
        (log,) = read_document(document(logs=[{**LOG, "timeUnixNano": "0"}])).logs
        assert log.time_ns == 1795248905838450499


class TestIds:
    def test_upper_case(self) -> None:
        """Ids in capitals are the same ids."""
        assert (
            read_span(traceId=TRACE_ID.upper(), spanId=SPAN_ID.upper(), parentSpanId=PARENT_ID.upper()) == read_span()
        )

    @pytest.mark.parametrize("parent", ["", None, "0" * 16, "zz", 5, TRACE_ID])
    def test_parent(self, parent: object) -> None:
        """A span whose parent id is empty, zero or broken is kept, without a parent."""
        assert read_span(parentSpanId=parent).parent_id is None

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"traceId": None}, "a span's traceId is missing"),
            ({"traceId": "abc"}, "a span's traceId is not 32 hex digits"),
            ({"traceId": "0" * 32}, "a span's traceId is all zero"),
            ({"traceId": TRACE_ID[:-1] + "g"}, "a span's traceId is not 32 hex digits"),
            ({"traceId": TRACE_ID + "\n"}, "a span's traceId is not 32 hex digits"),
            ({"traceId": 12}, "a span's traceId is a number, not 32 hex digits in a string"),
            ({"traceId": "CvdlGRbNQ92ESOshHIAxnA=="}, "a span's traceId is not 32 hex digits (it looks like base64"),
            ({"spanId": "0" * 16}, "a span's spanId is all zero"),
            ({"spanId": "t61rcWkgMzE="}, "a span's spanId is not 16 hex digits (it looks like base64"),
            ({"spanId": []}, "a span's spanId is an array, not 16 hex digits in a string"),
        ],
    )
    def test_refused(self, changes: dict[str, object], said: str) -> None:
        """A span without usable ids is refused and said so; the ones around it are kept."""
        got = read_document(document(SPAN, {**SPAN, **changes}, SPAN))
        assert len(got.spans) == 2
        assert got.refused == 1
        assert len(got.problems) == 1
        assert got.problems[0].startswith(f"1 left out: {said}")

    def test_many_refused(self) -> None:
        """Ten thousand broken spans are one sentence with a number, not ten thousand sentences."""
        got = read_document(document(*[{**SPAN, "traceId": "x" * (i % 99)} for i in range(10_000)], "no span"))
        assert got.refused == 10_001
        assert len(got.problems) <= 4
        assert sum(int(problem.split()[0]) for problem in got.problems) == 10_001

    @pytest.mark.parametrize(
        "changes", [{"spanId": None}, {"traceId": ""}, {"traceId": "0" * 32, "spanId": "0" * 16}, {"spanId": ""}]
    )
    def test_log_without_span(self, changes: dict[str, object]) -> None:
        """A record of no span gives nothing and is counted, and nobody is troubled with it."""
        got = read_document(document(logs=[{**LOG, **changes}, LOG]))
        assert (len(got.logs), got.logs_without_span, got.refused, got.problems) == (1, 1, 0, ())

    def test_log_with_broken_id(self) -> None:
        """A record with a broken id is refused as a span is."""
        got = read_document(document(logs=[{**LOG, "traceId": "xyz"}]))
        assert (got.logs, got.refused) == ((), 1)
        assert got.problems == ("1 left out: a log record's traceId is not 32 hex digits",)


class TestSize:
    def test_grows_with_content(self) -> None:
        """The estimate counts text wherever it lies, by its memory and not by its characters."""
        empty = read_span(attributes=[], events=[], links=[]).size_bytes
        text = {"stringValue": "x" * 10_000}
        nested = {"arrayValue": {"values": [{"kvlistValue": {"values": [{"key": "k", "value": text}]}}]}}
        for value in (text, nested, {"bytesValue": "A" * 13336}):
            attributes = [{"key": "a", "value": value}]
            assert 10_000 < read_span(attributes=attributes, events=[], links=[]).size_bytes - empty < 11_000
            events = [{"name": "e", "attributes": attributes}]
            assert 10_000 < read_span(attributes=[], events=events, links=[]).size_bytes - empty < 11_000
        emoji = [{"key": "a", "value": {"stringValue": "x" * 9_999 + "\N{GRINNING FACE}"}}]
        assert read_span(attributes=emoji, events=[], links=[]).size_bytes - empty > 40_000

    def test_log(self) -> None:
        """A log record's body counts too."""
        (small,) = read_document(document(logs=[{**LOG, "body": {}}])).logs
        (large,) = read_document(document(logs=[{**LOG, "body": {"stringValue": "x" * 10_000}}])).logs
        assert large.size_bytes - small.size_bytes == 10_000


# --- hostile documents

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(["0", TRACE_ID, SPAN_ID]),
)
_KEYS = [
    *("key", "value", "values", "stringValue", "intValue", "doubleValue", "bytesValue", "arrayValue", "kvlistValue"),
    *("scopeSpans", "scopeLogs", "spans", "logRecords", "resource", "scope", "code"),
    *(*SPAN, *LOG, *DOCUMENT),
]
_keys = st.one_of(st.sampled_from(_KEYS), st.text(max_size=5))
_anything = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4), max_leaves=25
)


def _places(node: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, child in inner for place in _places(child, (*path, key)))]


_PLACES = _places(DOCUMENT)


def _with(path: tuple[object, ...], value: object) -> object:
    if not path:
        return value
    changed = copy.deepcopy(DOCUMENT)
    node: Any = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


def _assert_well_formed(got: Decoded) -> None:
    for span in got.spans:
        assert len(span.trace_id) == 32
        assert len(span.span_id) == 16
        assert int(span.trace_id, 16) > 0
        assert int(span.span_id, 16) > 0
        assert span.trace_id == span.trace_id.lower()
        assert 0 <= span.start_ns <= span.end_ns < 2**63
        assert span.size_bytes > 0
        assert isinstance(span.name, str)
        assert isinstance(span.attributes, dict)
        assert isinstance(span.kind, SpanKind)
        assert isinstance(span.status, Status)
        assert span.dropped_attributes >= 0
    assert all(log.size_bytes > 0 for log in got.logs)
    assert (got.refused == 0) or got.problems


class TestHostile:
    @given(path=st.sampled_from(_PLACES), value=_anything)
    @settings(max_examples=400, deadline=None)
    def test_anything_anywhere(self, path: tuple[object, ...], value: object) -> None:
        """Whatever stands in whatever place of a document, nothing is raised and what comes out is well formed."""
        _assert_well_formed(read_document(_with(path, value)))

    @given(value=_anything)
    @settings(max_examples=100, deadline=None)
    def test_anything(self, value: object) -> None:
        """Any JSON at all is read or said to be no OTLP."""
        _assert_well_formed(read_document(value))
        _assert_well_formed(read_document({"resource_spans": value}))

    @pytest.mark.parametrize(
        "grow",
        [
            pytest.param(lambda n: document(*[SPAN] * n), id="spans"),
            pytest.param(lambda n: document(*[{"traceId": "x" * n, "spanId": 1}] * n), id="refused spans"),
            pytest.param(lambda n: document(logs=[LOG] * n), id="logs"),
            pytest.param(lambda n: document({**SPAN, "events": SPAN["events"] * n}), id="events"),
            pytest.param(lambda n: document({**SPAN, "attributes": SPAN["attributes"] * n}), id="attributes"),
            pytest.param(lambda n: {"resourceSpans": DOCUMENT["resourceSpans"] * n}, id="resources"),
            pytest.param(lambda n: {"resource_spans": DOCUMENT["resourceSpans"] * n}, id="snake case"),
            pytest.param(lambda n: {f"k{i}": i for i in range(n)}, id="keys"),
            pytest.param(
                lambda n: document({**SPAN, "attributes": [{"key": "k", "value": _wide(n)}]}), id="nested values"
            ),
        ],
    )
    def test_linear(self, grow: Callable[[int], object]) -> None:
        """Twice the document is at most twice the work, counted in calls, so that a busy machine cannot fail it."""
        small, large = _calls(grow(200)), _calls(grow(400))
        assert large <= 2.2 * small + 50


def _wide(n: int) -> object:
    value: object = {"arrayValue": {"values": [{"intValue": i} for i in range(n)]}}
    for _ in range(MAX_DEPTH // 2):
        value = {"kvlistValue": {"values": [{"key": "k", "value": value}, {"key": "l", "value": {"arrayValue": {}}}]}}
    return value


def _calls(written: object) -> int:
    count = 0

    def on_event(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(on_event)
    try:
        read_document(written)
    finally:
        sys.setprofile(None)
    return count


# --- what is really written


class TestRecorded:
    @pytest.mark.parametrize("file", sorted(DATA.glob("*.jsonl")), ids=lambda file: file.name)
    def test_nothing_is_lost(self, file: Path) -> None:
        """Of each recorded request all spans and all attributes come out, and nothing is a problem."""
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line]
        assert lines
        for line in lines:
            written = json.loads(line)
            got = read_document(written)
            assert got.problems == ()
            spans = [s for r in written.get("resourceSpans", []) for c in r["scopeSpans"] for s in c["spans"]]
            assert [s.span_id for s in got.spans] == [s["spanId"] for s in spans]
            for span, raw in zip(got.spans, spans, strict=True):
                assert list(span.attributes) == [a["key"] for a in raw.get("attributes", [])]
                assert None not in span.attributes.values()
                assert len(span.events) == len(raw.get("events", []))
                assert 0 < span.start_ns <= span.end_ns
            logs = [g for r in written.get("resourceLogs", []) for c in r["scopeLogs"] for g in c["logRecords"]]
            assert len(got.logs) + got.logs_without_span == len(logs)

    def test_javascript_log_names(self) -> None:
        """JavaScript's OpenAI instrumentation names its Responses records in the field."""
        text = (DATA / "openai-js__otel__S5-responses.logs.jsonl").read_text(encoding="utf-8")
        logs = [log for line in text.splitlines() for log in read_document(json.loads(line)).logs]
        assert logs
        assert {log.event_name for log in logs} == {"gen_ai.client.inference.operation.details"}

    def test_server_logs_outside_of_spans(self) -> None:
        """A web server's own start-up lines belong to no span and are passed over quietly."""
        text = (DATA / "flask__zero-code-traceloop+openinference+httpx__S10.logs.jsonl").read_text(encoding="utf-8")
        got = [read_document(json.loads(line)) for line in text.splitlines()]
        assert sum(g.logs_without_span for g in got) > 0
        assert not any(g.problems for g in got)
