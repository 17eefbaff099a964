"""The waits and budgets of the known seats."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spanlabel.assembly import Limits


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits.for_processor(), id="processor"),
        pytest.param(Limits.for_exporter(5), id="exporter"),
        pytest.param(Limits.for_receiver(), id="receiver"),
        pytest.param(Limits.for_files(), id="files"),
    ],
)
def test_seats_are_consistent(limits: Limits) -> None:
    """
    On every seat a root shortens the wait, the cap is the longest wait, and the budgets nest.
    """
    assert limits.root_grace_s <= limits.local_root_grace_s <= limits.idle_s <= limits.max_age_s
    assert limits.max_trace_bytes + limits.linger_bytes <= limits.max_bytes
    # The structure of a trace with the most spans fits into what a cut leaves.
    assert limits.max_trace_spans * 900 <= limits.max_trace_bytes


@pytest.mark.parametrize(("schedule_delay_s", "grace_s"), [(5.0, 5.0), (0.2, 2.0), (30.0, 30.0)])
def test_exporter_waits_for_one_more_export(schedule_delay_s: float, grace_s: float) -> None:
    """
    Behind a batch processor the grace is one more export, and two seconds at least.
    """
    limits = Limits.for_exporter(schedule_delay_s)

    assert (limits.root_grace_s, limits.local_root_grace_s) == (grace_s, grace_s)


@pytest.mark.parametrize(
    ("field", "value"),
    [("idle_s", -1), ("linger_bytes", -1), ("max_traces", 0), ("max_bytes", 0), ("decided_traces", 0)],
)
def test_impossible_limits_are_refused(field: str, value: int) -> None:
    """
    A negative wait or an empty budget is refused at once, by name and value.
    """
    with pytest.raises(ValueError, match=f"{field} = {value}: must"):
        replace(Limits.for_receiver(), **{field: value})  # type: ignore[arg-type] # every field is a number
