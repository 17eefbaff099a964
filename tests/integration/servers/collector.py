"""A real OpenTelemetry Collector for tests, built by its own builder from the manifests in `collector/`.

The programs lie under `$XDG_CACHE_HOME/spanlabel-servers` (default `~/.cache`), one for each text of a manifest. They
are made by the first run on a machine, under a lock; that needs Go, and takes about four minutes for the first and half
of that for the second. Later runs start a Collector in a second.

`python tests/integration/servers/collector.py` builds both and prints where they are.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "collector"
BALANCING = FOLDER / "manifest.yaml"
NEWEST = FOLDER / "manifest-newest.yaml"
_START_S = 60.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy
_READY = "Everything is ready. Begin running and processing data."


@dataclass(frozen=True, slots=True)
class Collector:
    """A running Collector.

    Attributes:
        process: Its process.
        log: What it writes.
        metrics: Address of its own metrics, in the Prometheus format.
    """

    process: subprocess.Popen[bytes]
    log: Path
    metrics: str

    def metric(self, name: str, exporter: str) -> float:
        """The sum of one of its own metrics over an exporter's signals; 0 while it is not there.

        Args:
            name: Without `otelcol_` before it and a unit or `_total` behind it.
            exporter: As it is called in the configuration.
        """
        with _direct.open(self.metrics) as answer:
            lines = answer.read().decode().splitlines()
        mine = [line for line in lines if line.startswith(f"otelcol_{name}") and f'exporter="{exporter}"' in line]
        return sum(float(line.rsplit(" ", 1)[1]) for line in mine)

    def terminate(self) -> None:
        """End it as a service manager does, and wait until it is gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sign)  # its own session: nobody else is in it
        self.process.wait(timeout=_START_S)


def build_collector(manifest: Path) -> Path:
    """The program of a manifest, built where it is not there yet.

    Raises:
        RuntimeError: Go is missing, or cannot build it.
    """
    version = re.search(r"^  version: (\S+)$", manifest.read_text(), re.MULTILINE)
    assert version is not None, "a manifest says its version"
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()[:12]
    folder = _cache() / f"otelcol-{version[1]}-{digest}"
    with folder.with_suffix(f"{folder.suffix}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "otelcol").exists():
            _build(manifest, version[1], folder)
    return folder / "otelcol"


def validate(program: Path, config: Path, *, environment: Mapping[str, str] | None = None) -> str:
    """What the Collector has against a configuration; "" if nothing."""
    command = [str(program), "validate", "--config", str(config)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**_own(), **(environment or {})})
    return "" if done.returncode == 0 else done.stderr


@contextlib.contextmanager
def run_collector(
    program: Path, config: Path, *, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Collector]:
    """Start a Collector, wait until it is ready, and stop it at the end.

    Args:
        program: From `build_collector`.
        config: Its configuration; only the port of its own metrics is added.
        log: File to which its output is appended.
        environment: Of its own.

    Raises:
        RuntimeError: It does not start.
    """
    port = free_port()
    reader = f"{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {port}}}}}}}}}"
    own_metrics = f"yaml:{{service: {{telemetry: {{metrics: {{readers: [{reader}]}}}}}}}}"
    dying_with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    written = log.stat().st_size if log.exists() else 0
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [*dying_with_us, str(program), "--config", str(config), "--config", own_metrics],
            cwd=config.parent,
            env={**_own(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Collector(process, log, f"http://127.0.0.1:{port}/metrics")
    try:
        end_s = time.monotonic() + _START_S
        while _READY not in (said := log.read_bytes()[written:].decode(errors="replace")):
            if process.poll() is not None or time.monotonic() > end_s:
                raise RuntimeError(f"the Collector does not start with {config.name} ({log}):\n{said[-2000:]}")
            time.sleep(0.05)
        yield running
    finally:
        try:
            running.terminate()
        except subprocess.TimeoutExpired:
            running.kill()


def adapted(name: str, folder: Path, places: Mapping[str, str]) -> Path:
    """A copy of a file of `collector/` in which addresses and folders are those of a test.

    Args:
        name: Of the file.
        folder: Where the copy is written.
        places: What to write in place of what; each must be there.
    """
    text = (FOLDER / name).read_text()
    for before, after in places.items():
        assert before in text, f"{name} has no {before}"
        text = re.sub(rf"(?<![\w.]){re.escape(before)}(?!\d)", after, text)
    copy = folder / name
    copy.write_text(text)
    return copy


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "spanlabel-servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _own() -> dict[str, str]:
    """Of our own environment only what a program needs: no proxy, no OTEL_ variable."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _build(manifest: Path, version: str, folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise RuntimeError("the Collector of the tests needs Go 1.25 or newer to be built")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    environment = os.environ | {"GOBIN": str(folder), "CGO_ENABLED": "0", "GOWORK": "off"}
    sources = folder / "build"  # as the manifest says
    for where, command, may_fail in (
        (folder, [go, "install", f"go.opentelemetry.io/collector/cmd/builder@v{version}"], False),
        # It wants the modules of other people's tests too, which need not be there; the sources are written before.
        (folder, [str(folder / "builder"), f"--config={manifest}", "--skip-compilation"], True),
        (sources, [go, "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", "otelcol", "."], False),
    ):
        done = subprocess.run(command, cwd=where, env=environment, check=False, capture_output=True, text=True)
        if done.returncode and not may_fail:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    (sources / "otelcol").rename(folder / "otelcol")
    shutil.rmtree(sources)
    (folder / "builder").unlink()


if __name__ == "__main__":
    for one in (BALANCING, NEWEST):
        print(build_collector(one))  # noqa: T201  for a person
