"""One Kafka message into spans and log records."""

from __future__ import annotations

from spanlabel.wire.decoded import Decoded
from spanlabel.wire.json_body import read_json
from spanlabel.wire.otlp_proto import Gate, read_logs, read_traces

_BLANK = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_message(value: bytes, *, holds_logs: bool, gate: Gate | None = None) -> Decoded:
    """Read a message in one of the Collector's encodings, `otlp_proto` and `otlp_json`.

    Which of them it is shows in its first byte: no OTLP message in protobuf begins with a brace or a blank.

    Args:
        value: The message.
        holds_logs: Whether it lies in the topic of log records.
        gate: Which spans are wanted whole; None for all. JSON is always read whole.

    Raises:
        ValueError: It is neither; the text holds nothing of it.
    """
    if value.removeprefix(_BYTE_ORDER_MARK).lstrip(_BLANK).startswith(b"{"):
        return read_json(value)
    return read_logs(value) if holds_logs else read_traces(value, gate)
