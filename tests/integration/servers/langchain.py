"""Current LangChain and its OpenTelemetry instrumentations, in an environment of their own.

It lies beside the servers under `$XDG_CACHE_HOME/spanlabel-servers` (default `~/.cache`) and is made by the first run
on a machine, under a lock: these packages, spanlabel and what it needs. Its code is then taken from this checkout.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from spanlabel.demo.provider import ScriptedProvider
from spanlabel.demo.script import Line, Reply, Script, ToolCall, answered

PACKAGES = (
    "langchain==1.4.7",
    "langchain-openai==1.7.3",
    "openinference-instrumentation-langchain==0.1.80",
    "opentelemetry-instrumentation-langchain==0.62.4",
)
INSTRUMENTATIONS = ("openinference", "openllmetry")
"""Who makes LangChain's spans."""

SCENARIOS = ("six-prompts", "chain", "agent")

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_SCENARIOS = _HERE.parent / "langchain" / "scenarios.py"
_NEEDED_S = 120
_EXTRAS = ("argilla", "label-studio")

JOKE = "Why don't scientists trust atoms? Because they make up everything!"
POEM = "Roses are red,\nviolets are blue,\nspans have a parent,\nand so, once, had you."
PLAY = (
    "You are a playwright. Given the title of play, it is your job to write a synopsis for that title.\n"
    "Title: Documentary about Bigfoot in Paris\nPlaywright: This is a synopsis for the above play:"
)
SYNOPSIS = (
    "A film crew follows a shy, very large flâneur through Paris. Everybody has seen him and nobody looks up. In the "
    "last act he buys a beret, and is never noticed again."
)
PRESIDENT = "Who was the first president of the United States of America?"
WASHINGTON = "George Washington was the first president of the United States, from 1789 to 1797."

SCRIPT = Script(
    (
        answered("Tell me a joke", JOKE),
        answered("Tell me a poem", POEM),
        answered(PLAY, SYNOPSIS),
        Line(PRESIDENT, (Reply(("",), (ToolCall("search", {"query": PRESIDENT}),)), Reply((WASHINGTON,)))),
    )
)
"""What the provider says."""


def play(instrumentation: str, *names: str, home: Path, destinations: Sequence[Mapping[str, object]]) -> str:
    """Run scenarios in a process of their own, with real LangChain and the scripted provider.

    Args:
        instrumentation: One of INSTRUMENTATIONS.
        names: Of scenarios; none for all three.
        home: spanlabel's folder, and the working directory.
        destinations: What `spanlabel.yaml` says under that key.

    Returns:
        What it logged; everything has been delivered.

    Raises:
        subprocess.CalledProcessError: It failed; what it said is in it.
    """
    python = _python()
    (home / "spanlabel.yaml").write_text(json.dumps({"destinations": destinations}))  # JSON is YAML
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with ScriptedProvider(SCRIPT) as provider:
        given = {
            "OPENAI_BASE_URL": provider.base_url,
            "OPENAI_API_KEY": "none",
            "NO_PROXY": "127.0.0.1",
            "OTEL_SERVICE_NAME": "langchain-app",
            "PYTHONPATH": str(_ROOT / "src"),
            "SPANLABEL_HOME": str(home),
        }
        done = subprocess.run(
            [python, str(_SCENARIOS), instrumentation, *names],
            cwd=home,
            env=inherited | given,
            capture_output=True,
            text=True,
            check=True,
            timeout=_NEEDED_S,
        )
    return done.stderr


def _python() -> Path:
    """The environment's Python; installs what is missing."""
    with (_ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    wanted = [*PACKAGES, f"{_ROOT}[{','.join(_EXTRAS)}]"]
    needed = [*project["dependencies"], *(project["optional-dependencies"][extra] for extra in _EXTRAS)]
    digest = sha256(repr((sys.version, PACKAGES, _EXTRAS, project["version"], needed)).encode()).hexdigest()[:12]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spanlabel-servers"
    base.mkdir(parents=True, exist_ok=True)
    venv = base / f"langchain-{digest}"
    with (base / "langchain.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / ".complete").exists():
            shutil.rmtree(venv, ignore_errors=True)
            _install(venv, wanted)
            (venv / ".complete").touch()
    return venv / "bin" / "python"


def _install(venv: Path, wanted: list[str]) -> None:
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(venv / "bin" / "python"), *wanted], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin" / "pip"), "install", "-q", *wanted], check=True)
