"""What an import brings in: whoever imports spanlabel pays for what is used, not for what could be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PLATFORM_SDKS = {"argilla", "label_studio_sdk", "trubrics"}
CLIENTS_AND_SERVERS = {
    "aiohttp", "confluent_kafka", "fastapi", "granian", "grpc", "httpx", "kafka", "requests", "starlette", "uvicorn",
}  # fmt: skip
COMMAND_LINE = {"click", "rich", "typer"}


def _loaded_by(program: str, folder: Path) -> set[str]:
    """Top-level packages, and our own modules, that a fresh interpreter has after *program*."""
    listed = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        cwd=folder,
        env={"HOME": str(folder), "SPANLABEL_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    names = json.loads(listed.stdout.splitlines()[-1])
    return {name.partition(".")[0] for name in names} | {name for name in names if name.startswith("spanlabel.")}


def test_the_bare_import_loads_nothing(tmp_path: Path) -> None:
    """`import spanlabel` brings no platform's SDK, no client, no server, no CLI library, not even pydantic."""
    loaded = _loaded_by("import spanlabel", tmp_path)
    unwanted = PLATFORM_SDKS | CLIENTS_AND_SERVERS | COMMAND_LINE | {"opentelemetry", "pydantic", "sqlite3", "yaml"}
    assert loaded & unwanted == set()
    assert {name for name in loaded if name.startswith("spanlabel.")} == set()


def test_a_processor_loads_no_platform_and_no_command_line(tmp_path: Path) -> None:
    """An app that adds the processor gets no platform's SDK, no HTTP client, no server and no CLI library loaded."""
    loaded = _loaded_by("import spanlabel; spanlabel.AnnotationSpanProcessor()", tmp_path)
    assert loaded & (PLATFORM_SDKS | CLIENTS_AND_SERVERS | COMMAND_LINE) == set()
    assert "spanlabel.compose" in loaded  # what its thread needs was imported before the thread was there


def test_the_hook_is_free_where_it_was_not_asked_for(tmp_path: Path) -> None:
    """`opentelemetry-instrument` calls our hook in every program of the environment: it loads next to nothing there."""
    loaded = _loaded_by("import spanlabel.processor; spanlabel.processor.install()", tmp_path)
    assert loaded & {"pydantic", "pydantic_settings", "sqlite3", "yaml"} == set()
    ours = {name for name in loaded if name.startswith("spanlabel.") and name.count(".") == 1}
    assert ours <= {f"spanlabel.{name}" for name in ("config", "errors", "guest", "metrics", "processor")}


@pytest.mark.parametrize("platform", sorted(PLATFORM_SDKS))
def test_settings_of_a_platform_need_no_sdk(platform: str, tmp_path: Path) -> None:
    """All settings of all platforms can be read, checked and shown where no platform's SDK is loaded."""
    loaded = _loaded_by("from spanlabel.config.loading import load; load()", tmp_path)
    assert platform not in loaded
