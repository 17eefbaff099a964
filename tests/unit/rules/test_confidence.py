"""The gate on confidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spanlabel.model import Ready, Trace
from spanlabel.rules import Dropped, applied, at_least
from spanlabel.testing import make_pair, trace_id


@pytest.mark.parametrize(
    ("confidence", "gate", "passes"),
    [
        pytest.param(0.7, 0.7, True, id="exactly at the gate"),
        pytest.param(0.69, 0.7, False, id="just below"),
        pytest.param(1.0, 1.0, True, id="only the certain ones"),
        pytest.param(0.0, 0.0, True, id="no gate"),
    ],
)
def test_gate(confidence: float, gate: float, passes: bool) -> None:
    """
    A pair at or above the gate gives a record; below it is dropped as "low_confidence".
    """
    pair = replace(make_pair(), confidence=confidence)

    assert applied((at_least(gate),), pair, Trace(trace_id(1), (), Ready.DRAINED)) == (
        pair if passes else Dropped("low_confidence")
    )
