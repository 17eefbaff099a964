"""Whatever bytes are sent, the decoders answer with spans, log records or a ValueError, and soon."""

from __future__ import annotations

import json
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.proto", reason="the extra protobuf is not installed")

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanlabel.dialects import STRUCTURE_KEYS, is_genai
from spanlabel.model import Log, Span
from spanlabel.wire.decoded import Checked, Decoded
from spanlabel.wire.json_body import check_json, read_json
from spanlabel.wire.otlp_proto import Gate, read_logs, read_message, read_traces
from spanlabel.wire.proto_check import check_logs, check_traces

CORPUS = Path(__file__).parents[1] / "corpus" / "dev.tar.xz"
GATE = Gate(is_genai, frozenset(STRUCTURE_KEYS))
# Far more than any example takes, also on a busy machine; an endless one takes longer.
soon = settings(deadline=timedelta(seconds=5), max_examples=200)


def proto_seed(kind: Any, groups: str, scopes: str, members: str) -> bytes:
    """A request that has something in every field."""
    data = kind()
    _fill(data, 7)
    scoped = getattr(getattr(data, groups)[0], scopes)[0]
    for member in getattr(scoped, members):
        member.trace_id, member.span_id = bytes(range(16)), bytes(range(8))
    sent: bytes = data.SerializeToString()
    return sent


def _fill(message: Any, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.message_type:
            if depth:
                inner = getattr(message, field.name)
                _fill(inner.add() if field.is_repeated else inner, depth - 1)
        elif field.is_repeated or (field.containing_oneof and depth % 2):
            continue
        elif field.type == field.TYPE_STRING:
            setattr(message, field.name, field.name)
        elif field.type == field.TYPE_BYTES:
            setattr(message, field.name, b"12345678")
        else:
            setattr(message, field.name, 1)


def json_seed() -> bytes:
    """A request as an application sent it."""
    with tarfile.open(CORPUS) as archive:
        file = next(archive.extractfile(member) for member in archive if member.name.endswith(".jsonl"))
        assert file is not None
        return json.dumps(json.loads(file.readline())).encode()


SEEDS = {
    "traces": proto_seed(TracesData, "resource_spans", "scope_spans", "spans"),
    "logs": proto_seed(LogsData, "resource_logs", "scope_logs", "log_records"),
    "json": json_seed(),
}
TARGETS: dict[str, tuple[Callable[[bytes], Decoded], Callable[[bytes], Checked]]] = {
    "traces": (lambda message: read_traces(message, GATE), check_traces),
    "logs": (read_logs, check_logs),
    "json": (read_json, check_json),
}


def run(target: str, message: bytes) -> None:
    """Read *message*: nothing but a ValueError may come out of it, or something well formed."""
    read, check = TARGETS[target]
    checked = decoded = None
    with suppress(ValueError):
        checked = check(message)
    with suppress(ValueError):
        decoded = read(message)
    # What was taken from its sender can be read later, and what was refused cannot.
    assert (checked is None) == (decoded is None)
    if checked is not None and decoded is not None:
        found: tuple[Span | Log, ...] = (*decoded.spans, *decoded.logs)
        assert all(len(one.trace_id) == 32 and len(one.span_id) == 16 and one.size_bytes > 0 for one in found)
        assert checked.count == len(found) + decoded.refused + decoded.logs_without_span
        assert checked.refused == decoded.refused
    with suppress(ValueError):
        read_message(message)


_edits = st.lists(
    st.tuples(
        st.sampled_from(["replace", "insert", "delete", "repeat"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 40),
        st.binary(max_size=8),
    ),
    min_size=1,
    max_size=6,
)


def edited(message: bytes, edits: list[tuple[str, float, int, bytes]]) -> bytes:
    """*message* with some of its bytes changed, taken out, put in or doubled."""
    for how, where, length, new in edits:
        at = int(where * len(message))
        before, these, after = message[:at], message[at : at + length], message[at + length :]
        message = before + {"replace": new, "insert": new + these, "delete": b"", "repeat": these * 3}[how] + after
    return message


def _varint(number: int) -> bytes:
    packed = bytearray()
    while number > 127:
        packed.append(number & 127 | 128)
        number >>= 7
    return bytes([*packed, number])


def _field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


_ids = st.sampled_from([bytes(range(1, 17)), bytes(range(1, 9)), bytes(8), b""])
_leaves = st.one_of(st.integers(0, 2**64 - 1), _ids, st.binary(max_size=12))
_grammar = st.recursive(
    _leaves,
    lambda inner: st.lists(st.tuples(st.integers(1, 16) | st.just(2), inner), max_size=5).map(
        lambda fields: b"".join(_field(*one) for one in fields)
    ),
    max_leaves=40,
)


@pytest.mark.parametrize("target", TARGETS)
class TestAnything:
    @soon
    @given(message=st.binary(max_size=2_000))
    def test_noise(self, target: str, message: bytes) -> None:
        """Bytes without any meaning."""
        run(target, message)

    @soon
    @given(edits=_edits)
    def test_damaged(self, target: str, edits: list[tuple[str, float, int, bytes]]) -> None:
        """A good request of which some bytes were changed on the way."""
        run(target, edited(SEEDS[target], edits))

    @soon
    @given(other=st.sampled_from(sorted(SEEDS)), edits=_edits)
    def test_of_another_kind(self, target: str, other: str, edits: list[tuple[str, float, int, bytes]]) -> None:
        """A request of another kind, or in another encoding, sent to the wrong address."""
        run(target, SEEDS[other])
        run(target, edited(SEEDS[other], edits))


@pytest.mark.parametrize("target", ["traces", "logs"])
@soon
@given(content=_grammar)
def test_any_message(target: str, content: bytes | int) -> None:
    """Protobuf that is well formed, with any fields in any place."""
    message = content if isinstance(content, bytes) else _varint(content)
    run(target, message)
    run(target, _field(1, _field(2, message)))  # where a scope is expected
    run(target, _field(1, _field(2, _field(2, message))))  # where a span or a log record is expected


@pytest.mark.parametrize("target", TARGETS)
def test_seeds(target: str) -> None:
    """The requests that are damaged here are good ones, and hold something."""
    read, check = TARGETS[target]
    decoded = read(SEEDS[target])
    assert decoded.spans or decoded.logs
    assert check(SEEDS[target]).refused == 0


_NOTHING = b"\x0a\x00"
_TIMES = 1 << 15


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(_NOTHING * _TIMES, id="resources"),
        pytest.param(_field(1, b"\x12\x00" * _TIMES), id="scopes"),
        pytest.param(_field(1, _field(2, b"\x12\x00" * _TIMES)), id="spans"),
        pytest.param(_field(1, _field(1, _NOTHING * _TIMES)), id="attributes of a resource"),
        *[
            pytest.param(
                _field(
                    1, _field(2, _field(2, _field(1, bytes(range(16))) + _field(2, bytes(range(8))) + inner * times))
                ),
                id=name,
            )
            for name, inner, times in (
                ("attributes", b"\x4a\x00", _TIMES),
                ("events", b"\x5a\x00", _TIMES),
                ("links", b"\x6a\x00", _TIMES),
                ("list", _field(9, _field(2, _field(5, _NOTHING * _TIMES))), 1),
                ("mapping", _field(9, _field(2, _field(6, _NOTHING * _TIMES))), 1),
            )
        ],
    ],
)
def test_many_of_nothing(message: bytes) -> None:
    """
    Tens of thousands of things with nothing in them are no way to stop a reader, or to fill its memory.
    """
    tracemalloc.start()
    began_s = time.process_time()
    try:
        read = read_traces(message, GATE), read_traces(message)
        spent_s, (_, peak) = time.process_time() - began_s, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert spent_s < 10  # 0.3 s when this was written, 1 s on a busy machine
    assert peak < 12_000_000
    assert sum(span.size_bytes for one in read for span in one.spans) < 12_000_000
