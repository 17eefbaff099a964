"""How quick delivery is, beside a serial loop over the platform SDK's own bulk call and beside bare HTTP.

Each contender writes the same records, in requests of the same size, into a fresh dataset of one real server; the
rounds alternate, and ratios are of medians. It starts the server that the integration tests use (see
`tests/integration/servers`).

    python benchmarks/delivery.py argilla [--records 1000] [--batch 100] [--rounds 3]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "integration"))

from spanlabel.delivery import Outbox, Worker
from spanlabel.model import Record
from spanlabel.testing import make_record

Contender = Callable[[str], float]
"""Writes all records into a dataset of this name, and gives the seconds it took, preparations not counted."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("platform", choices=["argilla"])
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    text = "A sentence of an answer that is neither long nor short. " * 10
    records = [make_record(n, prompt=f"Question {n}: {text[:300]}", answer=f"{n} {text}") for n in range(given.records)]
    logging.disable(logging.WARNING)  # the SDK warns at each call
    with contextlib.ExitStack() as stack:
        contenders = argilla(records, given.batch, stack)
        run(contenders, given.records, given.rounds)


def run(contenders: Mapping[str, Contender], n: int, rounds: int) -> None:
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, contender in contenders.items():
            rates[name].append(n / contender(f"bench-{number}-{name.replace(' ', '-')}-{time.time_ns()}"))
    medians = {name: statistics.median(each) for name, each in rates.items()}
    for name, rate in medians.items():
        shown = ", ".join(f"{one:.0f}" for one in rates[name])
        beside = " ".join(f"{rate / other:.2f} x {what}" for what, other in medians.items() if what != name)
        print(f"{name:24} {rate:6.0f} records/s ({shown})   {beside}")


def argilla(records: list[Record], batch: int, stack: contextlib.ExitStack) -> dict[str, Contender]:
    import httpx
    from servers.argilla import run_argilla

    from spanlabel.platforms.argilla import ArgillaSettings, ArgillaWriter
    from spanlabel.platforms.argilla.datasets import preset_for
    from spanlabel.platforms.argilla.mapping import items_of

    server = stack.enter_context(run_argilla(log_folder=Path(tempfile.mkdtemp())))
    folder = Path(tempfile.mkdtemp())

    def settings(name: str) -> ArgillaSettings:
        return ArgillaSettings(api_url=server.url, api_key=server.api_key, dataset=name)

    def make(name: str) -> list[dict[str, Any]]:
        """Make the dataset; gives the items as they are sent."""
        writer = ArgillaWriter(settings(name))
        writer.open()
        found = writer._datasets[name]  # noqa: SLF001  to send the very same
        writer.close()
        preset = preset_for(settings(name))
        return [item.body(found) for record in records for item in items_of(record, preset)]

    def ours(name: str) -> float:
        make(name)
        outbox = Outbox(folder / f"{name}.db", max_bytes=500_000_000)

        class Writer(ArgillaWriter):
            batch_size = batch

        worker = Worker(outbox, "d", lambda: Writer(settings(name)))
        start_s = time.perf_counter()
        outbox.put(records, ["d"], now_s=time.time())
        while worker.step() is not None:
            pass
        spent_s = time.perf_counter() - start_s
        worker.close()
        outbox.close()
        assert len(server.records(name)) == len(records)
        return spent_s

    def bare(name: str) -> float:
        items = make(name)
        place = f"/api/v1/datasets/{server.dataset_id(name)}/records/bulk"
        headers = {"X-Argilla-Api-Key": server.api_key, "Content-Type": "application/json"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=120) as client:
            start_s = time.perf_counter()
            for start in range(0, len(items), batch):
                body = json.dumps({"items": items[start : start + batch]})
                client.post(place, content=body).raise_for_status()
            return time.perf_counter() - start_s

    import argilla as rg

    with contextlib.redirect_stderr(io.StringIO()):
        client = rg.Argilla(server.url, server.api_key)

    def sdk(name: str) -> float:
        items = make(name)
        dataset = client.datasets(name, workspace="argilla")
        made = [rg.Record(id=item["external_id"], fields=item["fields"], metadata=item["metadata"]) for item in items]
        start_s = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):  # a progress bar for each call
            for start in range(0, len(made), batch):
                dataset.records.log(made[start : start + batch], batch_size=batch)
        return time.perf_counter() - start_s

    sdk(f"warm-{time.time_ns()}")
    return {"SDK bulk loop": sdk, "spanlabel": ours, "bare HTTP": bare}


if __name__ == "__main__":
    main()
