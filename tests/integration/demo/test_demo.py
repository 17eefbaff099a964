"""`spanlabel demo`, whole: the real SDK, instrumentation, seats and store, on loopback."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.patience import PATIENCE_S

from spanlabel.demo.provider import CHAT_MODEL, ScriptedProvider
from spanlabel.demo.scenes import SCENES
from spanlabel.demo.script import Script

pytestmark = pytest.mark.integration

RECORDS = sum(scene.expected_records for scene in SCENES)
TEXTS = [text for scene in SCENES for one in scene.expected for text in (one.prompt, *one.answers)]
COMMAND = "import sys; from spanlabel.cli import main; sys.exit(main())"


def run_demo(*arguments: str, prelude: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `spanlabel demo` in a process of its own, its output in a pipe."""
    return run_command("demo", *arguments, prelude=prelude, **environment)


def run_command(*arguments: str, prelude: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `spanlabel` in a process of its own, its output in a pipe."""
    return subprocess.run(
        [sys.executable, "-c", prelude + COMMAND, *arguments],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )


def words_of(shown: str) -> str:
    """What is shown, without the lines of tables, in the order of columns that wide rows have."""
    return re.sub(r"\s+", " ", re.sub(r"[^\S\n]*[│┃─━┏┓┗┛┡┩╇┳┼├┤└┘┴]+[^\S\n]*", " ", shown))


class TestCommand:
    def test_it_comes_out_as_promised_whatever_is_set(self, tmp_path: Path) -> None:
        """
        Piped, on a wide page, in an environment that is full of traps: all texts are shown whole, the OTLP exporter
        has every span, the place of the store is named, and nothing is on standard error.
        """
        done = run_demo(
            SPANLABEL_HOME=str(tmp_path),
            COLUMNS="1000",
            OTEL_SDK_DISABLED="true",
            OTEL_TRACES_SAMPLER="always_off",
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
            OTEL_PROPAGATORS="nonsense",
            OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT="5",
            TRACELOOP_TRACE_CONTENT="false",
            SPANLABEL_DISABLED="1",
            SPANLABEL_MIN_CONFIDENCE="1",
            OPENAI_BASE_URL="http://127.0.0.1:1",
            HTTP_PROXY="http://127.0.0.1:1",
        )

        assert (done.returncode, done.stderr) == (0, "")
        shown = words_of(done.stdout)
        for line in (line for text in TEXTS for line in text.splitlines()):
            assert line in shown
        assert done.stdout.count("✓") == len(SCENES)
        assert f"→ {RECORDS} records" in shown
        [(exported, spans)] = re.findall(r"delivered (\d+) of (\d+) spans", shown)
        assert exported == spans != "0"
        assert f"Stored in {tmp_path / 'records.db'} " in shown

    @pytest.mark.parametrize("columns", ["60", "80", "200"])
    def test_no_width_hides_a_word(self, tmp_path: Path, columns: str) -> None:
        """
        On a narrow page as on a wide one every word of every question and answer is there.
        """
        done = run_demo(SPANLABEL_HOME=str(tmp_path), COLUMNS=columns)

        assert done.returncode == 0
        assert "…" not in done.stdout
        shown = set(done.stdout.split())
        short = {word for text in TEXTS for word in text.split() if word.isascii() and len(word) < 6}
        assert short <= shown

    def test_what_to_try_next_works(self, tmp_path: Path) -> None:
        """
        The three commands that it proposes run as they stand there, and show what the demo has stored.
        """
        shown = run_demo(SPANLABEL_HOME=str(tmp_path), COLUMNS="80").stdout

        commands = re.findall(r"^  spanlabel (.+)$", shown, re.MULTILINE)
        assert len(commands) == 3
        for command in commands:
            done = run_command(*command.split(), SPANLABEL_HOME=str(tmp_path), COLUMNS="1000")
            assert done.returncode == 0
            assert f"Store: {tmp_path / 'records.db'}\n" in done.stderr
            assert "Ninety Tons of Song" in done.stdout

    def test_again(self, tmp_path: Path) -> None:
        """
        A second demo on the same store comes out as the first one, and each shows its own records only.
        """
        for _ in range(2):
            assert f"→ {RECORDS} records" in run_demo(SPANLABEL_HOME=str(tmp_path), COLUMNS="200").stdout

    def test_a_missing_extra_says_what_to_install(self, tmp_path: Path) -> None:
        """
        Without the extra's packages there is one clear line and no traceback.
        """
        done = run_demo(SPANLABEL_HOME=str(tmp_path), prelude="import sys; sys.modules['openai'] = None; ")

        assert done.returncode == 2
        assert done.stderr == 'Error: openai is not installed; install it with: pip install "spanlabel[demo]"\n'

    def test_a_store_that_cannot_be_used(self, tmp_path: Path) -> None:
        """
        A damaged store is named before anything is played.
        """
        (tmp_path / "records.db").write_text("a shopping list, " * 100)

        done = run_demo(SPANLABEL_HOME=str(tmp_path))

        assert (done.returncode, done.stdout) == (2, "")
        assert str(tmp_path / "records.db") in done.stderr
        assert done.stderr.count("\n") == 1

    def test_what_does_not_come_out_is_said(self, tmp_path: Path) -> None:
        """
        If a scene promises what does not happen, it is crossed, the rest is still shown, and the error names it.
        """
        promise = """
import spanlabel.demo.run as run
from spanlabel.demo.scenes import SCENES, Expected, Scene
promising = Scene("Promises", "...", run=lambda _: None, expected=(Expected("Really?", ("No.",)),))
run.SCENES = (promising, SCENES[0])
"""
        done = run_demo(SPANLABEL_HOME=str(tmp_path), prelude=promise)

        assert done.returncode == 1
        assert "✗ Promises" in done.stdout
        assert f"✓ {SCENES[0].name}" in done.stdout
        assert done.stderr == (
            "Error: the demo did not come out as it must:\nPromises: no record for the question 'Really?'\n"
        )

    def test_nothing_is_left_behind(self, tmp_path: Path) -> None:
        """
        After the demo its servers, its exporters and spanlabel have ended all their threads.
        """
        look = """
import atexit, sys, threading
atexit.register(lambda: print([thread.name for thread in threading.enumerate()], file=sys.stderr))
"""
        done = run_demo(SPANLABEL_HOME=str(tmp_path), prelude=look)

        assert (done.returncode, done.stderr) == (0, "['MainThread']\n")


class TestLive:
    @pytest.fixture
    def provider(self) -> Iterator[str]:
        """Address of a provider of the user's own; it serves no model for embeddings under the usual name."""
        with ScriptedProvider(Script(line for scene in SCENES for line in scene.script)) as provider:
            yield provider.base_url

    def test_a_real_provider(self, tmp_path: Path, provider: str) -> None:
        """
        The user's own provider is asked; what it refuses is shown and spoils only that scene.
        """
        done = run_demo(
            "--live",
            SPANLABEL_HOME=str(tmp_path),
            COLUMNS="1000",
            OPENAI_BASE_URL=provider,
            OPENAI_MODEL=CHAT_MODEL,
            OPENAI_API_KEY="secret",
        )

        assert (done.returncode, done.stderr) == (0, "")
        assert f"→ {RECORDS} records" in done.stdout
        assert re.search(r"! An embedding .*text-embedding-3-small", done.stdout)
        assert "secret" not in done.stdout

    def test_a_provider_that_refuses_everything(self, tmp_path: Path, provider: str) -> None:
        """
        If no record comes of it at all, the demo has failed.
        """
        done = run_demo(
            "--live", SPANLABEL_HOME=str(tmp_path), COLUMNS="1000", OPENAI_BASE_URL=provider, OPENAI_MODEL="another"
        )

        assert done.returncode == 1
        assert done.stdout.count("The model `another` does not exist") == 9
        assert done.stderr == "Error: the demo did not come out as it must:\nno record at all\n"

    def test_without_a_key(self, tmp_path: Path) -> None:
        """
        Without a key and without an address there is nobody to ask, and the message says which variable is missing.
        """
        done = run_demo("--live", SPANLABEL_HOME=str(tmp_path), OPENAI_API_KEY="", OPENAI_BASE_URL="")

        assert done.returncode == 2
        assert done.stderr == "Error: OPENAI_API_KEY (environment variable): must be set for --live\n"
