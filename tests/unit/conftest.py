"""What tests of the seats share: a clean environment, a home of their own, and a platform that does as it is told."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel import registry
from spanlabel.model import Record
from spanlabel.platforms.local import LocalStore
from spanlabel.ports import Outcome
from spanlabel.testing import MemoryWriter


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """spanlabel's folder, not made yet, in an environment where nothing else is set."""
    for name in list(os.environ):
        if name.upper().startswith(("SPANLABEL_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "home"
    monkeypatch.setenv("SPANLABEL_HOME", str(folder))
    return folder


@pytest.fixture
def nothing_left(home: Path) -> Iterator[None]:
    """After the test there are no more threads and open files than before it."""
    threads, files = set(threading.enumerate()), _open_files()
    yield
    assert set(threading.enumerate()) - threads == set()
    assert _open_files() - files == set()


def _open_files() -> set[str]:
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{descriptor} {os.readlink(f'/proc/self/fd/{descriptor}')}")
        except FileNotFoundError:  # the one that listed them
            continue
    return found


@pytest.fixture
def make_provider(nothing_left: None) -> Iterator[Callable[[], TracerProvider]]:
    """Makes tracer providers, and shuts them down after the test."""
    made: list[TracerProvider] = []

    def make() -> TracerProvider:
        made.append(TracerProvider(shutdown_on_exit=False))
        return made[-1]

    yield make
    for provider in made:
        provider.shutdown()


@pytest.fixture
def provider(make_provider: Callable[[], TracerProvider]) -> TracerProvider:
    return make_provider()


@pytest.fixture
def stored(home: Path) -> Callable[[], list[tuple[str, str]]]:
    """Question and answer of each record in the local store, the oldest first."""

    def read() -> list[tuple[str, str]]:
        with LocalStore(home / "records.db") as store:
            return [(record.prompt, record.answer) for record in store.records(newest_first=False)]

    return read


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


@pytest.fixture
def ask() -> Callable[..., None]:
    """Traces a model call as an instrumentation does."""

    def call(provider: trace.TracerProvider, question: str, answer: str = "42.") -> None:
        with provider.get_tracer("app").start_as_current_span("chat m") as span:
            span.set_attributes(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.request.model": "m",
                    "gen_ai.input.messages": _messages("user", question),
                    "gen_ai.output.messages": _messages("assistant", answer),
                }
            )

    return call


class Script(MemoryWriter):
    """A platform in memory that hangs when it is told to, and notes how it is called.

    Attributes:
        proceed: While it is not set, every write hangs, whatever time-out it was given.
        suppressed: For each call, whether OpenTelemetry was told not to trace it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.proceed = threading.Event()
        self.proceed.set()
        self.suppressed: list[bool] = []

    def open(self) -> None:
        self._note()
        super().open()

    def write(self, batch: Sequence[Record], **how: Any) -> list[Outcome]:
        self._note()
        assert self.proceed.wait(60)
        return super().write(batch, **how)

    def close(self) -> None:
        self._note()
        super().close()

    def _note(self) -> None:
        self.suppressed.append(bool(context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY)))


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """A platform of the name "scripted", for `platform="scripted"`."""

    class ScriptedSettings(BaseSettings):
        model_config = SettingsConfigDict(frozen=True, extra="forbid")

    script = Script()
    module = ModuleType("scripted_platform")
    module.Settings = ScriptedSettings  # type: ignore[attr-defined] # that is how a module is made
    module.make_writer = lambda settings, home: script  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "scripted_platform", module)
    platform = registry.Platform("scripted_platform:Settings", "scripted_platform:make_writer")
    monkeypatch.setitem(registry.PLATFORMS, "scripted", platform)  # type: ignore[arg-type] # it is a dictionary
    yield script
    script.proceed.set()
