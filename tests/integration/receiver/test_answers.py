"""The table of what a sender is told, case by case, over HTTP with protobuf and JSON and over gRPC."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanlabel.errors import TryLater
from spanlabel.sources.tokens import Tokens

pytestmark = pytest.mark.integration

_BODIES = {
    "traces": ExportTraceServiceRequest(resource_spans=[{"schema_url": "s"}]).SerializeToString(),
    "logs": ExportLogsServiceRequest(resource_logs=[{"schema_url": "s"}]).SerializeToString(),
}
_SIGNALS = pytest.mark.parametrize("signal", ["traces", "logs"])
_KINDS = pytest.mark.parametrize("kind", ["x-protobuf", "json"])


def _body(signal: str, kind: str) -> bytes:
    return _BODIES[signal] if kind == "x-protobuf" else b'{"resourceSpans": []}'


def _status(answer: httpx.Response) -> tuple[int, str]:
    """The google.rpc.Status of an error, in whichever encoding it came."""
    if answer.headers["content-type"] == "application/json":
        return answer.json()["code"], answer.json()["message"]
    status = status_pb2.Status.FromString(answer.content)
    return status.code, status.message


def _grpc_error(doors: Any, body: bytes, **more: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        doors.export(body, **more)
    return caught.value


@_SIGNALS
@_KINDS
def test_taken_over_http(doors: Any, signal: str, kind: str) -> None:
    """A request is answered 200 in its own encoding, without partial_success, and is there unchanged."""
    body = _body(signal, kind)

    answer = doors.post(body, signal=signal, kind=kind)

    assert (answer.status_code, answer.headers["content-type"]) == (200, f"application/{kind}")
    assert answer.content == (b"" if kind == "x-protobuf" else b"{}")
    [request] = doors.intake.got
    assert (request.signal.value, request.encoding.value, request.body) == (signal, kind.removeprefix("x-"), body)


@_SIGNALS
def test_taken_over_grpc(doors: Any, signal: str) -> None:
    """A call is answered OK, without partial_success, and is there unchanged."""
    assert doors.export(_BODIES[signal], signal=signal) == b""

    [request] = doors.intake.got
    assert (request.signal.value, request.encoding.value, request.body) == (signal, "protobuf", _BODIES[signal])


@_SIGNALS
def test_empty_request(doors: Any, signal: str) -> None:
    """A body of no bytes is a request with nothing in it, and is answered as one."""
    assert doors.post(b"", signal=signal).status_code == 200
    assert doors.post(b"", signal=signal, kind="json").status_code == 200
    assert doors.post(b"", signal=signal, content_encoding="gzip").status_code == 200
    assert doors.export(b"", signal=signal) == b""

    assert [request.body for request in doors.intake.got] == [b""] * 4


@pytest.mark.parametrize(("signal", "response", "field"), [
    ("traces", ExportTraceServiceResponse, "rejected_spans"),
    ("logs", ExportLogsServiceResponse, "rejected_log_records"),
])  # fmt: skip
def test_partial_success(
    open_doors: Callable[..., Any], make_intake: Any, signal: str, response: Any, field: str
) -> None:
    """Where some spans or log records are refused, the answer is 200 or OK and says how many and why."""
    doors = open_doors(intake=make_intake(refused=3, message="ids of the wrong length"))

    over_http = doors.post(_BODIES[signal], signal=signal)
    over_grpc = doors.export(_BODIES[signal], signal=signal)
    as_json = doors.post(b"{}", signal=signal, kind="json")

    assert (over_http.status_code, as_json.status_code) == (200, 200)
    for answer in (over_http.content, over_grpc):
        partial = response.FromString(answer).partial_success
        assert (getattr(partial, field), partial.error_message) == (3, "ids of the wrong length")
    name = {"traces": "rejectedSpans", "logs": "rejectedLogRecords"}[signal]
    assert as_json.json() == {"partialSuccess": {name: "3", "errorMessage": "ids of the wrong length"}}


@_KINDS
def test_no_room_over_http(open_doors: Callable[..., Any], make_intake: Any, kind: str) -> None:
    """Without room the answer is 503 with a Retry-After of 1 or 2 s, and the sender may come again."""
    doors = open_doors(intake=make_intake(room_bytes=0))

    answers = [doors.post(_body("traces", kind), kind=kind) for _ in range(12)]

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"1", "2"}  # once in 2000 runs all are equal
    assert _status(answers[0]) == (14, "no room now")
    assert doors.refused(door="http", reason="try_later") == 12


def test_no_room_over_grpc(open_doors: Callable[..., Any], make_intake: Any) -> None:
    """Without room the answer is UNAVAILABLE with a RetryInfo of 1 to 2 s, where either kind of client looks for it."""
    doors = open_doors(intake=make_intake(room_bytes=0))

    error = _grpc_error(doors, _BODIES["traces"])

    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "no room now")
    carried = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(carried["grpc-status-details-bin"])
    inside = error_details_pb2.RetryInfo()
    assert (status.code, status.details[0].Unpack(inside)) == (14, True)
    beside = error_details_pb2.RetryInfo.FromString(carried["google.rpc.retryinfo-bin"])
    assert inside == beside
    assert 1 <= beside.retry_delay.ToTimedelta().total_seconds() <= 2
    assert doors.refused(door="grpc", reason="try_later") == 1


def test_no_room_found_late(open_doors: Callable[..., Any], make_intake: Any) -> None:
    """When the intake itself finds that it has no room, as with a full disk, the sender is told to come again too."""
    doors = open_doors(intake=make_intake(surprise=TryLater("the disk is full", retry_after_s=900)))

    over_http, over_grpc = doors.post(_BODIES["traces"]), _grpc_error(doors, _BODIES["traces"])

    assert (over_http.status_code, over_http.headers["retry-after"]) == (503, "2")
    assert over_grpc.code() is grpc.StatusCode.UNAVAILABLE


def test_surprise(open_doors: Callable[..., Any], make_intake: Any, caplog: pytest.LogCaptureFixture) -> None:
    """When something breaks inside, the sender keeps its spans and comes again; the log says where, once."""
    doors = open_doors(intake=make_intake(surprise=KeyError("a customer's words")))

    over_http, over_grpc = doors.post(_BODIES["traces"]), _grpc_error(doors, _BODIES["traces"])
    doors.post(_BODIES["traces"])

    assert (over_http.status_code, over_grpc.code()) == (503, grpc.StatusCode.UNAVAILABLE)
    assert "a customer's words" not in caplog.text + over_http.text + over_grpc.details()
    assert len([record for record in caplog.records if "KeyError at" in record.message]) == 2  # one a door


@_KINDS
def test_bad_message_over_http(doors: Any, kind: str) -> None:
    """A body that is no such message is answered 400 with a Status in the request's encoding, and never comes again."""
    answer = doors.post(b"\xff\xff\xff", kind=kind)

    assert (answer.status_code, answer.headers["content-type"]) == (400, f"application/{kind}")
    assert _status(answer)[0] == 3
    assert "retry-after" not in answer.headers


def test_bad_message_over_grpc(doors: Any) -> None:
    """A message that is none is answered INVALID_ARGUMENT."""
    error = _grpc_error(doors, b"\xff\xff\xff")

    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "the body is no OTLP protobuf")
    assert not dict(error.trailing_metadata())


@_KINDS
def test_too_large_over_http(open_doors: Callable[..., Any], kind: str) -> None:
    """A request above the bound is answered 413, whether its length was said before or is found on the way."""
    doors = open_doors(max_body_bytes=100_000)

    said = doors.post(b" " * 100_001, kind=kind)
    found = doors.post(iter([b" " * 50_000] * 3), kind=kind)

    assert (said.status_code, found.status_code) == (413, 413)
    assert _status(said) == (8, "the request is larger than 100000 bytes; send smaller batches")
    assert "retry-after" not in said.headers
    assert doors.intake.got == []
    assert doors.refused(door="http", reason="too_large") == 2


def test_too_large_over_grpc(open_doors: Callable[..., Any]) -> None:
    """A message above the bound is answered RESOURCE_EXHAUSTED without a RetryInfo: a Collector drops it for good."""
    doors = open_doors(max_body_bytes=100_000)

    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        error = _grpc_error(doors, b"\x00" * 100_001, compression=compression)

        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert not dict(error.trailing_metadata())
    assert doors.intake.got == []


def test_largest_request(open_doors: Callable[..., Any]) -> None:
    """A request of exactly the bound is taken, at both doors."""
    doors = open_doors(max_body_bytes=100_000)
    body = ExportTraceServiceRequest(resource_spans=[{"schema_url": "s" * 99_992}]).SerializeToString()
    assert len(body) == 100_000

    assert doors.post(body).status_code == 200
    assert doors.post(iter([body[:60_000], body[60_000:]])).status_code == 200
    assert doors.export(body) == b""

    assert [request.body for request in doors.intake.got] == [body] * 3


@pytest.mark.parametrize("sent", ["", "Bearer wrong-one", "Bearer", "Basic abc", "secret-of-a", "Bearer secret-of-"])
def test_wrong_token(open_doors: Callable[..., Any], caplog: pytest.LogCaptureFixture, sent: str) -> None:
    """Without a right token the answer is 401 or UNAUTHENTICATED; neither it nor the log repeats what came."""
    doors = open_doors(tokens=Tokens([("a", "secret-of-a")]))
    metadata = (("authorization", sent),) if sent else ()

    over_http = doors.post(_BODIES["traces"], **({"authorization": sent} if sent else {}))
    over_grpc = _grpc_error(doors, _BODIES["traces"], metadata=metadata)

    assert (over_http.status_code, over_http.headers["www-authenticate"]) == (401, "Bearer")
    assert _status(over_http)[0] == 16
    assert over_grpc.code() is grpc.StatusCode.UNAUTHENTICATED
    assert over_grpc.details() == _status(over_http)[1].replace("header Authorization", "metadata authorization")
    assert "secret-of-a" not in caplog.text + over_grpc.details()
    assert "wrong-one" not in caplog.text + over_grpc.details()
    said = [record.message.partition(", or one")[0] for record in caplog.records]
    assert said == [f"a request by {door} from 127.0.0.1 was refused: no token" for door in ("HTTP", "gRPC")]
    assert doors.intake.got == []


def test_right_token(open_doors: Callable[..., Any]) -> None:
    """The request carries the name of the token that it came with, by which it is routed."""
    doors = open_doors(tokens=Tokens([("a", "secret-of-a"), ("b", "secret-of-b")]))

    assert doors.post(_BODIES["traces"], authorization="Bearer secret-of-b").status_code == 200
    doors.export(_BODIES["traces"], metadata=(("authorization", "bearer secret-of-a"),))

    assert [request.token for request in doors.intake.got] == ["b", "a"]


@pytest.mark.parametrize("kind", ["octet-stream", "x-www-form-urlencoded", "grpc", ""])
def test_wrong_content_type(doors: Any, kind: str) -> None:
    """Anything but protobuf and JSON is answered 415 and told which two there are."""
    answer = doors.post(b"{}", kind=kind)

    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")
    assert _status(answer) == (3, "the Content-Type must be application/x-protobuf or application/json")


@pytest.mark.parametrize("kind", ["json; charset=utf-8", "JSON", "x-protobuf; proto=x", "protobuf"])
def test_content_type_in_other_words(doors: Any, kind: str) -> None:
    """Parameters and capitals in a content type change nothing."""
    assert doors.post(b"", kind=kind).status_code == 200


@pytest.mark.parametrize("coding", ["br", "snappy", "gzip, gzip", "x"])
def test_unknown_compression(doors: Any, coding: str) -> None:
    """A compression that is not taken is answered 415, with those that are."""
    answer = doors.post(b"", content_encoding=coding)

    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, deflate, zstd, identity")


def test_wrong_path(doors: Any) -> None:
    """A wrong path is answered 404 with the right ones; metrics, with a sentence about them."""
    doubled = httpx.post(f"{doors.http_url}/v1/traces/v1/traces", headers={"content-type": "application/x-protobuf"})
    metrics = httpx.post(f"{doors.http_url}/v1/metrics", json={})

    assert (doubled.status_code, metrics.status_code) == (404, 404)
    assert "/v1/traces" in _status(doubled)[1]
    assert "takes no metrics" in _status(metrics)[1]
    with grpc.insecure_channel(doors.grpc_target) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_wrong_method(doors: Any) -> None:
    """Looking at an export path with a browser is answered 405 and told the right method; there is no CORS."""
    got = httpx.get(f"{doors.http_url}/v1/traces")
    asked = httpx.options(
        f"{doors.http_url}/v1/traces", headers={"origin": "https://x", "access-control-request-method": "POST"}
    )
    put = httpx.put(f"{doors.http_url}/healthz")

    assert [(answer.status_code, answer.headers["allow"]) for answer in (got, asked, put)] == [
        (405, "POST"), (405, "POST"), (405, "GET, HEAD")
    ]  # fmt: skip
    assert not [name for name in asked.headers if name.startswith("access-control")]


def test_health(open_doors: Callable[..., Any]) -> None:
    """/healthz and /readyz need no token and say what is wrong."""
    doors = open_doors(tokens=Tokens([("a", "t")]), readiness=lambda: ["the outbox is full"])

    well, unready = httpx.get(f"{doors.http_url}/healthz"), httpx.get(f"{doors.http_url}/readyz")

    assert (well.status_code, well.json()) == (200, {"status": "ok", "wrong": []})
    assert (unready.status_code, unready.json()) == (503, {"status": "unavailable", "wrong": ["the outbox is full"]})
    assert httpx.head(f"{doors.http_url}/healthz").status_code == 200


def test_json_answers_are_json(doors: Any) -> None:
    """Every error to a JSON sender is a JSON object with code and message, as google.rpc.Status has them."""
    for answer in (doors.post(b"x", kind="json"), doors.post(b"{}", kind="json", content_encoding="br")):
        assert set(json.loads(answer.content)) == {"code", "message"}
