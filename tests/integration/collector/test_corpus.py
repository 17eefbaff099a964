"""Recorded traces over a real Collector into `spanlabel serve` beside the same traces out of a file."""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers.collector import run_collector
from servers.patience import until
from servers.serving import Receiver, run_receiver

from spanlabel.compose import records_of_files
from spanlabel.config.loading import load
from spanlabel.metrics import Counts
from spanlabel.platforms.local import LocalStore
from spanlabel.records import to_json

pytestmark = pytest.mark.integration

ARCHIVE = Path(__file__).parents[2] / "corpus" / "dev.tar.xz"
TIMES = {"root_grace_s": 0.5, "idle_s": 0.5, "window_s": 0.5}
"""All traces of a case are ready at the same moment, so what spans several is found as in a file."""
EVERY = 25


def unpacked(folder: Path) -> list[Path]:
    """The recorded cases."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return sorted(folder.glob("*.jsonl"))


def copying(lab: Any, grpc: Receiver, http: Receiver) -> Path:
    """A Collector that sends a copy over gRPC and one over HTTP as JSON."""
    exporters = {
        "otlp_grpc": {"endpoint": f"127.0.0.1:{grpc.grpc}", "tls": {"insecure": True}, "compression": "none"},
        "otlp_http": {"endpoint": f"http://127.0.0.1:{http.http}", "encoding": "json", "compression": "zstd"},
    }
    pipeline = {"receivers": ["otlp"], "exporters": list(exporters)}
    receivers = {"otlp": {"protocols": {"http": {"endpoint": lab.http}}}}
    service = {"pipelines": {"traces": pipeline, "logs": pipeline}}
    path: Path = lab.folder / "copying.yaml"
    path.write_text(yaml.safe_dump({"receivers": receivers, "exporters": exporters, "service": service}))
    return path


def stored(receiver: Receiver) -> dict[str, str]:
    """All records by id, as JSON."""
    if not receiver.prompts():
        return {}
    with LocalStore(receiver.home / "records.db") as store:
        return {one.id: to_json(one) for one in store.records()}


def one_at_a_time(program: Path, lab: Any, cases: Iterable[Path]) -> list[str]:
    """Send each case when the one before it is decided; gives what is not as in the file."""
    settings = load().settings
    wrong: list[str] = []
    problems: list[object] = []
    with ExitStack() as running:
        homes = [lab.folder / name for name in ("grpc", "http")]
        for home in homes:
            home.mkdir()
        receivers = [running.enter_context(run_receiver(home, **TIMES)) for home in homes]
        running.enter_context(run_collector(program, copying(lab, *receivers), log=lab.log))
        before: list[dict[str, str]] = [{}, {}]
        for case in cases:
            found = records_of_files([case], settings, problem=problems.append, counts=Counts())
            expected = {one.id: to_json(one) for one in found}
            lab.send(json.loads(line) for line in case.read_text().splitlines())
            try:
                until(lambda: all(stored(one).keys() >= expected.keys() for one in receivers), case.name)  # noqa: B023
            except AssertionError:
                wrong.append(f"{case.name}: not all records")
            if not expected:
                time.sleep(2)  # nothing comes, which cannot be waited for
            for index, one in enumerate(receivers):
                now = stored(one)
                new = {key: now[key] for key in now.keys() - before[index].keys()}
                before[index] = now
                wrong += [f"{case.name} {homes[index].name}: {key}" for key in new if new[key] != expected.get(key)]
    return [*wrong, *map(str, problems)]


def test_recorded_traces_give_the_same_records_as_from_a_file(balancing: Path, lab: Any) -> None:
    """Over gRPC and over HTTP as JSON each case gives the records, every word of them, that `extract` gives."""
    cases = unpacked(lab.folder / "cases")[::EVERY]
    assert one_at_a_time(balancing, lab, cases) == []
