"""Runs of an application that never stops, sent to a Collector: spans of one run in several requests, in any order."""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

SPANS: Final = 4
"""Of each run."""

_BEGUN_NS: Final = 1_790_000_000_000_000_000


def spans_of(n: int, *, text_bytes: int = 0) -> list[dict[str, Any]]:
    """The spans of run *n* as OTLP/JSON, whose pair is "question n", "answer n": an agent that calls a tool.

    In every second run the agent's own span holds no messages, so that both are found in its calls only.

    Args:
        n: Says ids and texts.
        text_bytes: What the tool's result is long.
    """
    question, answer = _said("user", f"question {n}"), _said("assistant", f"answer {n}")
    call = {"role": "assistant", "parts": [{"type": "tool_call", "id": f"c{n}", "name": "look", "arguments": {"n": n}}]}
    result = f"found {n} " + "x" * text_bytes
    response = {"role": "tool", "parts": [{"type": "tool_call_response", "id": f"c{n}", "response": result}]}
    return [
        _span(n, 0, "invoke_agent", {} if n % 2 else {"input": [question], "output": [answer]}),
        _span(n, 1, "chat", {"input": [question], "output": [call]}),
        _span(n, 2, "execute_tool", {}, {"gen_ai.tool.name": "look", "gen_ai.tool.call.result": result}),
        _span(n, 3, "chat", {"input": [question, call, response], "output": [answer]}),
    ]


def trace_of(n: int) -> str:
    """The trace id of run *n*."""
    return f"{random.Random(n).getrandbits(128) | 1:032x}"  # noqa: S311  the same id each time


def body_of(spans: list[dict[str, Any]]) -> bytes:
    """One request."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "app"}}]}
    scoped = {"scope": {"name": "test"}, "spans": spans}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}).encode()


class Traffic:
    """Sends runs at a pace while its block lasts; at the end of the block each run begun is whole.

    Args:
        address: Where the Collector listens for HTTP.
        pace: Runs a second.
        text_bytes: As for `spans_of`.
        is_split: Spans of a run come in several requests; else in one.

    Attributes:
        runs: Whole ones and those begun.
        spans: Spans sent, those sent twice counted twice.
        refused: Requests that the Collector did not take.
        longest_s: The longest that the Collector took for an answer.
    """

    def __init__(self, address: str, *, pace: float, text_bytes: int = 0, is_split: bool = True) -> None:
        self._address = address
        self._pace = pace
        self._text_bytes = text_bytes
        self._is_split = is_split
        self._chance = random.Random(pace)  # noqa: S311  the same order each time
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")
        self._fault: Exception | None = None
        self.runs = self.spans = self.refused = 0
        self.longest_s = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        if self._fault is not None and error is None:
            raise self._fault

    def _run(self) -> None:
        try:
            with closing(http.client.HTTPConnection(self._address, timeout=60)) as connection:
                self._send_all(connection)
        except Exception as error:  # noqa: BLE001  raised where the block ends
            self._fault = error

    def _send_all(self, connection: http.client.HTTPConnection) -> None:
        begun_s, waiting = time.monotonic(), list[dict[str, Any]]()
        while not self._is_over.is_set():
            for _ in range(5):
                waiting += spans_of(self.runs, text_bytes=self._text_bytes)
                self.runs += 1
            self._chance.shuffle(waiting)
            while len(waiting) > (3 * SPANS if self._is_split else 0):  # so that spans of one run come far apart
                self._send(connection, waiting)
            self._is_over.wait(max(0.0, begun_s + self.runs / self._pace - time.monotonic()))
        while waiting:
            self._send(connection, waiting)

    def _send(self, connection: http.client.HTTPConnection, waiting: list[dict[str, Any]]) -> None:
        n = self._chance.randint(1, 12) if self._is_split else 5 * SPANS
        spans, waiting[:] = waiting[:n], waiting[n:]
        for _ in range(2 if self._chance.random() < 0.1 else 1):
            begun_s = time.monotonic()
            connection.request("POST", "/v1/traces", body_of(spans), {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            self.longest_s = max(self.longest_s, time.monotonic() - begun_s)
            self.spans += len(spans)
            self.refused += answer.status != 200


@dataclass(frozen=True, slots=True)
class Found:
    """What is in the local store, beside what was sent.

    Attributes:
        records: All.
        lost: Runs without a record.
        doubled: Records of a run beyond its first.
        wrong: Records with another question or answer than was sent.
    """

    records: int
    lost: int
    doubled: int
    wrong: int


def found_in(home: Path, runs: int) -> Found:
    """Look into the local store after so many runs were sent."""
    rows: list[tuple[str, str, str]] = []
    if (home / "records.db").exists():
        with closing(sqlite3.connect(f"file:{home / 'records.db'}?mode=ro", uri=True, timeout=60)) as db:
            if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchone():
                rows = db.execute("SELECT trace_id, prompt, answer FROM records").fetchall()
    expected = {trace_of(n): (f"question {n}", f"answer {n}") for n in range(runs)}
    traces = {trace_id for trace_id, *_ in rows}
    wrong = sum(expected.get(trace_id) != (prompt, answer) for trace_id, prompt, answer in rows)
    return Found(len(rows), len(expected.keys() - traces), len(rows) - len(traces), wrong)


def retrying(way: str, folder: Path, *, listens: str, to: str) -> Path:
    """The configuration of a Collector that keeps all it is given until the receiver has it.

    Args:
        way: "grpc" or "http".
        folder: Where it is written.
        listens: Its own address for apps, HTTP.
        to: The receiver's address for *way*.
    """
    endpoint = to if way == "grpc" else f"http://{to}"
    path = folder / f"retrying-{way}.yaml"
    path.write_text(
        f"""\
receivers: {{otlp: {{protocols: {{http: {{endpoint: {listens}, max_request_body_size: 67108864}}}}}}}}
exporters:
  otlp_{way}/spanlabel:
    endpoint: {endpoint}
    tls: {{insecure: true}}
    compression: none
    timeout: 5s
    retry_on_failure: {{initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 0}}
    sending_queue: {{sizer: items, queue_size: 1000000, num_consumers: 8, block_on_overflow: true}}
service:
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_{way}/spanlabel]}}}}
  telemetry: {{logs: {{sampling: {{enabled: false}}}}}}
"""
    )
    return path


def _said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _span(
    n: int, index: int, operation: str, messages: Mapping[str, Any], more: Mapping[str, str] | None = None
) -> dict[str, Any]:
    ids = random.Random(n)  # noqa: S311  the same ids each time
    trace_id = f"{ids.getrandbits(128) | 1:032x}"
    root, *others = (f"{ids.getrandbits(64) | 1:016x}" for _ in range(SPANS))
    texts = {f"gen_ai.{side}.messages": json.dumps(said) for side, said in messages.items()}
    attributes = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "openai", **texts, **(more or {})}
    begun_ns = _BEGUN_NS + n * 1_000_000_000 + index * 1_000_000
    return {
        "traceId": trace_id,
        "spanId": others[index - 1] if index else root,
        "parentSpanId": root if index else "",
        "name": operation,
        "kind": 1,
        "startTimeUnixNano": str(begun_ns),
        "endTimeUnixNano": str(begun_ns + (900_000 if index else 9_000_000)),
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in attributes.items()],
    }
