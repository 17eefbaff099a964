"""OTLP protobuf into what the same request would be as OTLP/JSON.

Protobuf refuses a whole request for one text that is no UTF-8 (measured: 512 spans lost). So the messages are read with
descriptors of our own, in which every text is bytes, which is the same on the wire; a text is decoded with a mark where
it is broken.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

_HEX = frozenset({"trace_id", "span_id", "parent_span_id"})


def document_of(message: bytes) -> dict[str, object]:
    """Decode an ExportTraceServiceRequest, an ExportLogsServiceRequest, or TracesData or LogsData.

    Which of them it is, the bytes do not say. What has spans with ids is traces, everything else is tried as logs.

    Returns:
        What `spanlabel.wire.otlp_json.read_document` takes. Of metrics it holds nothing, or log records without ids.

    Raises:
        ImportError: The package opentelemetry-proto is not installed.
        ValueError: It is no such message.
    """
    from google.protobuf.message import DecodeError

    traces, logs, texts = _classes()
    is_readable = False
    for kind, is_full in ((traces, _has_spans), (logs, _has_records)):
        try:
            decoded = kind.FromString(message)
        except DecodeError:
            continue
        if is_full(decoded):
            return _object(decoded, texts)
        is_readable = True
    if not is_readable:
        raise ValueError("is no OTLP message: its protobuf cannot be decoded")
    return {}


def _has_spans(traces: Any) -> bool:
    scopes = (scoped for group in traces.resource_spans for scoped in group.scope_spans)
    return any(len(span.trace_id) == 16 for scoped in scopes for span in scoped.spans)


def _has_records(logs: Any) -> bool:
    return any(scoped.log_records for group in logs.resource_logs for scoped in group.scope_logs)


@lru_cache(maxsize=1)
def _classes() -> tuple[Any, Any, frozenset[str]]:
    """The classes of TracesData and LogsData in which every text is bytes, and the full names of these fields."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from opentelemetry.proto.common.v1 import common_pb2
    from opentelemetry.proto.logs.v1 import logs_pb2
    from opentelemetry.proto.resource.v1 import resource_pb2
    from opentelemetry.proto.trace.v1 import trace_pb2

    pool, texts = descriptor_pool.DescriptorPool(), set[str]()
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2):  # each after those that it uses
        file = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        for message in file.message_type:
            _retype(message, f"{file.package}.{message.name}", texts)
        pool.Add(file)
    traces, logs = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"opentelemetry.proto.{name}"))
        for name in ("trace.v1.TracesData", "logs.v1.LogsData")
    )
    return traces, logs, frozenset(texts)


def _retype(message: Any, name: str, texts: set[str]) -> None:
    for field in message.field:
        if field.type == field.TYPE_STRING:
            field.type = field.TYPE_BYTES
            texts.add(f"{name}.{field.name}")
    for inner in message.nested_type:
        _retype(inner, f"{name}.{inner.name}", texts)


def _object(message: Any, texts: frozenset[str]) -> dict[str, object]:
    made: dict[str, object] = {}
    for field, value in message.ListFields():
        is_repeated = isinstance(value, Sequence) and not isinstance(value, bytes)
        read = [_value(field, one, texts) for one in value] if is_repeated else _value(field, value, texts)
        made[field.json_name] = read
    return made


def _value(field: FieldDescriptor, value: Any, texts: frozenset[str]) -> object:
    if field.type == field.TYPE_MESSAGE:
        return _object(value, texts)
    if field.type != field.TYPE_BYTES:
        return value
    if field.full_name in texts:
        return value.decode(errors="replace")
    return value.hex() if field.name in _HEX else base64.b64encode(value).decode()
