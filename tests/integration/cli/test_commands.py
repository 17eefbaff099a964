"""extract, explain and records in processes of their own: terminals, pipes, signals."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.patience import PATIENCE_S

from spanlabel.platforms.local import LocalStore

pytestmark = pytest.mark.integration

COMMAND = [str(Path(sys.executable).with_name("spanlabel"))]
ARCHIVE = Path(__file__).parents[2] / "corpus" / "dev.tar.xz"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing set but a home of its own."""
    left = {k: v for k, v in os.environ.items() if not k.upper().startswith(("SPANLABEL_", "OTEL_", "COLUMNS"))}
    return left | {"SPANLABEL_HOME": str(tmp_path / "home"), "TERM": "xterm-256color"}


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """The recorded spans of an agent."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extract("./langgraph__openinference__S5.jsonl", tmp_path, filter="data")
    return tmp_path / "langgraph__openinference__S5.jsonl"


def request(number: int) -> bytes:
    """One request with one model call; each number gives another trace."""
    said = {role: json.dumps([{"role": role, "parts": [{"type": "text", "content": f"{role} {number} " + "x" * 500}]}])
            for role in ("user", "assistant")}  # fmt: skip
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": said["user"],
                  "gen_ai.output.messages": said["assistant"]}  # fmt: skip
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "chat",
        "startTimeUnixNano": str(1_750_000_000_000_000_000 + number * 10**9),
        "endTimeUnixNano": str(1_750_000_000_500_000_000 + number * 10**9),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode() + b"\n"


class Terminal:
    """A command on a terminal of 80 columns."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        subprocess.run(["stty", "cols", "80", "rows", "40"], stdin=theirs, check=True)
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, is_enough: Callable[[str], bool]) -> str:
        """Read until enough is shown, or the command has ended."""
        end = time.monotonic() + PATIENCE_S
        while not is_enough(self.shown) and time.monotonic() < end:
            if not select.select([self._ours], [], [], 1.0)[0]:
                continue
            try:
                piece = os.read(self._ours, 65_536)
            except OSError:  # how Linux says that the other side is closed
                break
            self.shown += piece.decode()
        return self.shown

    def close(self) -> int:
        """Read all that is left, and give the exit code."""
        self.read_until(lambda _: False)
        os.close(self._ours)
        return self.process.wait(PATIENCE_S)


class TestTerminal:
    def test_explain_is_coloured_and_fits(self, agent: Path, environment: dict[str, str]) -> None:
        """
        On a terminal the tree has colours, and no line is wider than the screen.
        """
        terminal = Terminal(["explain", str(agent)], environment)

        assert terminal.close() == 0
        assert "\x1b[1;32m◆ unit, prompt, answer" in terminal.shown
        lines = ESCAPE.sub("", terminal.shown).splitlines()
        assert max(map(len, lines)) <= 80
        assert "├─ chain model  6 ms  openinference+by_hand" in lines

    def test_extract_shows_a_table(self, agent: Path, environment: dict[str, str]) -> None:
        """
        On a terminal pairs are a table.
        """
        terminal = Terminal(["extract", str(agent)], environment)

        assert terminal.close() == 0
        header, row, summary = ESCAPE.sub("", terminal.shown).splitlines()
        assert header.split() == ["Trace", "Question", "Final", "answer", "Sure"]
        assert row.startswith("e2c1804b  Is it warmer")
        assert summary == "11 spans · 1 trace · 1 pair"

    def test_progress(self, environment: dict[str, str], tmp_path: Path) -> None:
        """
        What takes longer than a second shows a bar; when it is done the bar is gone.
        """
        slow = tmp_path / "slow"
        os.mkfifo(slow)
        terminal = Terminal(["extract", str(slow)], environment)
        with slow.open("wb") as file:
            file.write(request(1))
            file.flush()
            assert "reading" in terminal.read_until(lambda shown: "reading" in shown)

        assert terminal.close() == 0
        assert ESCAPE.sub("", terminal.shown).splitlines()[-1] == "1 span · 1 trace · 1 pair"


class TestSignals:
    def test_interrupt_while_reading(self, environment: dict[str, str], tmp_path: Path) -> None:
        """
        Ctrl-C while files are read ends the command with one line and exit code 130; nothing is made.
        """
        slow = tmp_path / "slow"
        os.mkfifo(slow)
        process = subprocess.Popen(
            [*COMMAND, "extract", str(slow), "--to", "local"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with slow.open("wb") as file:  # returns when the command has opened its end
            file.write(request(1))
            file.flush()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE_S)

        assert (process.returncode, out, err) == (130, "", "Stopped.\n")
        assert not (tmp_path / "home").exists()

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
    def test_stopped_while_storing(self, environment: dict[str, str], tmp_path: Path, how: signal.Signals) -> None:
        """
        A command that is stopped while it stores, even killed, and then given again has stored each record once.
        """
        many = 3_000
        file = tmp_path / "traces.jsonl"
        file.write_bytes(b"".join(map(request, range(1, many + 1))))
        arguments = [*COMMAND, "extract", str(file), "--to", "local"]
        process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        end = time.monotonic() + PATIENCE_S
        while not (tmp_path / "home" / "outbox.db").exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)
        process.send_signal(how)
        _, err = process.communicate(timeout=PATIENCE_S)

        again = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)

        assert process.returncode == (130 if how is signal.SIGINT else -how)
        assert b"Traceback" not in err
        assert again.returncode == 0
        with LocalStore(tmp_path / "home" / "records.db") as store:
            assert len({record.prompt for record in store.records()}) == store.count() == many


class TestPipes:
    def test_reader_that_has_enough(self, environment: dict[str, str], tmp_path: Path) -> None:
        """
        `spanlabel extract FILE | head -1` ends without a word about the pipe.
        """
        file = tmp_path / "traces.jsonl"
        file.write_bytes(b"".join(map(request, range(1, 500))))
        process = subprocess.Popen(
            [*COMMAND, "extract", str(file)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()

        assert json.loads(first)["prompt"].startswith("user 1 ")
        assert process.wait(PATIENCE_S) == 1
        assert err == b""

    def test_encoding_that_has_no_tree(self, agent: Path, environment: dict[str, str]) -> None:
        """
        Where the output's encoding has no lines and no degree sign, they become question marks.
        """
        done = subprocess.run(
            [*COMMAND, "explain", str(agent)],
            env=environment | {"PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=False,
        )

        assert (done.returncode, done.stderr) == (0, b"")
        assert b"answer: Rome is warmer: 24 ?C against 9 ?C in Oslo." in done.stdout

    def test_standard_input(self, agent: Path, environment: dict[str, str]) -> None:
        """
        Traces may come through a pipe.
        """
        done = subprocess.run(
            [*COMMAND, "extract", "-"], env=environment, input=agent.read_bytes(), capture_output=True, check=False
        )

        assert json.loads(done.stdout)["prompt"] == "Is it warmer in Oslo or in Rome today?"


class TestWhatIsNotLoaded:
    @pytest.mark.parametrize("command", ["explain", "extract", "records"])
    def test_help(self, command: str) -> None:
        """
        Help of a command loads no settings, no database and nothing of OpenTelemetry.
        """
        code = (
            f"import sys; from spanlabel.cli import main; sys.argv[1:] = ['{command}', '--help']; main();"
            "print(sorted({m.partition('.')[0] for m in sys.modules}"
            " & {'pydantic_settings', 'yaml', 'sqlite3', 'opentelemetry', 'openai'}))"
        )

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert done.stdout.splitlines()[-1] == "[]"
