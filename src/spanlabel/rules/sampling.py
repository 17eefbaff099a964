"""A share of the pairs, the same ones wherever their spans come through: `sample`.

What decides is a hash of the trace id. So every seat, replica and replay keeps the same traces, all pairs of a trace
share its fate, and a larger share keeps what a smaller one kept. The probability goes into the record's metadata,
because without it no rate can be estimated from what was reviewed: `sample_probability`, and `sample_reason`, which
is "random", or the condition that gave the pair another share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b

from spanlabel.model import Pair, Trace

from .condition import Condition, first_match
from .dropped import Dropped


def place_of(trace_id: str) -> float:
    """Where a trace stands between 0 and 1 (never 1 itself); a share keeps what stands below it.

    Args:
        trace_id: 32 lower-case hex digits. They are hashed, because not every sender's ids are random in each digit.
    """
    # 53 bits are what a float holds: more would round up to 1.
    return (int.from_bytes(blake2b(trace_id.encode("utf-8", "replace"), digest_size=8).digest()) >> 11) / 2**53


def sampled(
    share: float, *, when: Sequence[Condition] = (), when_share: float = 1.0
) -> Callable[[Pair, Trace], Pair | Dropped]:
    """Keep a share of the pairs; drop the others under the word "sample".

    Args:
        share: 0 to 1.
        when: What matches one of them has a share of its own.
        when_share: That share, 0 to 1.
    """

    def rule(pair: Pair, trace: Trace) -> Pair | Dropped:
        found = first_match(when, pair, trace)
        probability = share if found is None else when_share
        place = place_of(pair.trace_id)
        if place >= probability:
            what = "" if found is None else f" for {found.text}"
            return Dropped("sample", f"its trace stands at {place:.4f}, and the share{what} is {probability:g}")
        reason = "random" if found is None else found.text
        return replace(pair, noted={"sample_probability": probability, "sample_reason": reason})

    return rule
