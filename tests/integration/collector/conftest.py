"""The Collectors of both sets of modules, and what is sent through them."""

from __future__ import annotations

import json
import tarfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers.collector import BALANCING, NEWEST, adapted, build_collector, free_port

ARCHIVE = Path(__file__).parents[2] / "corpus" / "dev.tar.xz"
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy


@pytest.fixture(scope="session")
def balancing() -> Path:
    """The Collector with all parts."""
    return build_collector(BALANCING)


@pytest.fixture(scope="session", params=[BALANCING, NEWEST], ids=["all parts", "newest"])
def program(request: pytest.FixtureRequest) -> Path:
    """The Collector of either set of modules."""
    return build_collector(request.param)


@pytest.fixture(scope="session")
def recorded() -> list[dict[str, Any]]:
    """All recorded requests, traces and logs, in OTLP/JSON."""
    found: list[dict[str, Any]] = []
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            opened = archive.extractfile(member) if member.name.endswith(".jsonl") else None
            found += [json.loads(line) for line in opened or ()]
    return found


@dataclass(frozen=True, slots=True)
class Lab:
    """Where a Collector is tried.

    Attributes:
        folder: Of this test.
        grpc: Address at which a Collector listens for apps, host:port.
        http: The same for HTTP.
    """

    folder: Path
    grpc: str
    http: str

    def config(self, name: str, places: Mapping[str, str]) -> Path:
        """A file of `collector/` for apps that send to this lab.

        Args:
            name: Of the file.
            places: What else to write in place of what.
        """
        return adapted(name, self.folder, {"127.0.0.1:4317": self.grpc, "127.0.0.1:4318": self.http, **places})

    @property
    def log(self) -> Path:
        """Where a Collector may write its output."""
        return self.folder / "log"

    def send(self, documents: Iterable[dict[str, Any]]) -> None:
        """Send each as one request over HTTP, as JSON.

        Raises:
            urllib.error.HTTPError: One is refused.
        """
        for document in documents:
            path = "logs" if "resourceLogs" in document else "traces"
            body = json.dumps(document).encode()
            where = f"http://{self.http}/v1/{path}"
            with _direct.open(urllib.request.Request(where, body, {"Content-Type": "application/json"})) as answer:
                answer.read()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A folder and free ports for a Collector."""
    return Lab(tmp_path, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Kafka broker."""
    from servers.kafka import run_kafka

    with run_kafka(log_folder=tmp_path_factory.mktemp("kafka-logs")) as server:
        yield server


def by_load_balancing(folder: Path, gateway: str, receivers: Sequence[str]) -> tuple[Path, dict[str, str]]:
    """A gateway that balances, and its environment."""
    there = ("127.0.0.1:14317", "127.0.0.1:14327", "127.0.0.1:14337")
    places = {"127.0.0.1:34317": gateway, **dict(zip(there, receivers, strict=True))}
    return adapted("load-balancing.yaml", folder, places), {}


def by_routing(folder: Path, gateway: str, receivers: Sequence[str]) -> tuple[Path, dict[str, str]]:
    """A gateway with a queue for each receiver, and its environment."""
    places = {"127.0.0.1:34317": gateway, "/var/lib/otelcol/spanlabel": str(folder / "gateway")}
    environment = {f"SPANLABEL_{index}": one for index, one in enumerate(receivers)}
    return adapted("routing-per-backend.yaml", folder, places), environment


@pytest.fixture(params=[by_load_balancing, by_routing])
def way(request: pytest.FixtureRequest) -> Callable[[Path, str, Sequence[str]], tuple[Path, dict[str, str]]]:
    """Either gateway in front of three receivers, given a folder and the addresses."""
    return request.param
