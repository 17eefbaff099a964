"""A real one-node Kafka (KRaft) for tests, on loopback only.

Its jars come by Maven and lie under `$XDG_CACHE_HOME/spanlabel-servers` (default `~/.cache`), 43 MB, fetched by the
first run on a machine under a lock. Each run has fresh data in a temporary folder.

`python tests/integration/servers/kafka.py` starts one by hand and prints its address.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

VERSION = "4.4.0"
_START_S = 90.0
_QUIET = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-Dorg.slf4j.simpleLogger.showDateTime=true"]

_POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>spanlabel</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
      <!-- named by Kafka and never published; a broker does without -->
      <exclusions>
        <exclusion><groupId>org.apache.kafka</groupId><artifactId>kafka-tools-api</artifactId></exclusion>
      </exclusions>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""


@dataclass(slots=True)
class KafkaServer:
    """A broker that can be stopped and started again on the same port and data.

    Attributes:
        jars: Folder of its jars.
        folder: Its settings and data.
        log: Its log file.
        port: Where clients connect.
        process: It; None while it is stopped.
    """

    jars: Path
    folder: Path
    log: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def brokers(self) -> str:
        """What a client takes as `bootstrap.servers`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: It does not; the text ends with its log's last lines.
        """
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._settings), heap="400m"),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end_s = time.monotonic() + _START_S
        while time.monotonic() < end_s and self.process.poll() is None:
            with contextlib.suppress(KafkaException):
                AdminClient({"bootstrap.servers": self.brokers, "log_level": 0}).list_topics(timeout=1)
                return
        raise RuntimeError(f"Kafka does not start ({self.log}):\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """Stop it; its data stays."""
        process, self.process = self.process, None
        if process is None:
            return
        for each in (sign, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, each)  # its own session: nobody else is in it
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                continue
            return

    def make_topic(self, name: str, partitions: int = 8) -> str:
        """Make a topic that was not there; gives its name back."""
        admin = AdminClient({"bootstrap.servers": self.brokers})
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(timeout=20)
        return name

    def format(self) -> None:
        """Write its settings, and prepare the folder of its data as KRaft wants it.

        Raises:
            RuntimeError: It cannot.
        """
        controller = _free_port()
        self._settings.write_text(_settings(self.port, controller, self.folder / "data"))
        cluster = base64.urlsafe_b64encode(b"spanlabel-tests!").decode().rstrip("=")  # always 16 bytes
        arguments = ["format", "--standalone", "-t", cluster, "-c", str(self._settings)]
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", *arguments, heap="128m"), capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"Kafka's data cannot be prepared:\n{(done.stdout + done.stderr).decode()[-2000:]}")

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, main: str, *arguments: str, heap: str) -> list[str]:
        java = ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
        return [*java, *_QUIET, "-cp", f"{self.jars}/*", main, *arguments]


@contextlib.contextmanager
def run_kafka(*, log_folder: Path) -> Iterator[KafkaServer]:
    """Start a broker without topics on a free port, and stop it at the end.

    Args:
        log_folder: Where its log is written and stays.

    Raises:
        RuntimeError: It does not start; the text ends with its log's last lines.
    """
    jars = _prepared()
    folder = Path(tempfile.mkdtemp(prefix="spanlabel-kafka-"))
    server = KafkaServer(jars, folder, log_folder / "kafka.log", _free_port())
    try:
        server.format()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _settings(port: int, controller: int, data: Path) -> str:
    """Small internal topics, no wait before a group's first assignment, and topics are made only when asked for."""
    listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
    given = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
    return "".join(f"{name}={value}\n" for name, value in given.items())


def _prepared() -> Path:
    """The folder of the jars; fetches them where they are missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spanlabel-servers"
    cache.mkdir(parents=True, exist_ok=True)
    jars = cache / f"kafka-{VERSION}"
    with (cache / f"kafka-{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (jars / ".complete").exists():
            shutil.rmtree(jars, ignore_errors=True)
            jars.mkdir()
            (jars / "pom.xml").write_text(_POM)
            plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
            wanted = [f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
            subprocess.run(["mvn", "-q", "-B", "-f", str(jars / "pom.xml"), plugin, *wanted], check=True)
            (jars / ".complete").touch()
    return jars


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    with run_kafka(log_folder=Path(tempfile.gettempdir())) as running:
        print(running.brokers, running.log, flush=True)  # noqa: T201  for a person
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
