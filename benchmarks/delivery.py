"""How quick delivery is, beside a serial loop over the platform SDK's own bulk call and beside bare HTTP.

Each contender writes the same records, in requests of the same size, into a fresh dataset of one real server; the
rounds alternate, and ratios are of medians. It starts the server that the integration tests use (see
`tests/integration/servers`).

    python benchmarks/delivery.py argilla [--records 1000] [--batch 100] [--rounds 3]
    python benchmarks/delivery.py label_studio [--records 2000] [--batch 100] [--rounds 5]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "integration"))

from spanlabel.delivery import Outbox, Worker
from spanlabel.model import Record
from spanlabel.ports import RecordWriter
from spanlabel.testing import make_record

Contender = Callable[[str], float]
"""Writes all records into a dataset of this name, and gives the seconds it took, preparations not counted."""


OUT = "spanlabel, outbox out"
FIRST = make_record(1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("platform", choices=["argilla", "label_studio"])
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped then, too
    text = "A sentence of an answer that is neither long nor short. " * 10
    records = [make_record(n, prompt=f"Question {n}: {text[:300]}", answer=f"{n} {text}") for n in range(given.records)]
    logging.disable(logging.WARNING)  # the SDK warns at each call
    with contextlib.ExitStack() as stack:
        platform = argilla if given.platform == "argilla" else label_studio
        contenders = platform(records, given.batch, stack)
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


def through_outbox(
    records: list[Record], file: Path, make_writer: Callable[[], RecordWriter], *, is_put: bool = False
) -> float:
    """What an application's records go through: into the outbox, out of it, and the ledger's line at the end.

    With *is_put* they lie in the outbox already, as where an application has put them while the last batch was sent.
    """
    outbox = Outbox(file, max_bytes=500_000_000)
    worker = Worker(outbox, "d", make_writer)
    outbox.put([FIRST], ["d"], now_s=time.time())  # connects, as the others have
    while worker.step() is not None:
        pass
    start_s = time.perf_counter()
    outbox.put(records, ["d"], now_s=time.time())
    if is_put:
        start_s = time.perf_counter()
    while worker.step() is not None:
        pass
    spent_s = time.perf_counter() - start_s
    worker.close()
    outbox.close()
    return spent_s


def chunks(things: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]


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

    class Writer(ArgillaWriter):
        batch_size = batch

    def ours(name: str, *, is_put: bool = False) -> float:
        make(name)
        spent_s = through_outbox(records, folder / f"{name}.db", lambda: Writer(settings(name)), is_put=is_put)
        assert len(server.records(name)) == 1 + len(records)
        return spent_s

    def bare(name: str) -> float:
        items = make(name)
        place = f"/api/v1/datasets/{server.dataset_id(name)}/records/bulk"
        headers = {"X-Argilla-Api-Key": server.api_key, "Content-Type": "application/json"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=120) as client:
            start_s = time.perf_counter()
            for some in chunks(items, batch):
                client.post(place, content=json.dumps({"items": some})).raise_for_status()
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
            for some in chunks(made, batch):
                dataset.records.log(some, batch_size=batch)
        return time.perf_counter() - start_s

    sdk(f"warm-{time.time_ns()}")
    return {"SDK bulk loop": sdk, "spanlabel": ours, OUT: partial(ours, is_put=True), "bare HTTP": bare}


def label_studio(records: list[Record], batch: int, stack: contextlib.ExitStack) -> dict[str, Contender]:
    """Both others as they are usually written: with a connection that is kept, which this server answers 40 ms later.

    So they stand here a second time with a connection for each request, as spanlabel has it.
    """
    import httpx
    from label_studio_sdk import LabelStudio
    from servers.label_studio import Stage, run_label_studio

    from spanlabel.platforms.label_studio import LabelStudioWriter
    from spanlabel.platforms.label_studio.mapping import to_task

    server = stack.enter_context(run_label_studio(log_folder=Path(tempfile.mkdtemp())))
    folder = Path(tempfile.mkdtemp())

    def make(name: str) -> tuple[int, list[dict[str, Any]]]:
        """Make the project; gives its number and the tasks as they are sent."""
        project = Stage(server, name)
        writer = project.open()
        binding = writer._targets[name].binding  # noqa: SLF001  to send the very same
        writer.close()
        return project.project_ids()[0], [to_task(record, binding) for record in records]

    def check(name: str, n: int = len(records)) -> None:
        assert len(Stage(server, name).tasks()) == n

    class Writer(LabelStudioWriter):
        batch_size = batch

    def ours(name: str, *, is_put: bool = False) -> float:
        make(name)
        settings = Stage(server, name).settings()
        spent_s = through_outbox(records, folder / f"{name}.db", lambda: Writer(settings), is_put=is_put)
        check(name, 1 + len(records))
        return spent_s

    def bare(headers: Mapping[str, str]) -> Contender:
        def contender(name: str) -> float:
            number, tasks = make(name)
            sent = {"Authorization": f"Token {server.token}", "Content-Type": "application/json", **headers}
            with httpx.Client(base_url=server.url, headers=sent, timeout=120) as client:
                start_s = time.perf_counter()
                for some in chunks(tasks, batch):
                    client.post(f"/api/projects/{number}/import", content=json.dumps(some)).raise_for_status()
                spent_s = time.perf_counter() - start_s
            check(name)
            return spent_s

        return contender

    def sdk(headers: Mapping[str, str]) -> Contender:
        def contender(name: str) -> float:
            number, tasks = make(name)
            with httpx.Client(headers=dict(headers), timeout=120) as http:
                client = LabelStudio(base_url=server.url, api_key=server.token, httpx_client=http)  # type: ignore[no-untyped-call]  # the SDK's own omission
                start_s = time.perf_counter()
                for some in chunks(tasks, batch):
                    client.projects.import_tasks(id=number, request=some)
                spent_s = time.perf_counter() - start_s
            check(name)
            return spent_s

        return contender

    close = {"Connection": "close"}
    ours(f"warm-{time.time_ns()}")
    return {
        "SDK bulk loop": sdk({}),
        "SDK bulk loop, close": sdk(close),
        "spanlabel": ours,
        OUT: partial(ours, is_put=True),
        "bare HTTP": bare({}),
        "bare HTTP, close": bare(close),
    }


if __name__ == "__main__":
    main()
