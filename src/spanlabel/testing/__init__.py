"""Public: builders, a fake clock, a platform in memory and the checks of the contracts, for tests of any part."""

from .clock import FakeClock
from .contracts import check_writer
from .platform import MemoryPlatform, MemoryWriter
from .records import make_pair, make_record
from .spans import EPOCH_NS, llm_span, make_log, make_span, span_id, trace_id

__all__ = [
    "EPOCH_NS",
    "FakeClock",
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
