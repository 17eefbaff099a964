from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import NamedTuple

import pytest
from typer.main import get_command

from spanlabel.cli import COMMANDS, main
from spanlabel.errors import ConfigError, InputError, StoreError


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `spanlabel ARGUMENTS` in this process."""

    def call(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["spanlabel", *arguments])
        return Ran(main(), *capsys.readouterr())

    return call


@pytest.fixture
def failing_show(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `spanlabel config show` meet a fault."""

    def meet(fault: BaseException) -> None:
        def load() -> None:
            raise fault

        monkeypatch.setattr("spanlabel.cli.config.load_receiver", load)

    return meet


class TestUsage:
    def test_version(self, run: Run) -> None:
        """
        --version prints the installed version and nothing else.
        """
        assert run("--version") == (0, f"spanlabel {version('spanlabel')}\n", "")

    def test_help_lists_every_command(self, run: Run) -> None:
        """
        --help names each command.
        """
        ran = run("--help")

        assert ran.code == 0
        assert all(name in ran.out for name in COMMANDS)

    def test_mistyped_command(self, run: Run) -> None:
        """
        A mistyped command is answered with the nearest one and exit code 2.
        """
        ran = run("conifg")

        assert ran.code == 2
        assert ran.out == ""
        assert "No such command 'conifg'. Did you mean 'config'?" in ran.err

    def test_unknown_option(self, run: Run) -> None:
        """
        An unknown option is a usage error of the command that got it.
        """
        ran = run("config", "show", "--frmat", "json")

        assert ran.code == 2
        assert "Usage: spanlabel config show" in ran.err
        assert "--frmat" in ran.err


@pytest.mark.parametrize("name", COMMANDS)
class TestEveryCommand:
    def test_help_begins_with_its_line_in_the_list(self, name: str) -> None:
        """
        What the list of commands says about one is the first line of its own help.
        """
        command = get_command(import_module(f"spanlabel.cli.{name}").app)

        assert (command.help or "").splitlines()[0] == COMMANDS[name]

    def test_help_works(self, run: Run, name: str) -> None:
        """
        Each command has help, under its full name, without options that only the top level has.
        """
        ran = run(name, "--help")

        assert ran.code == 0
        assert f"Usage: spanlabel {name}" in ran.out
        assert "--install-completion" not in ran.out


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "code", "message"),
        [
            pytest.param(
                ConfigError("must be a number", setting="idle_s", value="x", source="spanlabel.yaml"),
                2,
                "Error: idle_s = 'x' (spanlabel.yaml): must be a number\n",
                id="wrong setting",
            ),
            pytest.param(
                InputError("not JSON", file="a.jsonl", line=3),
                1,
                "Error: a.jsonl:3: not JSON\n",
                id="wrong input",
            ),
            pytest.param(StoreError("/x is [red]full"), 1, "Error: /x is [red]full\n", id="markup is text"),
            pytest.param(
                OSError(errno.ENOSPC, "No space left on device", "/x"),
                1,
                "Error: [Errno 28] No space left on device: '/x'\n",
                id="disk full",
            ),
            pytest.param(KeyboardInterrupt(), 130, "Stopped.\n", id="Ctrl-C"),
        ],
    )
    def test_one_message_and_a_code(
        self,
        run: Run,
        failing_show: Callable[[BaseException], None],
        fault: BaseException,
        code: int,
        message: str,
    ) -> None:
        """
        A fault is one message on standard error, whole and without a traceback, and an exit code that tells its kind.
        """
        failing_show(fault)

        assert run("config", "show") == (code, "", message)

    def test_our_own_mistake_keeps_its_traceback(self, run: Run, failing_show: Callable[[BaseException], None]) -> None:
        """
        An error that nobody foresaw is not hidden.
        """
        failing_show(ZeroDivisionError())

        with pytest.raises(ZeroDivisionError):
            run("config", "show")
