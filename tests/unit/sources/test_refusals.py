import logging

import pytest

from spanlabel.metrics import Counts, Metric
from spanlabel.sources.answers import Refusal
from spanlabel.sources.refusals import Refusals
from spanlabel.testing import FakeClock


def test_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """
    Who runs the receiver reads why requests are refused and from where: each reason once a minute, with how many more.
    """
    clock, counts = FakeClock(), Counts()
    refusals = Refusals("http", counts, clock=clock.time)
    for _ in range(3):
        refusals.note(Refusal.NO_TOKEN, "no token", "10.0.0.7")
    refusals.note(Refusal.NO_TOKEN, "a token, but an old one", "10.0.0.7")
    refusals.note(Refusal.TRY_LATER, "the disk is full", "")
    clock.advance(59)
    refusals.note(Refusal.NO_TOKEN, "no token", "10.0.0.8")
    clock.advance(1)
    refusals.note(Refusal.NO_TOKEN, "no token", "10.0.0.9")

    begin = "a request by HTTP from 10.0.0"
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert [record.message for record in caplog.records] == [
        f"{begin}.7 was refused: no token",
        f"{begin}.7 was refused: a token, but an old one (2 more refused since the last such line)",
        "a request by HTTP must come again later: the disk is full",
        f"{begin}.9 was refused: no token (1 more refused since the last such line)",
    ]
    assert counts.total(Metric.REQUESTS_REFUSED, door="http", reason="no_token") == 6


def test_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """
    Who sends ever other nonsense does not fill the log: ten lines a minute at most, the rest is counted.
    """
    clock, counts = FakeClock(), Counts()
    refusals = Refusals("grpc", counts, clock=clock.time)
    for n in range(1000):
        refusals.note(Refusal.NOT_UNDERSTOOD, f"is not JSON (character {n})", "::1")
    assert len(caplog.records) == 10
    clock.advance(60)
    refusals.note(Refusal.NOT_UNDERSTOOD, "is not JSON (character 7)", "::1")

    assert caplog.records[-1].message.endswith("(character 7) (990 more refused since the last such line)")
    assert counts.total(Metric.REQUESTS_REFUSED) == 1001
