"""Requests in the journal: there and back, and made shorter when only some of their traces are needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.proto", reason="the extra receiver is not installed")

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanlabel.journal import Fsync, Journal
from spanlabel.service.kinds import packed, shortened, unpacked
from spanlabel.sources.request import Encoding, Request, Signal
from spanlabel.wire.json_body import read_json
from spanlabel.wire.otlp_proto import read_logs, read_traces

LONG, SHORT = "a" * 32, "b" * 32
KIB = 1024


def spans(*trace_ids: str, text: str = "", first: int = 1) -> bytes:
    data = TracesData()
    scoped = data.resource_spans.add().scope_spans.add()
    for n, trace_id in enumerate(trace_ids, first):
        scoped.spans.add(trace_id=bytes.fromhex(trace_id), span_id=n.to_bytes(8, "big"), name=text)
    return data.SerializeToString()


def logs(*trace_ids: str) -> bytes:
    data = LogsData()
    scoped = data.resource_logs.add().scope_logs.add()
    for n, trace_id in enumerate(trace_ids, 1):
        scoped.log_records.add(trace_id=bytes.fromhex(trace_id), span_id=n.to_bytes(8, "big"))
    return data.SerializeToString()


def as_json(*trace_ids: str) -> bytes:
    members = [{"traceId": one, "spanId": f"{n:016x}"} for n, one in enumerate(trace_ids, 1)]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": members}]}]}).encode()


_requests = st.builds(
    Request, st.sampled_from(Signal), st.sampled_from(Encoding), st.binary(max_size=50), st.text("aä🙂", max_size=60)
)


@given(_requests)
def test_there_and_back(request: Request) -> None:
    """A request comes out of the journal as it went in."""
    assert unpacked(*packed(request)) == request


def test_a_later_kind() -> None:
    """What a later version wrote is said to be so."""
    with pytest.raises(ValueError, match="later version"):
        unpacked(8, b"")


@pytest.mark.parametrize("token", ["", "team ä"])
@pytest.mark.parametrize(
    ("signal", "encoding", "body", "left"),
    [
        (Signal.TRACES, Encoding.PROTOBUF, spans(SHORT, LONG, SHORT), lambda body: read_traces(body).spans),
        (Signal.LOGS, Encoding.PROTOBUF, logs(LONG, SHORT), lambda body: read_logs(body).logs),
        (Signal.TRACES, Encoding.JSON, as_json(LONG, SHORT), lambda body: read_json(body).spans),
    ],
    ids=["spans", "logs", "json"],
)
def test_shortened(signal: Signal, encoding: Encoding, body: bytes, left: object, token: str) -> None:
    """Only the needed trace is left of a request; what it is and who sent it stays."""
    assert callable(left)
    kind, packed_body = packed(Request(signal, encoding, body, token))

    shorter = shortened(kind, packed_body, [LONG])

    request = unpacked(kind, shorter)
    assert (request.signal, request.encoding, request.token) == (signal, encoding, token)
    assert [one.trace_id for one in left(request.body)] == [LONG]
    assert len(shorter) < len(packed_body)


def test_nothing_to_leave_out() -> None:
    """A request of which all is needed stays byte for byte."""
    kind, body = packed(Request(Signal.TRACES, Encoding.JSON, b' { "resourceSpans" : [] } '[1:-1], ""))
    assert unpacked(kind, shortened(kind, body, [LONG])).body.startswith(b"{")
    kind, body = packed(Request(Signal.TRACES, Encoding.PROTOBUF, spans(LONG, LONG), "t"))
    assert shortened(kind, body, [LONG]) is body


class Small:
    """A journal of 512 KiB in files of 64 KiB."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(
            folder, fsync=Fsync.NEVER, max_bytes=512 * KIB, segment_bytes=64 * KIB, memory_bytes=0, slim=shortened
        )
        self.journal.open()

    def send(self, *trace_ids: str, first: int) -> Exception | None:
        """Append a request, read it, and say that all its traces are needed."""
        told: list[Exception | None] = []
        is_told = Event()

        def done(error: Exception | None) -> None:
            told.append(error)
            is_told.set()

        body = spans(*trace_ids, text="x" * 2 * KIB, first=first)
        self.journal.append(*packed(Request(Signal.TRACES, Encoding.PROTOBUF, body)), done)
        assert is_told.wait(20)
        if told[0] is None:
            entry = self.journal.take(20)
            while entry is None:
                entry = self.journal.take(20)
            self.journal.needs(entry, set(trace_ids))
        return told[0]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    one = Small(tmp_path / "journal")
    yield one
    one.journal.close(20)


def test_a_long_trace_beside_short_ones(small: Small, tmp_path: Path) -> None:
    """
    A trace of which a little lies in every request, for as long as eight journals full, costs as much room as it has
    itself: nothing is refused, the files go, and after a restart all of its spans come out.
    """
    for n in range(100):
        others = [f"{n:024x}{k:08x}" for k in range(1, 20)]
        assert small.send(LONG, *others, first=n * 100 + 1) is None
        small.journal.release(others)
    moved, disk_bytes = small.journal.state().moved, small.journal.state().disk_bytes
    small.journal.close(20)

    assert moved > 20
    assert disk_bytes <= 512 * KIB
    again = Journal(tmp_path / "journal", fsync=Fsync.NEVER, max_bytes=512 * KIB)
    again.open()
    entries = [again.take(1.0) for _ in range(again.state().waiting_entries)]
    again.close(20)
    found = [span for one in entries if one for span in read_traces(unpacked(one.kind, one.body).body).spans]
    # A move that closing has cut short leaves an entry in both places; who gathers spans knows each by its id.
    assert {int(span.span_id, 16) for span in found if span.trace_id == LONG} == {n * 100 + 1 for n in range(100)}
