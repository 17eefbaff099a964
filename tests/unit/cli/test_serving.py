"""What a running receiver says of itself, on a terminal and as numbers."""

import json
import logging
from collections.abc import Iterator

import pytest

from spanlabel.cli import _serving
from spanlabel.cli._words import Words
from spanlabel.config.loading import load
from spanlabel.config.receiver import ReceiverSettings
from spanlabel.delivery import Tally
from spanlabel.metrics import Counts, Metric
from spanlabel.service import Service
from spanlabel.service.standing import Delivery


@pytest.fixture
def counts() -> Counts:
    made = Counts()
    made.add(Metric.PAIRS, 8)
    made.add(Metric.PAIRS_DROPPED, 2, rule="route")
    made.add(Metric.PAIRS_DROPPED, 1, rule="sample")
    made.add(Metric.REQUESTS_REFUSED, 4, door="http", reason="no_token")
    made.add(Metric.REQUESTS_REFUSED, 3, door="grpc", reason="no_token")
    return made


@pytest.fixture
def service(home: object, counts: Counts) -> Iterator[Service]:
    made = Service(load().settings, ReceiverSettings(), counts)
    made.deliveries = (Delivery("argilla", Tally(waiting=5), 12.4, "cannot connect", is_stopped=False),)
    yield made
    made._running.close()


def test_live_line(service: Service, counts: Counts) -> None:
    """
    The line on a terminal tells what became of pairs, and why records wait.
    """
    assert _serving._line(service, counts, 2.0) == (
        "0 spans (2/s) · 0 held · journal 0 bytes · 3 of 8 pairs dropped · "
        "argilla 0 delivered, 5 waiting (cannot connect)"
    )


def test_report(
    service: Service, counts: Counts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The report in the log says which rule dropped pairs, why requests were refused, and why records wait.
    """
    monkeypatch.setattr(_serving, "REPORT_S", 0.0)
    lines = _serving._Lines(Words(load().settings))
    log = logging.getLogger("spanlabel.service")
    monkeypatch.setattr(log, "handlers", [lines])
    monkeypatch.setattr(log, "level", logging.INFO)

    lines.report(service, counts)

    said = json.loads(capsys.readouterr().err)
    assert (said["message"], said["pairs"], said["requests_refused"]) == ("report", 8, {"no_token": 7})
    assert said["pairs_dropped"] == {"route": 2, "sample": 1}
    assert said["destinations"] == {
        "argilla": {"delivered": 0, "waiting": 5, "dead": 0, "oldest_s": 12, "why": "cannot connect"}
    }
