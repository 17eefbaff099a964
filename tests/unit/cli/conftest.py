"""What tests of the commands share: running one in this process, recorded cases, and files made of spans."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from spanlabel.cli import main
from spanlabel.model import Span, Status, Value

ARCHIVE = Path(__file__).parents[2] / "corpus" / "dev.tar.xz"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def spanlabel(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs `spanlabel ARGUMENTS` in this process, its output in pipes; bytes may be given as standard input."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "argv", ["spanlabel", *map(str, arguments)])
        return Ran(main(), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Path]]:
    """The files of a recorded case: its spans, and its log records where it has any."""
    folder = tmp_path_factory.mktemp("recorded")

    def case(name: str) -> list[Path]:
        wanted = {f"./{name}.jsonl", f"./{name}.logs.jsonl"}
        with tarfile.open(ARCHIVE) as archive:
            members = [member for member in archive if member.name in wanted]
            archive.extractall(folder, members, filter="data")
        assert members
        return [folder / member.name for member in sorted(members, key=lambda member: "logs" in member.name)]

    return case


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes spans into a file as the Collector's file exporter does, a request for each."""

    def write(*spans: Span, name: str | Path = "traces.jsonl") -> Path:
        file = tmp_path / name
        file.write_text("".join(json.dumps(_request(span)) + "\n" for span in spans))
        return file

    return write


def _request(span: Span) -> dict[str, Any]:
    sent = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id or "",
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes.items()),
        "status": {"code": int(span.status), "message": span.status_message} if span.status is not Status.UNSET else {},
    }
    scope = {"scope": {"name": span.scope.name}, "spans": [sent]}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(span.resource.items())}, "scopeSpans": [scope]}]}


def _attributes(values: Iterable[tuple[str, Value]]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case str():
            return {"stringValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
    raise NotImplementedError(type(value))
