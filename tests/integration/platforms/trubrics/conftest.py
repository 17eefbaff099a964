from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from servers.trubrics import API_KEY, FakeTrubrics, run_trubrics

from spanlabel.delivery import Outbox, State, Worker
from spanlabel.model import Record
from spanlabel.platforms.trubrics import TrubricsSettings
from spanlabel.platforms.trubrics.writer import TrubricsWriter


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set for Trubrics is not for us."""
    monkeypatch.delenv("TRUBRICS_API_KEY", raising=False)


@pytest.fixture
def fake() -> Iterator[FakeTrubrics]:
    with run_trubrics() as fake:
        yield fake


@pytest.fixture
def make_writer(fake: FakeTrubrics) -> Iterator[Callable[..., TrubricsWriter]]:
    """Makes writers to the fake, or to a proxy in front of it."""
    made: list[TrubricsWriter] = []

    def make(url: str = "", key: str = API_KEY) -> TrubricsWriter:
        made.append(TrubricsWriter(TrubricsSettings(url=url or fake.url, api_key=key)))
        return made[-1]

    yield make
    for writer in made:
        writer.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "outbox.db", max_bytes=200_000_000)
    yield outbox
    outbox.close()


@pytest.fixture
def deliver(outbox: Outbox, make_writer: Callable[..., TrubricsWriter]) -> Callable[..., Worker]:
    """Puts records into the outbox and delivers them all, with short pauses; gives the worker, closed."""

    def run(url: str, records: Sequence[Record], *, key: str = API_KEY, within_s: float = 600.0) -> Worker:
        worker = Worker(outbox, "d", lambda: make_writer(url, key), jitter=lambda: 0.05)
        outbox.put(records, ["d"], now_s=time.time())
        end_s = time.monotonic() + within_s
        try:
            while (wait_s := worker.step()) is not None and worker.state is not State.STOPPED:
                assert time.monotonic() < end_s, f"not done in time: {worker.state} {worker.error}"
                time.sleep(min(wait_s, 2.0))
        finally:
            worker.close()
        return worker

    return run
