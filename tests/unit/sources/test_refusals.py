import logging

import pytest

from spanlabel.metrics import Counts, Metric
from spanlabel.sources.answers import Refusal
from spanlabel.sources.refusals import Refusals
from spanlabel.testing import FakeClock


def test_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """
    Who runs the receiver reads why requests are refused and from where: each kind once a minute, with how many more.
    """
    clock, counts = FakeClock(), Counts()
    refusals = Refusals("http", counts, clock=clock.time)
    for _ in range(3):
        refusals.note(Refusal.NO_TOKEN, "no token", "10.0.0.7")
    refusals.note(Refusal.TRY_LATER, "the disk is full", "")
    clock.advance(59)
    refusals.note(Refusal.NO_TOKEN, "no token", "10.0.0.8")
    clock.advance(1)
    refusals.note(Refusal.NO_TOKEN, "no token", "10.0.0.9")

    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, "a request by HTTP from 10.0.0.7 was refused: no token"),
        (logging.WARNING, "a request by HTTP must come again later: the disk is full"),
        (
            logging.WARNING,
            "a request by HTTP from 10.0.0.9 was refused: no token (3 more since this was last said)",
        ),
    ]
    assert counts.total(Metric.REQUESTS_REFUSED, door="http", reason="no_token") == 5
