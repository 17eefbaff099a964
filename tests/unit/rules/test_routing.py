from dataclasses import replace
from pathlib import Path

import pytest

from spanlabel.assembly import Limits
from spanlabel.compose import Running
from spanlabel.config.loading import load
from spanlabel.metrics import Counts, Metric, check_conservation
from spanlabel.testing import llm_span

_DESTINATIONS = """
destinations:
  - {name: a, platform: local, path: a.db}
  - {name: b, platform: local, path: b.db}
  - {name: rest, platform: local, path: rest.db}
"""


@pytest.fixture
def counts() -> Counts:
    return Counts()


def _put_through(folder: Path, routes: str, counts: Counts) -> Running:
    """Three pairs: of service shop, of service bank, and of a token named team-b."""
    file = folder / "spanlabel.yaml"
    file.write_text(_DESTINATIONS + routes)
    running = Running(load(config=file, home=folder).settings, Limits.for_files(), counts)
    resources = ({"service.name": "shop"}, {"service.name": "bank"}, {"spanlabel.token": "team-b"})
    spans = [
        replace(llm_span("What is it?", "It is this.", trace=n), resource=resource)
        for n, resource in enumerate(resources, 1)
    ]
    running.pipeline.accept(spans, now_s=0)
    running.flush(0, everything=True)
    return running


def _waiting(running: Running) -> dict[str, int]:
    return {name: running.outbox.tally(name).waiting for name in ("a", "b", "rest")}


class TestRoutes:
    def test_first_match_wins_and_the_rest_goes_elsewhere(self, tmp_path: Path, counts: Counts) -> None:
        """A team's pairs reach that team's destination only; what nobody claims, the destination no route names."""
        running = _put_through(
            tmp_path,
            "routes: [{name: x, when: service=shop, to: a}, {name: y, when: [token=team-b, model=*], to: b}]",
            counts,
        )
        try:
            assert _waiting(running) == {"a": 1, "b": 2, "rest": 0}
            found = {leased.record.metadata["route"] for leased in running.outbox.lease("b", 10, now_s=1e12)}
            assert found == {"y"}, "a record says which route it took"
        finally:
            running.close()

    def test_unclaimed(self, tmp_path: Path, counts: Counts) -> None:
        """What no route takes goes to the destinations that no route names."""
        running = _put_through(tmp_path, "routes: [{name: x, when: service=shop, to: [a, b]}]", counts)
        try:
            assert _waiting(running) == {"a": 1, "b": 1, "rest": 2}
        finally:
            running.close()

    def test_nowhere(self, tmp_path: Path, counts: Counts) -> None:
        """Where every destination is some route's, what no route takes is dropped and counted under "route"."""
        running = _put_through(tmp_path, "routes: [{name: x, when: service=shop, to: [a, b, rest]}]", counts)
        try:
            assert _waiting(running) == {"a": 1, "b": 1, "rest": 1}
            assert counts.total(Metric.PAIRS_DROPPED, rule="route") == 2
            assert check_conservation(counts) == []
        finally:
            running.close()

    def test_without_routes_everything_goes_everywhere(self, tmp_path: Path, counts: Counts) -> None:
        """As before there were routes."""
        running = _put_through(tmp_path, "", counts)
        try:
            assert _waiting(running) == {"a": 3, "b": 3, "rest": 3}
        finally:
            running.close()
