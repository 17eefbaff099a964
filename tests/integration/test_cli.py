from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from servers.patience import PATIENCE_S

pytestmark = pytest.mark.integration

COMMAND = [str(Path(sys.executable).with_name("spanlabel"))]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )


def _spent_by_children() -> float:
    """Seconds of the processor's time; a clock on the wall would tell what else the machine does."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


class TestStart:
    @pytest.mark.parametrize("argument", ["--version", "--help"])
    def test_fast(self, argument: str) -> None:
        """
        What a person types first costs no more than 0.4 s of the processor's time: there is nothing that it waits for.
        """
        seconds = []
        for _ in range(5):
            start = _spent_by_children()
            done = run(argument)
            seconds.append(_spent_by_children() - start)
            assert done.returncode == 0

        assert min(seconds) <= 0.4

    def test_commands_are_imported_late(self) -> None:
        """
        --help loads no command and none of what commands need.
        """
        code = (
            "import sys; from spanlabel.cli import main; sys.argv[1:] = ['--help']; main();"
            "print(sorted({m.partition('.')[0] for m in sys.modules}"
            " & {'pydantic', 'pydantic_settings', 'yaml', 'sqlite3', 'opentelemetry', 'openai'}),"
            " [m for m in sys.modules if m.startswith('spanlabel.cli.')])"
        )

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert done.stdout.splitlines()[-1] == "[] []"


class TestFaults:
    def test_wrong_setting(self) -> None:
        """
        A wrong setting is one line on standard error and exit code 2.
        """
        done = run("config", "show", SPANLABEL_IDLE_S="soon")

        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr == (
            "Error: idle_s = 'soon' (environment variable SPANLABEL_IDLE_S): must be a valid number, unable to parse "
            "string as a number. Meaning: Seconds without a new span after which a trace is read as it is.\n"
        )

    @pytest.mark.parametrize("how", ["table", "json"])
    def test_reader_that_stops(self, how: str) -> None:
        """
        When who reads our output goes away, the command ends without a word.
        """
        read_end, write_end = os.pipe()
        os.close(read_end)

        done = subprocess.run(
            [*COMMAND, "config", "show", "--format", how],
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(write_end)

        assert done.stderr == ""
        assert done.returncode == 1

    def test_interrupt(self, tmp_path: Path) -> None:
        """
        Ctrl-C ends a command with one line and exit code 130.
        """
        pipe = tmp_path / "spanlabel.yaml"
        os.mkfifo(pipe)  # a settings file that never comes: the command waits in the middle of its work
        process = subprocess.Popen(
            [*COMMAND, "config", "show"],
            env={**os.environ, "SPANLABEL_CONFIG": str(pipe)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        writer = os.open(pipe, os.O_WRONLY)  # returns when the command has opened its end
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        os.close(writer)

        assert (process.returncode, out, err) == (130, "", "Stopped.\n")


def test_modules_without_price() -> None:
    """
    The registry and the switches load no pydantic, no YAML and no platform.
    """
    code = (
        "import sys, spanlabel.registry, spanlabel.config.switches;"
        "print([m for m in sys.modules if m.startswith(('spanlabel.platforms', 'pydantic', 'yaml', 'sqlite3'))])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
