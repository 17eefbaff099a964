"""What starts spanlabel beside a Collector."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from servers.collector import FOLDER, free_port
from servers.patience import PATIENCE_S, until
from servers.traces import make_trace

pytestmark = pytest.mark.integration

SPANLABEL = str(Path(sys.executable).with_name("spanlabel"))

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, for the program of this environment."""
    copy = tmp_path / "spanlabel.service"
    text = (FOLDER / "spanlabel.service").read_text()
    copy.write_text(text.replace("/opt/spanlabel/bin/spanlabel", SPANLABEL))
    return copy


@needs_systemd
def test_systemd_understands_the_unit(unit: Path) -> None:
    """Each line of the unit is one that systemd knows, and the command is there."""
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_the_unit_locks_spanlabel_in(unit: Path) -> None:
    """By systemd's own judgement it is exposed little: below 2 of 10."""
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", str(unit)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


def settings_in(name: str, folder: Path) -> dict[str, str]:
    """What a unit or a container file sets for spanlabel, with a folder and ports of the test's."""
    lines = [line for line in (FOLDER / name).read_text().splitlines() if not line.startswith("#")]
    found = dict(re.findall(r"(SPANLABEL_\w+)=(\S+)", "\n".join(lines)))
    assert {"SPANLABEL_HOME", "SPANLABEL_LISTEN_GRPC", "SPANLABEL_LISTEN_HTTP"} <= found.keys()
    there = {"SPANLABEL_HOME": str(folder / "home"), "SPANLABEL_TOKENS_FILE": str(folder / "tokens")}
    return {key: there.get(key) or re.sub(r":\d+$", f":{free_port()}", value) for key, value in found.items()}


def answer_to(port: str, path: str, body: bytes | None = None, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    with closing(connection):
        try:
            connection.request("POST" if body else "GET", path, body, {"content-type": "application/json", **headers})
            return connection.getresponse().status
        except ConnectionError:
            return 0


@pytest.mark.parametrize("name", ["spanlabel.service", "Containerfile"])
def test_it_runs_with_the_settings_of_its_file(name: str, tmp_path: Path) -> None:
    """It starts, is ready, wants a token where it listens to others, and ends when it is told to."""
    (tmp_path / "tokens").write_text("team-a:s3cret\n")
    settings = settings_in(name, tmp_path)
    port = settings["SPANLABEL_LISTEN_HTTP"].rpartition(":")[2]
    body = json.dumps(make_trace(1, 2)).encode()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPANLABEL_")} | settings
    with subprocess.Popen([SPANLABEL, "serve"], env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: answer_to(port, "/readyz") == 200, "it is ready")
            assert answer_to(port, "/healthz") == 200  # who only asks how it is needs no token
            assert answer_to(port, "/v1/traces", body, authorization="Bearer s3cret") == 200
            assert answer_to(port, "/v1/traces", body) == (401 if name == "Containerfile" else 200)
        finally:
            process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0
