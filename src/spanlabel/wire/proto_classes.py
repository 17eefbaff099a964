"""Classes that read OTLP protobuf with tolerance.

Protobuf refuses a whole request for one text that is no UTF-8 (measured: 512 spans lost), and for one value of some 45
nested lists. So the messages are read with descriptors of our own, in which every text is bytes and what is nested in a
value is bytes too, to be read later, value by value. On the wire these are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_NESTED = frozenset({"array_value", "kvlist_value"})


@dataclass(frozen=True, slots=True)
class Classes:
    """Message classes, each with `FromString`.

    Attributes:
        traces: TracesData, which an ExportTraceServiceRequest is too.
        logs: LogsData, which an ExportLogsServiceRequest is too.
        array: ArrayValue.
        mapping: KeyValueList.
        error: What `FromString` raises of what is no such message.
    """

    traces: Any
    logs: Any
    array: Any
    mapping: Any
    error: type[Exception]


@lru_cache(maxsize=1)
def classes() -> Classes:
    """The classes, made once.

    Raises:
        ImportError: The package opentelemetry-proto is not installed.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.common.v1 import common_pb2
    from opentelemetry.proto.logs.v1 import logs_pb2
    from opentelemetry.proto.resource.v1 import resource_pb2
    from opentelemetry.proto.trace.v1 import trace_pb2

    pool = descriptor_pool.DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2):  # each after those that it uses
        file = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        for message in file.message_type:
            _retype(message)
        pool.Add(file)
    names = ("trace.v1.TracesData", "logs.v1.LogsData", "common.v1.ArrayValue", "common.v1.KeyValueList")
    traces, logs, array, mapping = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"opentelemetry.proto.{name}")) for name in names
    )
    return Classes(traces, logs, array, mapping, DecodeError)


def parsed(kind: Any, message: bytes) -> Any:
    """*message* as one of *kind*, which is one of the classes.

    Raises:
        ValueError: It is no such message.
    """
    try:
        return kind.FromString(message)
    except classes().error:
        raise ValueError("is no OTLP message: its protobuf cannot be decoded") from None


def _retype(message: Any) -> None:
    for field in message.field:
        if field.type == field.TYPE_STRING or field.name in _NESTED:
            field.type = field.TYPE_BYTES
            field.ClearField("type_name")
    for inner in message.nested_type:
        _retype(inner)
