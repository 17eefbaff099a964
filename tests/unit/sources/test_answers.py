import json

import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanlabel.sources.answers import Refusal, Refused, retry_info, status_body, taken_body
from spanlabel.sources.request import Encoding, Signal, Taken

_RETRYABLE_HTTP = {429, 502, 503, 504}


@pytest.mark.parametrize("refusal", list(Refusal))
def test_temporary_or_for_good(refusal: Refusal) -> None:
    """
    A refusal has an HTTP status that a sender repeats exactly when it is temporary: no span is lost by a wrong code.
    """
    assert (refusal.value.http in _RETRYABLE_HTTP) is refusal.value.is_temporary


@given(st.floats(allow_nan=False) | st.none())
def test_wait_is_short(asked: float | None) -> None:
    """
    Whatever the intake asks for, a sender is asked to wait 1 to 2 s: beyond 10 s the Python SDK gives up at once.
    """
    wait_s = Refused(Refusal.TRY_LATER, "full", retry_after_s=asked).wait_s

    assert wait_s is not None
    assert 1 <= wait_s <= 2


def test_waits_differ() -> None:
    """
    Senders that were refused together do not come again together.
    """
    assert len({Refused(Refusal.TRY_LATER, "full").wait_s for _ in range(100)}) > 90


@given(st.sampled_from(list(Refusal)), st.text())
def test_status(refusal: Refusal, message: str) -> None:
    """
    An error is a google.rpc.Status in either encoding, as Google's own classes read it, whatever the message holds.
    """
    refused = Refused(refusal, message)

    status = status_pb2.Status.FromString(status_body(Encoding.PROTOBUF, refused))
    as_json = json.loads(status_body(Encoding.JSON, refused))

    assert (status.code, status.message) == (refusal.value.grpc, message.encode(errors="replace").decode())
    assert as_json == {"code": refusal.value.grpc, "message": message}
    assert len(status.details) == (1 if refusal.value.is_temporary else 0)


@given(st.floats(min_value=0, max_value=1000))
def test_retry_info(wait_s: float) -> None:
    """
    A RetryInfo says the wait to the nanosecond.
    """
    delay = error_details_pb2.RetryInfo.FromString(retry_info(wait_s)).retry_delay

    assert delay.seconds * 10**9 + delay.nanos == round(wait_s * 1e9)


@given(st.integers(min_value=0, max_value=2**62), st.text())
def test_partial_success(refused: int, message: str) -> None:
    """
    How many were refused and why arrives as it was said; nothing is said where nothing was refused.
    """
    body = taken_body(Signal.TRACES, Encoding.PROTOBUF, Taken(refused, message))
    response = ExportTraceServiceResponse.FromString(body)

    assert response.HasField("partial_success") is bool(refused or message)
    assert response.partial_success.rejected_spans == refused
    assert response.partial_success.error_message == message.encode(errors="replace").decode()
