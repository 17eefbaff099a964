"""`spanlabel serve` as an operator meets it."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from servers.patience import PATIENCE_S, until
from servers.serving import START, Receiver, body_of, run_of, run_receiver

pytestmark = pytest.mark.integration


def _wait_for(receiver: Receiver, n: int, store: str = "records.db") -> list[str]:
    until(lambda: len(receiver.prompts(store)) >= n, f"{n} records in {store}")
    return receiver.prompts(store)


class TestTaking:
    def test_what_is_sent_becomes_records(self, tmp_path: Path) -> None:
        """Runs come in, their questions and answers are records soon after, without anything more to do."""
        with run_receiver(tmp_path) as receiver:
            assert receiver.post(body_of(*(run_of(n) for n in range(10)))) == (200, b"{}")
            assert sorted(_wait_for(receiver, 10)) == sorted(f"question {n}" for n in range(10))
            assert receiver.get("/healthz") == receiver.get("/readyz") == (200, {"status": "ok", "wrong": []})
            assert receiver.stop() == 0
            lines = [json.loads(line) for line in receiver.log.splitlines()]
        assert lines[0]["message"].startswith(f"Receiving: grpc 127.0.0.1:{receiver.grpc}, http 127.0.0.1:")
        assert lines[-1]["message"] == "local: 10 delivered, 0 waiting"

    def test_sent_twice_is_there_once(self, tmp_path: Path) -> None:
        """What a Collector sends again, because an answer was lost, makes no second record; nor after a restart."""
        body = body_of(run_of(1))
        with run_receiver(tmp_path) as receiver:
            receiver.insist(body)
            receiver.insist(body)
            _wait_for(receiver, 1)
            receiver.insist(body)
            receiver.stop()
            receiver.start()
            receiver.insist(body)
            receiver.insist(body_of(run_of(2)))
            assert sorted(_wait_for(receiver, 2)) == ["question 1", "question 2"]

    def test_tokens_and_routes(self, tmp_path: Path) -> None:
        """Each team's token leads to that team's store; a wrong one is refused for good, and said without it."""
        (tmp_path / "spanlabel.yaml").write_text(
            "destinations: [{name: a, platform: local, path: a.db}, {name: rest, platform: local, path: rest.db}]\n"
            "routes: [{name: team-a, when: token=team-a, to: a}]\n"
            "tokens: {team-a: s3cret-of-a, team-b: s3cret-of-b}\n"
        )
        with run_receiver(tmp_path) as receiver:
            for n, token in enumerate(["s3cret-of-a", "s3cret-of-b"]):
                assert receiver.post(body_of(run_of(n)), headers={"authorization": f"Bearer {token}"})[0] == 200
            assert receiver.post(body_of(run_of(3)), headers={"authorization": "Bearer s3cret-of-c"})[0] == 401
            assert receiver.post(body_of(run_of(4)))[0] == 401
            assert _wait_for(receiver, 1, "a.db") == ["question 0"]
            assert _wait_for(receiver, 1, "rest.db") == ["question 1"]
            assert "s3cret" not in receiver.log


class TestCrashes:
    def test_killed_again_and_again(self, tmp_path: Path) -> None:
        """What was answered with success survives a SIGKILL at any moment: nothing is lost, nothing comes twice."""
        runs, kills, chosen = 400, 12, random.Random(7)  # noqa: S311 - the same each time
        with run_receiver(tmp_path) as receiver:
            order = iter(range(runs))
            lock = threading.Lock()

            def send() -> None:
                while True:
                    with lock:
                        n = next(order, None)
                    if n is None:
                        return
                    spans = run_of(n)["resourceSpans"][0]
                    halves = [dict(spans), dict(spans)]
                    for half, one in zip(halves, spans["scopeSpans"][0]["spans"], strict=True):
                        half["scopeSpans"] = [{"scope": {"name": "test"}, "spans": [one]}]
                    for half in chosen.sample(halves, 2):
                        receiver.insist(body_of({"resourceSpans": [half]}))
                    time.sleep(0.05)

            senders = [threading.Thread(target=send) for _ in range(4)]
            for sender in senders:
                sender.start()
            for _ in range(kills):
                time.sleep(chosen.uniform(0.1, 1.0))
                receiver.kill()
                receiver.start()
            for sender in senders:
                sender.join(PATIENCE_S)
            found = Counter(_wait_for(receiver, runs))
        assert found == Counter(f"question {n}" for n in range(runs))

    def test_sigterm(self, tmp_path: Path) -> None:
        """What is complete is stored and delivered before the end, without waiting for stragglers; what is not, is read
        at the next start, and the log says so.
        """
        half = run_of(2)
        del half["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        with run_receiver(tmp_path, root_grace_s=600, idle_s=3, window_s=0) as receiver:
            receiver.insist(body_of(run_of(1), half))
            assert receiver.stop() == 0
            assert receiver.prompts() == ["question 1"]
            assert "read again" not in receiver.log
            receiver.start()
            assert sorted(_wait_for(receiver, 2)) == ["question 1", "question 2"]
            assert "not done are read again: 1" in receiver.log

    def test_second_signal(self, tmp_path: Path) -> None:
        """A second signal does not wait, and loses nothing."""
        with run_receiver(tmp_path, drain_timeout_s=600) as receiver:
            receiver.insist(body_of(*(run_of(n) for n in range(2_000))))
            receiver.signal(signal.SIGTERM)
            time.sleep(0.05)
            receiver.signal(signal.SIGTERM)
            assert receiver.wait() in {0, 143}
            receiver.start()
            assert len(_wait_for(receiver, 2_000)) == 2_000


class TestRoom:
    def test_journal_full(self, tmp_path: Path) -> None:
        """When the journal has no room senders are told to come again soon; when it has, they are let in."""
        with run_receiver(tmp_path, journal_max_bytes=2_000_000, root_grace_s=2) as receiver:
            statuses = Counter(
                receiver.post(body_of(*(run_of(k) for k in range(n, n + 100))))[0] for n in range(0, 5000, 100)
            )
            assert set(statuses) == {200, 503}
            assert receiver.get("/healthz")[0] == 200
            status, ready = receiver.get("/readyz")
            assert status == 503
            assert "journal" in ready["wrong"][0]
            receiver.insist(body_of(run_of(9_999)))

    def test_outbox_full(self, tmp_path: Path) -> None:
        """When records cannot be stored senders are refused for a while; what was taken becomes records later."""
        taken = 0
        with run_receiver(tmp_path, outbox_max_bytes=300_000, deliver_in="elsewhere") as receiver:
            end_s = time.monotonic() + PATIENCE_S
            while receiver.post(body_of(*(run_of(n) for n in range(taken, taken + 100))))[0] == 200:
                taken += 100
                assert time.monotonic() < end_s
                time.sleep(0.1)
            assert "outbox" in receiver.get("/readyz")[1]["wrong"][0]
            receiver.stop()
            receiver.settings = {**receiver.settings, "outbox_max_bytes": 10**9, "deliver_in": "here"}
            receiver.start()
            assert sorted(_wait_for(receiver, taken)) == sorted(f"question {n}" for n in range(taken))


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--http", "localhost"), "listen_http = 'localhost' (command line): must be host:port, such as"),
            (("--grpc", "0.0.0.0:0"), "other machines could send without a token; set tokens"),
            (("--platform", "argila"), "platform = 'argila'"),
            (("--tokens-file", "nowhere.txt"), "nowhere.txt"),
            (("--config", "nowhere.yaml"), "config = 'nowhere.yaml' (command line): there is no such file"),
            (("--source", "kafak"), "source = 'kafak' (command line): must be 'otlp' or 'kafka'"),
        ],
    )
    def test_settings(self, tmp_path: Path, arguments: tuple[str, str], message: str) -> None:
        """A wrong setting ends it at once, with one line that names it."""
        code, said = _serve(tmp_path, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", *arguments)
        assert (code, said.count("\n")) == (2, 1), said
        assert message in said

    def test_port_taken(self, tmp_path: Path) -> None:
        """The line says which port, and how to find out who has it."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            code, said = _serve(tmp_path, "--http", f"127.0.0.1:{port}", "--grpc", "off")
        assert code == 2
        assert f"listen_http = '127.0.0.1:{port}': another process listens there" in said

    def test_two_of_them(self, tmp_path: Path) -> None:
        """Two receivers must not share a journal; the second one says so and ends."""
        with run_receiver(tmp_path) as receiver:
            code, said = _serve(tmp_path, "--http", "127.0.0.1:0", "--grpc", "off")
            assert (code, str(receiver.process and receiver.process.pid) in said) == (1, True), said
            assert "in use by process" in said


def _serve(home: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", START, "serve", *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("SPANLABEL_")}
        | {"SPANLABEL_HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stderr
