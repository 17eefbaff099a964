"""Reading files as the Collector's file exporter writes them, whole and damaged."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanlabel.errors import InputError
from spanlabel.sources.files import read_files
from spanlabel.wire import otlp_proto
from spanlabel.wire.decoded import Decoded

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DATA = Path(__file__).parents[2] / "data" / "otlp_json"
COLLECTOR = DATA / "collector"


def line(number: int, *, text: str = "") -> bytes:
    """One request with one span, whose id is *number*."""
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": text,
        "attributes": [{"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}}],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode() + b"\n"


TEN = b"".join(map(line, range(1, 11)))


def framed(*messages: bytes) -> bytes:
    """As the file exporter writes `compression: zstd`."""
    frames = [zstd.compress(message) for message in messages]
    return b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip members": lambda data: gzip.compress(data[:900]) + gzip.compress(data[900:]),
    "zstd": zstd.compress,
    "zstd frames": lambda data: zstd.compress(data[:900]) + zstd.compress(data[900:]),
    "collector zstd": lambda data: framed(*data.splitlines()),
}


class Reading:
    """What one call of `read_files` gave."""

    def __init__(self, *paths: str | Path, strict: bool = False) -> None:
        self.problems: list[str] = []
        self.read_bytes = 0
        self.decoded: list[Decoded] = list(
            read_files(
                paths,
                problem=lambda error: self.problems.append(str(error)),
                strict=strict,
                progress=self._on_progress,
            )
        )
        self.ids = [int(span.span_id, 16) for decoded in self.decoded for span in decoded.spans]

    def _on_progress(self, count: int) -> None:
        self.read_bytes += count


def unexpected(error: InputError) -> None:
    raise AssertionError(error)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(data)
        return path

    return write


KINDS = ("traces", "native-gate")
PLAIN = ["traces.json", "traces.pb"]


class TestCollector:
    @pytest.mark.parametrize("name", [f"{kind}{end}" for kind in KINDS for end in (".json.zst", ".pb.zst")] + PLAIN)
    def test_traces(self, name: str) -> None:
        """Each way in which the Collector writes a file gives the same two requests of three spans."""
        reading = Reading(COLLECTOR / name)
        assert reading.problems == []
        assert [len(decoded.spans) for decoded in reading.decoded] == [3, 3]
        assert {span.resource["service.name"] for decoded in reading.decoded for span in decoded.spans} == {"lab-chat"}
        assert {span.name for decoded in reading.decoded for span in decoded.spans} >= {"POST /chat", "chat gpt-4o"}

    def test_same_names(self) -> None:
        """The plain and the compressed file of one pipeline hold spans of one shape."""
        plain, compressed = Reading(COLLECTOR / "traces.json"), Reading(COLLECTOR / "traces.json.zst")
        assert [s.name for d in plain.decoded for s in d.spans] == [s.name for d in compressed.decoded for s in d.spans]

    def test_logs(self) -> None:
        """Log records are read like spans."""
        (decoded,) = Reading(COLLECTOR / "logs.json").decoded
        assert [log.event_name for log in decoded.logs] == ["gen_ai.client.inference.operation.details"] * 2

    def test_recorded(self) -> None:
        """A recorded trace and the log file beside it, in one call."""
        reading = Reading(DATA / "openai__v2both__S12.jsonl", DATA / "openai__v2both__S12.logs.jsonl")
        assert reading.problems == []
        span_ids = {span.span_id for decoded in reading.decoded for span in decoded.spans}
        log_ids = {log.span_id for decoded in reading.decoded for log in decoded.logs}
        assert log_ids
        assert log_ids <= span_ids


class TestContents:
    @pytest.mark.parametrize("kind", COMPRESSIONS)
    def test_compressions(self, file: Callable[[bytes], Path], kind: str) -> None:
        """Compression is seen by content, whatever the file's name; progress ends at the file's size on disk."""
        path = file(COMPRESSIONS[kind](TEN))
        reading = Reading(path)
        assert (reading.ids, reading.problems) == (list(range(1, 11)), [])
        assert reading.read_bytes == path.stat().st_size

    @pytest.mark.parametrize("kind", COMPRESSIONS)
    def test_bounded(self, file: Callable[[bytes], Path], kind: str) -> None:
        """A file of 40 MB is read while far less than that is held."""
        text = "x" * 100_000
        path = file(COMPRESSIONS[kind](b"".join(line(n, text=text) for n in range(1, 401))))
        tracemalloc.start()
        count = sum(len(d.spans) for d in read_files([path], problem=unexpected))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 400
        assert peak < 8_000_000

    def test_byte_order_mark(self, file: Callable[[bytes], Path]) -> None:
        """A file that an editor marked as UTF-8 is read."""
        assert Reading(file(b"\xef\xbb\xbf" + TEN)).ids == list(range(1, 11))

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "is empty: there is no OTLP document in it"),
            (b"\n \n", "is empty: there is no OTLP document in it"),
            (gzip.compress(b""), "is empty: there is no OTLP document in it"),
            (TEN.decode().encode("utf-16"), "is UTF-16 text; OTLP/JSON is UTF-8"),
            (b"\x7fELF\x02\x01\x01\x00", "is a binary file, neither OTLP/JSON nor OTLP protobuf"),
            (b"PK\x03\x04\x14\x00", "is a binary file, neither OTLP/JSON nor OTLP protobuf"),
            (b"{}x", None),
        ],
    )
    def test_something_else(self, file: Callable[[bytes], Path], data: bytes, said: str | None) -> None:
        """What is no OTLP/JSON is named for what it is, in one sentence."""
        path = file(data)
        reading = Reading(path)
        assert reading.ids == []
        assert reading.problems == (
            [f"{path}: {said}"] if said else [f"{path}:1: not JSON: Expecting value (column 3)"]
        )

    def test_zstd_is_not_installed(self, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the extra, a compressed file says what to install; an uncompressed one needs nothing."""
        monkeypatch.setitem(sys.modules, zstd.__name__, None)
        for kind in ("zstd", "collector zstd"):
            path = file(COMPRESSIONS[kind](TEN))
            missing = "is compressed with zstd, which needs one more package: pip install 'spanlabel[zstd]'"
            assert Reading(path).problems == [f"{path}: {missing}"]
        assert Reading(file(gzip.compress(TEN))).ids == list(range(1, 11))


def message(number: int, *, text: str = "") -> bytes:
    """The same request as `line`, as protobuf."""
    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = number.to_bytes(16, "big"), number.to_bytes(8, "big"), text
    model = span.attributes.add()
    model.key, model.value.string_value = "gen_ai.request.model", "gpt-4o"
    return data.SerializeToString()


MESSAGES = [message(n) for n in range(1, 11)]
PREFIXED = b"".join(len(one).to_bytes(4, "big") + one for one in MESSAGES)
FRAMINGS: dict[str, bytes] = {
    "plain": PREFIXED,
    "gzip": gzip.compress(PREFIXED),
    "zstd": zstd.compress(PREFIXED),
    "collector zstd": framed(*MESSAGES),
}


class TestProtobuf:
    @pytest.mark.parametrize("kind", FRAMINGS)
    def test_framings(self, file: Callable[[bytes], Path], kind: str) -> None:
        """The Collector's protobuf files are read as its JSON files are, in each of their framings."""
        reading = Reading(file(FRAMINGS[kind]))
        assert (reading.ids, reading.problems) == (list(range(1, 11)), [])
        assert reading.decoded[0].spans == Reading(file(line(1))).decoded[0].spans

    def test_one_message(self, file: Callable[[bytes], Path]) -> None:
        """A request that somebody saved as it went over the wire is read, however large."""
        assert Reading(file(MESSAGES[0])).ids == [1]
        assert Reading(file(gzip.compress(message(2, text="x" * 1_000_000)))).ids == [2]

    @given(cut=st.integers(1, len(PREFIXED) - 1))
    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_cut_off(self, tmp_path: Path, cut: int) -> None:
        """Of a file that is cut off anywhere, the whole messages are given, then one problem."""
        path = tmp_path / "file"
        path.write_bytes(PREFIXED[:cut])
        reading = Reading(path)
        assert reading.ids == list(range(1, len(reading.ids) + 1))
        at_boundary = cut % (len(PREFIXED) // 10) == 0
        assert len(reading.problems) == (0 if at_boundary else 1)

    def test_damaged(self, file: Callable[[bytes], Path]) -> None:
        """A message that is none does not cost those after it; a damaged length ends the file."""
        wrong = b"\x0a" + b"\xff" * 30
        path = file(PREFIXED + len(wrong).to_bytes(4, "big") + wrong + PREFIXED)
        reading = Reading(path)
        assert reading.ids == [*range(1, 11), *range(1, 11)]
        assert reading.problems == [f"{path}:11: is no OTLP message: its protobuf cannot be decoded"]
        path = file(PREFIXED + b"\xff\xff\xff\xff" + PREFIXED)
        reading = Reading(path)
        assert reading.ids == list(range(1, 11))
        assert reading.problems == [f"{path}:11: the length of a message is damaged"]

    def test_is_not_installed(self, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the extra it is said once what to install."""
        monkeypatch.setattr(otlp_proto, "classes", _without_package)
        path = file(PREFIXED)
        missing = "is OTLP protobuf, which needs one more package: pip install 'spanlabel[protobuf]'"
        assert Reading(path).problems == [f"{path}: {missing}"]


def _without_package() -> None:
    raise ImportError("No module named 'opentelemetry.proto'")


class TestDamaged:
    @pytest.mark.parametrize("kind", ["gzip", "gzip members", "zstd", "zstd frames", "collector zstd"])
    @given(cut=st.floats(0.03, 0.99))
    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_cut_off(self, tmp_path: Path, kind: str, cut: float) -> None:
        """Of a compressed file that is cut off anywhere, what could be read is given, then one problem."""
        whole = COMPRESSIONS[kind](TEN)
        path = tmp_path / "file"
        path.write_bytes(whole[: max(20, int(cut * len(whole)))])
        reading = Reading(path)
        assert reading.ids == list(range(1, len(reading.ids) + 1))
        boundary = len(reading.problems) == 0  # cut off exactly between two frames or members
        assert boundary or "early" in reading.problems[0] or "damaged" in reading.problems[0]
        assert len(reading.problems) <= 1
        assert not boundary or kind != "gzip"

    def test_cut_off_late(self, file: Callable[[bytes], Path]) -> None:
        """Half of a gzip file gives its documents up to there."""
        many = b"".join(line(n, text=os.urandom(300).hex()) for n in range(1, 201))
        path = file(gzip.compress(many)[:-20_000])
        reading = Reading(path)
        assert 100 < len(reading.ids) < 200
        assert reading.problems == [f"{path}: the gzip data ends early, as if the file was cut off"]

    def test_trailing(self, file: Callable[[bytes], Path]) -> None:
        """What follows compressed data and is none is said; what came before it is read."""
        reading = Reading(file(gzip.compress(TEN) + b"garbage"))
        assert reading.ids == list(range(1, 11))
        (said,) = reading.problems
        assert "the gzip data is damaged" in said
        assert Reading(file(zstd.compress(TEN) + b"garbage")).ids == list(range(1, 11))

    def test_damaged_message(self, file: Callable[[bytes], Path]) -> None:
        """In the Collector's own zstd files a damaged message does not cost the ones after it."""
        data = bytearray(framed(*TEN.splitlines()))
        second = 4 + int.from_bytes(data[:4], "big")
        for offset in range(12, 60):
            data[second + 4 + offset] ^= 0xFF
        path = file(bytes(data))
        reading = Reading(path)
        assert reading.ids == [1, *range(3, 11)]
        (said,) = reading.problems
        assert said.startswith(f"{path}:2: the zstd data is damaged")

    def test_damaged_length(self, file: Callable[[bytes], Path]) -> None:
        """A damaged length is said, without trying to read gigabytes."""
        path = file(framed(TEN) + b"\xff\xff\xff\xff" + b"x" * 100)
        reading = Reading(path)
        assert reading.ids == list(range(1, 11))
        assert reading.problems == [f"{path}:2: the length of a message is damaged"]

    def test_bomb(self, file: Callable[[bytes], Path]) -> None:
        """A small file that unpacks to more than a document may hold is refused in bounded memory."""
        path = file(gzip.compress(b'{"a":"' + b"x" * 200_000_000, 1))
        tracemalloc.start()
        reading = Reading(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert reading.problems == [f"{path}:1: the document is longer than 128 MiB"]
        assert peak < 140_000_000

    @given(data=st.binary(max_size=200), kind=st.sampled_from(["plain", "gzip", "zstd", "collector zstd"]))
    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_bytes(self, tmp_path: Path, data: bytes, kind: str) -> None:
        """Any bytes at all, compressed or not, raise nothing and are said to be no OTLP/JSON."""
        path = tmp_path / "file"
        path.write_bytes(COMPRESSIONS[kind](data) if data else b"")
        reading = Reading(path)
        assert reading.ids == []
        assert reading.problems or reading.decoded


class TestProblems:
    def test_each_is_named(self, file: Callable[[bytes], Path]) -> None:
        """Broken lines and refused spans are named by file and line; everything else is read."""
        refused = line(3).replace(b'"spanId"', b'"spanID"')
        path = file(line(1) + b"oops\n" + refused + b'{"data": 1}\n' + line(5) + line(6)[:50])
        reading = Reading(path)
        assert reading.ids == [1, 5]
        assert reading.problems == [
            f"{path}:2: not JSON: Expecting value (column 1)",
            f"{path}:3: 1 left out: a span's spanId is missing",
            f"{path}:4: neither resourceSpans nor resourceLogs in this object (found: 'data')",
            f"{path}:6: the document is cut off",
        ]

    def test_error_has_place(self, file: Callable[[bytes], Path]) -> None:
        """The error itself tells file and line, for a program that shows them its own way."""
        path, errors = file(line(1) + b"oops\n"), list[InputError]()
        assert len(list(read_files([path], problem=errors.append))) == 1
        assert [(error.file, error.line) for error in errors] == [(str(path), 2)]

    def test_files_that_are_none(self, tmp_path: Path, file: Callable[[bytes], Path]) -> None:
        """A missing file, a directory and an unusable name cost themselves; the next file is read."""
        good = file(TEN)
        reading = Reading(tmp_path / "missing", tmp_path, "nul\0", good)
        assert reading.ids == list(range(1, 11))
        assert reading.problems == [
            f"{tmp_path / 'missing'}: no such file",
            f"{tmp_path}: is a directory; name the files in it",
            "nul\0: cannot be opened: embedded null byte",
        ]

    def test_unreadable(self, tmp_path: Path) -> None:
        """A file that the system refuses is named with the system's reason."""
        path = Path("/proc/self/mem") if sys.platform == "linux" else tmp_path / "missing"
        (said,) = Reading(path).problems
        assert said.startswith(f"{path}: ")
        if sys.platform == "linux":
            assert said == f"{path}: cannot be read: Input/output error"

    def test_strict(self, file: Callable[[bytes], Path]) -> None:
        """With strict the first problem is raised and nothing is reported besides."""
        path, given_before = file(line(1) + b"oops\n" + line(2)), list[Decoded]()
        with pytest.raises(InputError, match="file:2: not JSON"):
            given_before.extend(read_files([path], problem=unexpected, strict=True))
        assert len(given_before) == 1
        with pytest.raises(InputError, match="no such file"):
            list(read_files(["/nonexistent"], problem=unexpected, strict=True))

    def test_closed(self, file: Callable[[bytes], Path]) -> None:
        """A reader that is left half way closes its file."""
        path = file(TEN * 5_000)
        reading = read_files([path], problem=unexpected)
        next(reading)
        open_files = [os.readlink(f"/proc/self/fd/{fd}") for fd in _descriptors()]
        assert str(path) in open_files or sys.platform != "linux"
        reading.close()  # type: ignore[attr-defined] # it is a generator
        assert str(path) not in [os.readlink(f"/proc/self/fd/{fd}") for fd in _descriptors()]


def _descriptors() -> list[str]:
    if sys.platform != "linux":
        return []
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{fd}")]


class TestStandardInput:
    @pytest.mark.parametrize("kind", COMPRESSIONS)
    def test_read(self, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        """A dash reads standard input, compressed or not."""
        stdin = io.TextIOWrapper(io.BytesIO(COMPRESSIONS[kind](TEN)))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert Reading("-").ids == list(range(1, 11))
        assert not stdin.buffer.closed

    def test_problem(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its problems are named by the dash."""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEN + b"oops")))
        assert Reading("-").problems == ["-:11: not JSON: Expecting value (column 1)"]

    def test_pipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Documents out of a pipe come while it is still being written."""
        read_end, write_end = os.pipe()
        with os.fdopen(read_end) as stdin, os.fdopen(write_end, "wb", buffering=0) as writer:
            monkeypatch.setattr(sys, "stdin", stdin)
            watchdog = threading.Timer(5, writer.close)  # a reader that waits for more fails, and does not hang
            watchdog.start()
            reading = read_files(["-"], problem=unexpected)
            for n in range(1, 4):
                writer.write(line(n))
                assert next(reading).spans[0].span_id == f"{n:016x}"
            watchdog.cancel()
            writer.close()
            assert list(reading) == []


def test_same_objects_any_way(tmp_path: Path) -> None:
    """The same requests laid out over many lines, on one line, and a line each give the same spans."""
    recorded = [json.loads(text) for text in (DATA / "vercel-ai-v7__ai-sdk-otel__S9.jsonl").read_text().splitlines()]
    layouts: dict[str, str] = {
        "lines": "\n".join(map(json.dumps, recorded)),
        "one line": "".join(map(json.dumps, recorded)),
        "laid out": "\n".join(json.dumps(request, indent=4) for request in recorded),
    }
    got: dict[str, Any] = {}
    for name, text in layouts.items():
        (tmp_path / name).write_text(text)
        reading = Reading(tmp_path / name)
        assert reading.problems == []
        got[name] = reading.decoded
    assert got["lines"] == got["one line"] == got["laid out"]
    assert sum(len(decoded.spans) for decoded in got["lines"]) > 0
