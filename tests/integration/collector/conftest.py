"""The Collectors of both sets of modules, and what is sent through them."""

from __future__ import annotations

import json
import tarfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
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


@pytest.fixture(scope="session")
def make_trace() -> Callable[[int, int], dict[str, Any]]:
    """Makes a request with all spans of one trace: an HTTP root, and model calls below it."""

    def make(number: int, calls: int) -> dict[str, Any]:
        trace_id = f"{(number + 1) * 2_654_435_761 % (1 << 64):016x}" * 2
        start_ns = 1_750_000_000_000_000_000 + number * 10**9

        def span(index: int, name: str, attributes: dict[str, str]) -> dict[str, Any]:
            return {
                "traceId": trace_id,
                "spanId": f"{number * 1_000 + index + 1:016x}",
                **({"parentSpanId": f"{number * 1_000 + 1:016x}"} if index else {}),
                "name": name,
                "startTimeUnixNano": str(start_ns + index * 1_000_000),
                "endTimeUnixNano": str(start_ns + 500_000_000 - index * 1_000_000),
                "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
            }

        def said(role: str, index: int) -> str:
            text = f"{role} {number} {index} " + "x" * 500
            return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

        spans = [span(0, "POST /chat", {"http.request.method": "POST"})]
        spans += [
            span(
                index,
                "chat",
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.input.messages": said("user", 0),
                    "gen_ai.output.messages": said("assistant", index),
                },
            )
            for index in range(1, calls + 1)
        ]
        return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}

    return make


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Kafka broker."""
    from servers.kafka import run_kafka

    with run_kafka(log_folder=tmp_path_factory.mktemp("kafka-logs")) as server:
        yield server
