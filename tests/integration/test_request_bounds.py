"""What the largest body that is taken can do to the memory, measured in a process of its own for each."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("opentelemetry.proto", reason="the extra receiver is not installed")

pytestmark = pytest.mark.integration

BODY_BYTES = 64 * 1024 * 1024
RISE_MB = 300

CHILD = """
import resource, sys
from spanlabel.service.taking import check
from spanlabel.sources.request import Encoding, Request, Signal
from spanlabel.wire.json_body import read_json
from spanlabel.wire.otlp_proto import read_traces

def field(number, content):
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

def look(encoding):
    request = Request(Signal.TRACES, encoding, body)
    try:
        if check(request).count:
            (read_json if encoding is Encoding.JSON else read_traces)(body)
    except ValueError as error:
        return str(error)
    return "taken"

body = b"{}"
look(Encoding.JSON)
body = b""
look(Encoding.PROTOBUF)
ids = b"\\x0a\\x10" + b"a" * 16 + b"\\x12\\x08" + b"b" * 8
tiny, size = eval(sys.argv[1]), int(sys.argv[2])
if isinstance(tiny, int):  # a text within so many lists
    body = field(1, b"x" * size)
    for _ in range(tiny):
        body = field(5, field(1, body))
    body = field(1, field(2, field(2, ids + field(9, field(1, b"k") + field(2, body)))))
    encoding = Encoding.PROTOBUF
elif tiny[:1] in b'{1"[':
    body = b'{"resourceSpans":[' + tiny * (size // len(tiny)) + b"0]}"
    encoding = Encoding.JSON
else:
    spans = tiny * (size // len(tiny))
    if tiny[:1] != b"\\x12":
        spans = field(2, ids + spans)
    body = field(1, field(2, spans))
    encoding = Encoding.PROTOBUF
    del spans
before = peak_mb()
print(look(encoding), round(peak_mb() - before), sep="|")
"""


def look(tiny: bytes | int, size_bytes: int = BODY_BYTES) -> tuple[str, int]:
    """What becomes of a body of this size, and by how many MB the memory rises over that of making it."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, repr(tiny), str(size_bytes)], capture_output=True, text=True, check=True
    )
    said, rise = done.stdout.strip().split("|")
    return said, int(rise)


@pytest.mark.parametrize(
    "tiny",
    [b"\x12\x00", b"\x4a\x00", b"\x5a\x00", b"\x6a\x00", b'{"":0},', b"{},", b"1,", b'"abcd",'],
    ids=["spans", "attributes", "events", "links", "JSON pairs", "JSON objects", "JSON numbers", "JSON texts"],
)
@pytest.mark.parametrize("size_bytes", [BODY_BYTES, 2_000_000], ids=["64 MiB", "2 MB"])
def test_many_tiny_things(tiny: bytes, size_bytes: int) -> None:
    """Millions of next to nothing are refused, or cost less than 300 MB."""
    _, rise_mb = look(tiny, size_bytes)
    assert rise_mb <= RISE_MB


def test_a_large_text_deep_within_lists() -> None:
    """A text of 60 MB within 48 lists is not copied 48 times."""
    said, rise_mb = look(48, 60_000_000)
    assert said == "taken"
    assert rise_mb <= RISE_MB
