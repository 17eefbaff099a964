"""A quick look through OTLP protobuf, for the answer to its sender."""

from __future__ import annotations

from collections import Counter

from .bounds import refuse_elements, refuse_many_logs, refuse_many_spans, refuse_members
from .decoded import Checked, sentences
from .proto_classes import classes, parsed
from .proto_ids import fault_of, says_no_span


def check_traces(message: bytes) -> Checked:
    """Look through an ExportTraceServiceRequest for what its sender must be told, without reading content.

    Raises:
        ImportError: The package opentelemetry-proto is not installed.
        ValueError: It is no such message, or holds too much.
    """
    may_be_many = refuse_many_spans(message)
    count, elements, faults = 0, 0, Counter[str]()
    for group in parsed(classes().traces, message).resource_spans:
        for scoped in group.scope_spans:
            count += len(scoped.spans)
            refuse_members(count, "spans")
            for span in scoped.spans:
                fault = fault_of("a span", span.trace_id, span.span_id)
                if fault:
                    faults[fault] += 1
                if may_be_many:
                    elements += len(span.attributes) + len(span.events) + len(span.links)
                    refuse_elements(elements)
    return Checked(count, faults.total(), "; ".join(sentences(faults)))


def check_logs(message: bytes) -> Checked:
    """Look through an ExportLogsServiceRequest for what its sender must be told, without reading content.

    Log records without a span are usual, and no fault.

    Raises:
        ImportError: The package opentelemetry-proto is not installed.
        ValueError: It is no such message, or holds too much.
    """
    may_be_many = refuse_many_logs(message)
    count, elements, faults = 0, 0, Counter[str]()
    for group in parsed(classes().logs, message).resource_logs:
        for scoped in group.scope_logs:
            count += len(scoped.log_records)
            refuse_members(count, "log records")
            for record in scoped.log_records:
                fault = fault_of("a log record", record.trace_id, record.span_id)
                if fault and not says_no_span(record.trace_id, record.span_id):
                    faults[fault] += 1
                if may_be_many:
                    elements += len(record.attributes)
                    refuse_elements(elements)
    return Checked(count, faults.total(), "; ".join(sentences(faults)))
