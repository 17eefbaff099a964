"""OTLP/JSON documents as protobuf, by opentelemetry-proto's own classes."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parents[2] / "corpus" / "dev.tar.xz"


@pytest.fixture(scope="session")
def as_protobuf() -> Callable[[Mapping[str, Any]], bytes]:
    """What turns a document of spans, or one of log records, into the bytes of the same request."""
    pytest.importorskip("opentelemetry.proto", reason="the extra protobuf is not installed")
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    def encode(document: Mapping[str, Any]) -> bytes:
        message: Any = LogsData() if "resourceLogs" in document else TracesData()
        _fill(message, document)
        sent: bytes = message.SerializeToString()
        return sent

    return encode


@pytest.fixture(scope="session")
def recorded_documents() -> list[dict[str, Any]]:
    """Each recorded document."""
    with tarfile.open(CORPUS) as archive:
        files = [archive.extractfile(member) for member in archive if member.name.endswith(".jsonl")]
        return [json.loads(line) for file in files if file is not None for line in file]


def _fill(message: Any, document: Mapping[str, Any]) -> None:
    for field in message.DESCRIPTOR.fields:
        value = document.get(field.json_name)
        if value is None:
            continue
        if field.is_repeated:
            for one in value:
                if field.message_type:
                    _fill(getattr(message, field.name).add(), one)
                else:
                    getattr(message, field.name).append(one)
        elif field.message_type:
            getattr(message, field.name).SetInParent()
            _fill(getattr(message, field.name), value)
        else:
            setattr(message, field.name, _scalar(field, value))


def _scalar(field: Any, value: Any) -> Any:
    if field.type == field.TYPE_BYTES:
        return bytes.fromhex(value) if field.name.endswith("_id") else base64.b64decode(value)
    if field.type == field.TYPE_ENUM and isinstance(value, str):
        return field.enum_type.values_by_name[value].number
    if field.type in (field.TYPE_STRING, field.TYPE_BOOL):
        return value
    return float(value) if field.type == field.TYPE_DOUBLE else int(value)
