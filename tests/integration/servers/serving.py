"""`spanlabel serve` in a process of its own, as an operator runs it."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .patience import PATIENCE_S, until

START = "import sys; from spanlabel.cli import main; sys.exit(main())"

QUICK = {"root_grace_s": 0.3, "idle_s": 1, "window_s": 0.3}
"""Settings with which a test need not wait for what an operator waits for."""


@dataclass
class Receiver:
    """A running one, and a client.

    Attributes:
        home: Where its journal, its outbox and the local store lie.
        http: Port.
        grpc: Port.
        settings: Further ones.
        arguments: Of the command line.
        process: None while it does not run.
    """

    home: Path
    http: int
    grpc: int
    settings: Mapping[str, object] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens.

        Raises:
            AssertionError: It does not; with what it said.
        """
        self.launch()
        until(lambda: self.is_up() or self._has_ended(), "the receiver listens")
        assert not self._has_ended(), self.log

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        given = {f"SPANLABEL_{name.upper()}": str(value) for name, value in self.settings.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SPANLABEL_")}
        with (self.home / "log").open("ab") as log:
            ports = ("--http", f"127.0.0.1:{self.http}", "--grpc", f"127.0.0.1:{self.grpc}")
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, "serve", *ports, *self.arguments],
                env=kept | given | {"SPANLABEL_HOME": str(self.home)},
                cwd=self.home,
                stderr=log,
            )

    def is_up(self) -> bool:
        """Whether it listens."""
        try:
            socket.create_connection(("127.0.0.1", self.http), 1).close()
        except OSError:
            return False
        return True

    def _has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end; gives the exit code."""
        assert self.process is not None
        return self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """End it as an operator does."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it as a crash does."""
        self.signal(signal.SIGKILL)
        self.wait()

    @property
    def log(self) -> str:
        """What it said, over all its lives."""
        return (self.home / "log").read_text()

    def post(
        self, body: bytes, *, signal: str = "traces", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send one request with OTLP/JSON.

        Raises:
            OSError: Nobody answered.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=60)
        with closing(connection):
            connection.request("POST", f"/v1/{signal}", body, {"content-type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Ask it how it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=60)
        with closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def insist(self, body: bytes, *, signal: str = "traces") -> int:
        """Send until it is taken, as a Collector does; gives how often it was sent."""
        sent = 0
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            sent += 1
            try:
                status, answer = self.post(body, signal=signal)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            if status == 200:
                return sent
            assert status in {429, 503}, (status, answer)
            time.sleep(0.1)
        raise AssertionError(f"not taken within {PATIENCE_S:.0f} s")

    def prompts(self, store: str = "records.db") -> list[str]:
        """What is in the local store."""
        if not (self.home / store).exists():
            return []
        with closing(sqlite3.connect(f"file:{self.home / store}?mode=ro", uri=True, timeout=60)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchone():
                return []  # it is being made
            return [prompt for (prompt,) in db.execute("SELECT prompt FROM records")]


@contextmanager
def run_receiver(home: Path, *arguments: str, **settings: object) -> Iterator[Receiver]:
    """Run it until the end of the block, unless the block ends it."""
    receiver = Receiver(home, _free_port(), _free_port(), QUICK | settings, arguments)
    receiver.start()
    try:
        yield receiver
    finally:
        if receiver.process is not None and receiver.process.poll() is None:
            receiver.process.kill()
            receiver.process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def run_of(n: int, *, trace: str | None = None, service: str = "app") -> dict[str, Any]:
    """Two spans of one run as OTLP/JSON: an agent that answers question *n*, and the call that it made."""
    ids = random.Random(n)  # noqa: S311 - the same ids each time
    trace_id = trace or f"{ids.getrandbits(128) | 1:032x}"
    root, call = f"{ids.getrandbits(64) | 1:016x}", f"{ids.getrandbits(64) | 1:016x}"
    texts = {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": json.dumps([_said("user", f"question {n}")]),
        "gen_ai.output.messages": json.dumps([_said("assistant", f"answer {n}")]),
    }
    spans = [
        _span((trace_id, root, ""), {"gen_ai.operation.name": "invoke_agent", **texts}, 0, 9),
        _span((trace_id, call, root), {"gen_ai.operation.name": "chat", **texts}, 1, 8),
    ]
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    scoped = {"scope": {"name": "test"}, "spans": spans}
    return {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [scoped]}]}


def body_of(*documents: Mapping[str, Any]) -> bytes:
    """One request of several."""
    return json.dumps({"resourceSpans": [one for each in documents for one in each["resourceSpans"]]}).encode()


def _said(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _span(ids: tuple[str, str, str], texts: Mapping[str, str], start_s: int, end_s: int) -> dict[str, Any]:
    trace, span, parent = ids
    begun = 1_790_000_000
    return {
        "traceId": trace,
        "spanId": span,
        "parentSpanId": parent,
        "name": texts["gen_ai.operation.name"],
        "kind": 1,
        "startTimeUnixNano": str((begun + start_s) * 10**9),
        "endTimeUnixNano": str((begun + end_s) * 10**9),
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()],
    }
