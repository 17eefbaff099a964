"""A fake Trubrics on loopback, and its real SDK. There is no server to install, so a fake is all that the tests have.

It is built from what is public: the API reference (header `x-api-key`; a list of at most 100 events; required user,
prompt and generation), the published OpenAPI description (200 with a status, 401, 422) and the SDK 1.8.5 (the names and
types of an event, empty lists, `detail` in an error). Like the real one it keeps doubles. Where that leaves something
open it is strict: a key that the SDK does not send is refused, a list with one bad event is refused whole.

The SDK lies in an environment of its own under `$XDG_CACHE_HOME/spanlabel-servers` (default `~/.cache`).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

SDK = "trubrics==1.8.5"
API_KEY = "a-project's-key"
MAX_EVENTS = 100

_EVENT: dict[str, tuple[type, ...]] = {
    "user_id": (str,),
    "event": (str,),
    "properties": (dict, type(None)),
    "timestamp": (str,),
}
_LLM_EVENT: dict[str, tuple[type, ...]] = {
    "user_id": (str,),
    "prompt": (str,),
    "generation": (str,),
    "prompt_event_name": (str,),
    "generation_event_name": (str,),
    "assistant_id": (str, type(None)),
    "properties": (dict, type(None)),
    "timestamp": (str,),
    "latency": (int, float, type(None)),
    "thread_id": (str, type(None)),
}
_PATHS = {"/publish_events": _EVENT, "/publish_llm_events": _LLM_EVENT}
_REQUIRED = {"user_id", "event", "prompt", "generation"}


class FakeTrubrics:
    """What the fake has, and what it is told to do.

    Attributes:
        url: Its address.
        events: All LLM events it took, in order.
        requests: How many events each accepted request held; 0 for an empty one.
        headers: Of the last request, names in lower case.
        refuses: Prompts of events that it refuses.
        key: The key that it accepts.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: list[dict[str, Any]] = []
        self.requests: list[int] = []
        self.headers: dict[str, str] = {}
        self.refuses: set[str] = set()
        self.key = API_KEY

    def ids(self) -> list[str]:
        """The records' ids, in order, doubles too."""
        return [event["properties"]["spanlabel_id"] for event in self.events]

    def stored(self) -> dict[str, str]:
        """Answers by record id, in order; a double has a number behind its id."""
        found: dict[str, str] = {}
        for record_id, event in zip(self.ids(), self.events, strict=True):
            found[f"{record_id} #{len(found)}" if record_id in found else record_id] = event["generation"]
        return found

    def answer(self, path: str, key: str | None, body: bytes) -> tuple[int, dict[str, Any]]:
        """Take a request, whole or not at all; gives status and JSON."""
        if path not in _PATHS:
            return 404, {"detail": "Not Found"}
        if key != self.key:
            return 401, {"detail": "Missing or invalid x-api-key."}
        events = json.loads(body)
        wrong = self._wrong(events, _PATHS[path])
        if wrong:
            return 422, {"detail": wrong}
        if path == "/publish_llm_events":
            self.requests.append(len(events))
            self.events += events
        return 200, {"status": "success"}

    def _wrong(self, events: Any, shape: dict[str, tuple[type, ...]]) -> list[dict[str, Any]]:
        if not isinstance(events, list) or len(events) > MAX_EVENTS:
            return [{"loc": ["body"], "msg": f"must be a list of at most {MAX_EVENTS} events"}]
        found = [
            {"loc": ["body", place, name], "msg": "is not as it should be"}
            for place, event in enumerate(events)
            for name in event.keys() | (_REQUIRED & shape.keys())
            if not (name in event and name in shape and isinstance(event[name], shape[name]))
        ]
        for place, event in enumerate(events):
            if event.get("prompt") in self.refuses:
                found.append({"loc": ["body", place, "prompt"], "msg": "is refused"})
            if not _is_time(event.get("timestamp")):
                found.append({"loc": ["body", place, "timestamp"], "msg": "is not a time"})
        return found


def _is_time(given: object) -> bool:
    """Whether it is an ISO 8601 time with a zone, or not given."""
    try:
        return given is None or datetime.fromisoformat(str(given)).tzinfo is not None
    except ValueError:
        return False


@contextmanager
def run_trubrics() -> Iterator[FakeTrubrics]:
    """Run a fake on a free port. It takes one request at a time."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fake.headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = fake.answer(self.path, self.headers["x-api-key"], body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeTrubrics(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="fake-trubrics", daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send_with_sdk(url: str, event: dict[str, Any]) -> None:
    """Give an event's facts to the real SDK, and let it send what it makes of them.

    Raises:
        subprocess.CalledProcessError: It failed; what it said is in it.
    """
    program = (
        "import json, sys; from datetime import datetime; from trubrics import Trubrics\n"
        "url, key, event = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])\n"
        "event['timestamp'] = datetime.fromisoformat(event['timestamp'])\n"
        "client = Trubrics(api_key=key, host=url); client.track_llm(**event); client.close()"
    )
    subprocess.run(
        [_sdk_python(), "-c", program, url, API_KEY, json.dumps(event)],
        env={"NO_PROXY": "127.0.0.1"},
        check=True,
        capture_output=True,
        timeout=60,
    )


def _sdk_python() -> Path:
    """The Python that has the SDK; installs it where it is missing."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spanlabel-servers"
    base.mkdir(parents=True, exist_ok=True)
    venv = base / SDK.replace("==", "-sdk-")
    with (base / "trubrics.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / ".complete").exists():
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            subprocess.run([str(venv / "bin" / "pip"), "install", "-q", SDK], check=True)
            (venv / ".complete").touch()
    return venv / "bin" / "python"
