"""A real Label Studio (community, SQLite) for tests, on loopback only.

What it takes lies under `$XDG_CACHE_HOME/spanlabel-servers` (default `~/.cache`): an environment of its own with the
server, and a data folder that was migrated once (half a minute) and is copied for each run (7 s to start). Both are
made by the first run on a machine, under a lock, so that runs side by side do not disturb each other.

`python tests/integration/servers/label_studio.py` starts one by hand and prints its address and tokens.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spanlabel.platforms.label_studio import LabelStudioSettings, LabelStudioWriter

VERSION = "1.23.2"
USER = "reviewer@example.com"
PASSWORD = "reviewer-password-1"
LEGACY_TOKEN = "0123456789abcdef0123456789abcdef01234567"
_SECRET_KEY = "fixed-so-that-tokens-outlive-a-restart"
_START_S = 300.0


@dataclass(frozen=True, slots=True)
class LabelStudioServer:
    """A running server.

    Attributes:
        url: Its address, without a slash at the end.
        token: A legacy token, which this organisation allows.
        personal_token: A personal access token of the same user.
        data: Its folder: database and media.
        log: Its log file.
        pid: Of its process.
    """

    url: str
    token: str
    personal_token: str
    data: Path
    log: Path
    pid: int

    def call(self, method: str, path: str, body: object = None, *, token: str | None = None) -> Any:
        """Ask its API, over nothing of ours.

        Args:
            method: HTTP method.
            path: With the query.
            body: For JSON.
            token: What to sign with; by default the legacy token.

        Raises:
            urllib.error.HTTPError: It answers with an error.
        """
        return _call(self.url, f"Token {self.token}" if token is None else token, method, path, body)

    def access(self) -> str:
        """Access for the personal token, to sign a `call` with."""
        found = _call(self.url, None, "POST", "/api/token/refresh/", {"refresh": self.personal_token})
        return f"Bearer {found['access']}"

    def give_draft_to_another_user(self, draft: int) -> None:
        """Let a draft be somebody else's than the token's user."""
        person = {"email": f"{draft}@example.com", "username": f"person-{draft}"}
        other = self.call("POST", "/api/users/", person)["id"]
        with contextlib.closing(sqlite3.connect(self.data / "label_studio.sqlite3", timeout=30)) as db, db:
            db.execute("UPDATE tasks_annotationdraft SET user_id = ? WHERE id = ?", (other, draft))


@contextlib.contextmanager
def run_label_studio(*, log_folder: Path) -> Iterator[LabelStudioServer]:
    """Start a server on fresh data and a free port, and stop it at the end.

    Args:
        log_folder: Where its log is written and stays.

    Raises:
        RuntimeError: It does not start; the text ends with its log's last lines.
    """
    program, template = _prepared()
    folder = Path(tempfile.mkdtemp(prefix="spanlabel-label-studio-"))
    try:
        data = folder / "data"
        shutil.copytree(template, data)
        with _process(program, data, log_folder / "label-studio.log") as (url, pid):
            personal = _call(url, f"Token {LEGACY_TOKEN}", "POST", "/api/token/", {})["token"]
            yield LabelStudioServer(url, LEGACY_TOKEN, personal, data, log_folder / "label-studio.log", pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Stage:
    """A project of one test's own, looked at with the server's own API.

    Attributes:
        server: Where it is.
        title: Its title.
        writers: What the test has opened.
    """

    server: LabelStudioServer
    title: str
    writers: list[LabelStudioWriter] = field(default_factory=list)

    def settings(self, **given: Any) -> LabelStudioSettings:
        """Settings for this project."""
        return LabelStudioSettings(
            **{"url": self.server.url, "api_key": self.server.token, "project": self.title} | given
        )

    def writer(self, **given: Any) -> LabelStudioWriter:
        """A writer that is closed at the end of the test; its waits between two looks are short."""
        made = LabelStudioWriter(self.settings(**given), pause=lambda _: time.sleep(0.1))
        self.writers.append(made)
        return made

    def open(self, **given: Any) -> LabelStudioWriter:
        """A writer that is open."""
        made = self.writer(**given)
        made.open()
        return made

    def make_project(self, label_config: str, title: str | None = None) -> int:
        """Make a project by hand; gives its number."""
        body = {"title": self.title if title is None else title, "label_config": label_config}
        return int(self.server.call("POST", "/api/projects/", body)["id"])

    def project_ids(self, title: str | None = None) -> list[int]:
        """Numbers of the projects of this title, the oldest first."""
        wanted = self.title if title is None else title
        found = self.server.call("GET", f"/api/projects/?page_size=1000&title={quote(wanted)}")["results"]
        return sorted(one["id"] for one in found if one["title"] == wanted)

    def tasks(self, project: int | None = None) -> list[dict[str, Any]]:
        """All tasks with all that hangs on them, the oldest first; none where there is no project."""
        number = project if project is not None else next(iter(self.project_ids()), None)
        if number is None:
            return []
        path = f"/api/projects/{number}/export?exportType=JSON&download_all_tasks=true"
        return sorted(self.server.call("GET", path), key=lambda task: int(task["id"]))

    def predictions(self) -> list[dict[str, Any]]:
        """What is filled in for the reviewer of the oldest task."""
        found = self.server.call("GET", f"/api/tasks/{self.tasks()[0]['id']}/")["predictions"]
        assert isinstance(found, list)
        return found

    def ids(self) -> list[str]:
        """Ids of the records of all tasks, as often as they are there."""
        return [task["data"]["spanlabel_id"] for task in self.tasks()]

    def stored(self) -> dict[str, str]:
        """Answers by record id, in order of arrival; a second task of one id is told apart by a mark."""
        found: dict[str, str] = {}
        for task in self.tasks():
            record_id = task["data"]["spanlabel_id"]
            found[f"{record_id} twice" if record_id in found else record_id] = task["data"]["response"]
        return found

    def annotate(self, record_id: str, results: Sequence[Mapping[str, Any]] | None = None, **more: Any) -> None:
        """Let a person answer: by default with four stars."""
        stars = {"from_name": "rating", "to_name": "response", "type": "rating", "value": {"rating": 4}}
        [task] = [task["id"] for task in self.tasks() if task["data"]["spanlabel_id"] == record_id]
        body = {"result": [stars] if results is None else results, **more}
        self.server.call("POST", f"/api/tasks/{task}/annotations/", body)


def expired_token(personal_token: str) -> str:
    """Make of a personal access token one that says it has expired; its signature is then wrong, which is as good."""
    head, body, signature = personal_token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["exp"] = 1_700_000_000
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{changed}.{signature}"


def _call(url: str, signed: str | None, method: str, path: str, body: object = None) -> Any:
    headers = {"Content-Type": "application/json", "Connection": "close"}
    if signed is not None:
        headers["Authorization"] = signed
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, headers=headers, method=method)  # noqa: S310  our own server
    with _opener.open(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "spanlabel-servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _prepared() -> tuple[Path, Path]:
    """Install the server and migrate its database, where that was not done before; returns program and data folder."""
    cache = _cache()
    with (cache / f"label-studio-{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        venv = cache / f"label-studio-{VERSION}"
        program = venv / "bin" / "label-studio"
        if not (venv / ".complete").exists():
            shutil.rmtree(venv, ignore_errors=True)
            _install(venv)
            (venv / ".complete").touch()
        template = cache / f"label-studio-{VERSION}-data"
        if not template.exists():
            _migrate(program, template)
    return program, template


def _install(venv: Path) -> None:
    wanted = f"label-studio=={VERSION}"
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(venv / "bin" / "python"), wanted], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin" / "pip"), "install", "-q", wanted], check=True)


def _migrate(program: Path, template: Path) -> None:
    """Start once on an empty folder, which makes database, organisation, user and legacy token; keep the folder."""
    making = template.with_name(f"{template.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    with _process(program, making, template.with_name(f"{template.name}.log")):
        pass
    making.rename(template)


@contextlib.contextmanager
def _process(program: Path, data: Path, log: Path) -> Iterator[tuple[str, int]]:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [str(program), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)],
            cwd=data,
            env=_environment(url, data),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(url, process, log)
        yield url, process.pid
    finally:
        _stop(process)


def _environment(url: str, data: Path) -> dict[str, str]:
    """What the server is told, and of our own environment only what a program needs."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return inherited | {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "DJANGO_DB": "sqlite",
        "SECRET_KEY": _SECRET_KEY,
        "LABEL_STUDIO_HOST": url,
        "LABEL_STUDIO_USERNAME": USER,
        "LABEL_STUDIO_PASSWORD": PASSWORD,
        "LABEL_STUDIO_USER_TOKEN": LEGACY_TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_USE_DEFAULT_BANNED_SUBNETS": "false",  # lets a test's webhook listen on loopback
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "DEBUG": "false",
        "LOG_LEVEL": "WARNING",
    }


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s:
        if process.poll() is not None:
            break
        # /health answers before the user is made; the token works only after that.
        with contextlib.suppress(OSError, ValueError):
            _call(url, f"Token {LEGACY_TOKEN}", "GET", "/api/current-user/whoami")
            return
        time.sleep(0.2)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"Label Studio does not start ({log}):\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)  # its own session: nobody else is in it
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
        return


def _free_port() -> int:
    # If the port is taken meanwhile, Label Studio silently takes the next one, and the start fails loudly here.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    with run_label_studio(log_folder=Path(tempfile.gettempdir())) as running:
        print(running.url, running.token, running.personal_token, USER, PASSWORD, running.log, flush=True)  # noqa: T201  for a person
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
