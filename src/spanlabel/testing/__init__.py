"""Public, for tests of any part: builders, a fake clock, a platform in memory, bad days, and the contracts' checks."""

from .clock import FakeClock
from .contracts import check_writer
from .faults import FAULTS, Bad, Fault, FaultProxy
from .platform import MemoryPlatform, MemoryWriter
from .records import make_pair, make_record
from .spans import EPOCH_NS, llm_span, make_log, make_span, span_id, trace_id

__all__ = [
    "EPOCH_NS",
    "FAULTS",
    "Bad",
    "FakeClock",
    "Fault",
    "FaultProxy",
    "MemoryPlatform",
    "MemoryWriter",
    "check_writer",
    "llm_span",
    "make_log",
    "make_pair",
    "make_record",
    "make_span",
    "span_id",
    "trace_id",
]
