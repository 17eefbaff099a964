from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spanlabel.delivery import Outbox, Tally
from spanlabel.delivery.lock import DeliveryLock
from spanlabel.errors import TryLater
from spanlabel.platforms.local import LocalStore
from spanlabel.testing import make_record

from .conftest import Ran

Run = Callable[..., Ran]
Wait = Callable[..., Outbox]


@pytest.fixture
def wait(home: Path) -> Wait:
    """Lets records wait in the outbox, as an application leaves them that does not deliver."""

    def put(*numbers: int, to: str = "local") -> Outbox:
        outbox = Outbox(home / "outbox.db", max_bytes=1 << 24)
        outbox.put([make_record(n) for n in numbers], [to], now_s=time.time())
        outbox.close()
        return outbox

    return put


def when(condition: Callable[[], bool], do: Callable[[], object]) -> None:
    """Do something from another thread as soon as it is so."""

    def watch() -> None:
        end_s = time.monotonic() + 60
        while not condition() and time.monotonic() < end_s:
            time.sleep(0.01)
        do()

    threading.Thread(target=watch).start()


class TestOnce:
    def test_empties_the_outbox(self, spanlabel: Run, home: Path, wait: Wait) -> None:
        """
        What an application has left in the outbox gets to the platform from another process.
        """
        wait(1, 2, 3)

        ran = spanlabel("deliver")

        assert ran == (0, "local: 3 delivered, 0 waiting\n", "")
        with LocalStore(home / "records.db") as store:
            assert store.count() == 3

    def test_nothing_waits(self, spanlabel: Run, wait: Wait) -> None:
        """
        Where nothing waits, there is nothing to do, and that is good.
        """
        wait()

        assert spanlabel("deliver") == (0, "local: 0 delivered, 0 waiting\n", "")

    def test_nothing_was_ever_put(self, spanlabel: Run, home: Path) -> None:
        """
        Where no outbox is, that is said, and none is made.
        """
        ran = spanlabel("deliver")

        assert (ran.code, ran.out) == (0, "")
        assert ran.err == f"Nothing was ever put into {home / 'outbox.db'}.\n"
        assert not home.exists()

    def test_a_platform_that_takes_nothing(
        self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        A platform that takes nothing for as long as was said is left; how many wait and why is said.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "scripted")
        scripted.platform.later = 1_000
        outbox = wait(1, 2, to="scripted")

        ran = spanlabel("deliver", "--patience", "0")

        assert (ran.code, ran.out) == (1, "scripted: 0 delivered, 2 waiting: not now\n")
        assert ran.err == "destination scripted does not take records now, they wait: not now\n"
        assert outbox.tally("scripted").waiting == 2

    def test_a_platform_that_comes_back(
        self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        One that comes back meanwhile gets everything, and both is said.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "scripted")
        scripted.platform.later = 1
        wait(1, 2, to="scripted")

        ran = spanlabel("deliver")

        assert (ran.code, ran.out) == (0, "scripted: 2 delivered, 0 waiting\n")
        assert ran.err.splitlines() == [
            "destination scripted does not take records now, they wait: not now",
            "destination scripted takes records again",
        ]

    def test_refused(self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A refused record is said with the platform's words, and the exit code tells.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "scripted")
        scripted.platform.refused = {make_record(2).id}
        wait(1, 2, 3, to="scripted")

        ran = spanlabel("deliver")

        assert ran.code == 1
        assert ran.out.splitlines() == [
            "scripted: 2 delivered, 1 refused, 0 waiting",
            f"  refused {make_record(2).id}: refused: {make_record(2).id}",
        ]

    def test_wrong_setting(self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A wrong setting ends it at once with its own exit code.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "scripted")
        scripted.platform.wrong_setting = "no such dataset"
        wait(1, to="scripted")

        ran = spanlabel("deliver")

        assert (ran.code, ran.out) == (2, "scripted: 0 delivered, 1 waiting: no such dataset\n")
        assert "is stopped, its records wait: no such dataset" in ran.err

    def test_another_process_delivers(self, spanlabel: Run, home: Path, wait: Wait) -> None:
        """
        Where another process delivers, that is waited for and said.
        """
        wait(1)
        lock = DeliveryLock(home / "outbox.db", "local")
        assert lock.acquire()

        ran = spanlabel("deliver", "--patience", "0.3")
        lock.release()

        assert (ran.code, ran.out) == (1, "local: 0 delivered, 1 waiting: another process delivers it\n")
        assert ran.err == "destination local: another process delivers it; waiting for that\n"

    def test_a_destination_that_hangs_holds_up_no_other(
        self, spanlabel: Run, wait: Wait, home: Path, scripted: Any
    ) -> None:
        """
        Each destination has its own fate: while one hangs, the other is emptied.
        """
        Path("spanlabel.yaml").write_text("destinations: [{platform: scripted}, {platform: local}]")
        wait(1, to="scripted")
        outbox = wait(1)
        scripted.proceed.clear()
        when(lambda: outbox.tally("local").delivered == 1, scripted.proceed.set)

        ran = spanlabel("deliver")

        assert ran == (0, "scripted: 1 delivered, 0 waiting\nlocal: 1 delivered, 0 waiting\n", "")

    def test_only_the_named_one(self, spanlabel: Run, wait: Wait, scripted: Any) -> None:
        """
        A destination that is not named is left alone.
        """
        Path("spanlabel.yaml").write_text("destinations: [{platform: scripted}, {platform: local}]")
        wait(1, to="scripted")
        wait(1)

        assert spanlabel("deliver", "local") == (0, "local: 1 delivered, 0 waiting\n", "")
        assert not scripted.platform.records

    def test_unknown_name(self, spanlabel: Run, wait: Wait) -> None:
        """
        A mistyped destination is exit code 2.
        """
        wait(1)

        ran = spanlabel("deliver", "locla")

        assert ran == (2, "", "Error: there is no destination 'locla'; did you mean local?\n")

    def test_what_waits_for_nobody(self, spanlabel: Run, wait: Wait) -> None:
        """
        Records of a destination that was renamed are not forgotten: they are named, and the exit code tells.
        """
        wait(1, to="old-name")

        ran = spanlabel("deliver")

        assert ran.code == 1
        assert "old-name: 1 waiting: no destination has this name now" in ran.out

    def test_words_that_must_not_reach_a_terminal(
        self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Control characters in a platform's words, NULs among them, reach no terminal; nor does a key that they repeat.
        """
        argilla = "{platform: argilla, api_url: 'http://localhost:9', api_key: s3cret-key}"
        Path("spanlabel.yaml").write_text(f"destinations: [{{platform: scripted}}, {argilla}]")
        wait(1, to="scripted")

        def fail(*_: object, **__: object) -> None:
            raise TryLater("bad \x1b[2J\x00 thing: s3cret-key")

        scripted.write = fail
        ran = spanlabel("deliver", "scripted", "argilla", "--patience", "0")

        assert ran.code == 1
        assert "bad \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER} thing: ********" in ran.out
        for forbidden in ("\x1b", "\x00", "s3cret-key"):
            assert forbidden not in ran.out + ran.err


class TestFollow:
    def test_sends_what_comes(self, spanlabel: Run, home: Path, wait: Wait) -> None:
        """
        It waits for an outbox that is not there yet, and sends what is put later, until SIGTERM; that is no failure.
        """
        outbox = Outbox(home / "outbox.db", max_bytes=1 << 24)
        begin_s = time.monotonic()
        when(lambda: time.monotonic() > begin_s + 0.3, lambda: wait(1))
        when(
            lambda: outbox.path.exists() and outbox.tally("local").delivered == 1,
            lambda: (
                wait(2),
                when(lambda: outbox.tally("local").delivered == 2, lambda: os.kill(os.getpid(), signal.SIGTERM)),
            ),
        )

        ran = spanlabel("deliver", "--follow")
        outbox.close()

        assert ran == (0, "local: 2 delivered, 0 waiting\n", f"Delivering {home / 'outbox.db'}; Ctrl-C ends it.\n")

    def test_waits_for_a_platform(
        self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        It does not give a platform up, however long it is away.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "scripted")
        scripted.platform.later = 1
        outbox = wait(1, to="scripted")
        when(lambda: outbox.tally("scripted").delivered == 1, lambda: os.kill(os.getpid(), signal.SIGTERM))

        ran = spanlabel("deliver", "--follow", "--patience", "0")

        assert (ran.code, ran.out) == (0, "scripted: 1 delivered, 0 waiting\n")

    def test_wrong_setting(self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Where no destination can go on without a person, it ends instead of waiting for nothing.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "scripted")
        scripted.platform.wrong_setting = "no such dataset"
        wait(1, to="scripted")

        assert spanlabel("deliver", "--follow").code == 2


class TestInterrupted:
    def test_once(self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        After Ctrl-C what is on its way is finished and noted, the rest waits, and that is said.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "scripted")
        scripted.batch_size = 2
        scripted.proceed.clear()
        outbox = wait(1, 2, 3, to="scripted")
        when(lambda: len(scripted.suppressed) == 2, lambda: os.kill(os.getpid(), signal.SIGINT))
        begin_s = time.monotonic()
        when(lambda: time.monotonic() > begin_s + 1.5, scripted.proceed.set)

        ran = spanlabel("deliver")

        assert (ran.code, ran.out) == (130, "scripted: 2 delivered, 1 waiting\n")
        assert ran.err.splitlines() == [
            "Stopping: waiting for what is on its way; Ctrl-C again does not wait.",
            "Stopped.",
        ]
        assert outbox.tally("scripted") == Tally(made=3, delivered=2, waiting=1)
        assert len(scripted.platform.records) == 2

    def test_twice(self, spanlabel: Run, wait: Wait, scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        The second Ctrl-C does not wait for a platform that hangs; nothing is lost by it.
        """
        before = signal.getsignal(signal.SIGINT)  # ignored, where the tests run in the background
        monkeypatch.setenv("SPANLABEL_PLATFORM", "scripted")
        scripted.proceed.clear()
        outbox = wait(1, to="scripted")
        when(lambda: len(scripted.suppressed) == 2, lambda: os.kill(os.getpid(), signal.SIGINT))
        begin_s = time.monotonic()
        when(lambda: time.monotonic() > begin_s + 1.0, lambda: os.kill(os.getpid(), signal.SIGINT))

        ran = spanlabel("deliver")
        spent_s = time.monotonic() - begin_s
        tally = outbox.tally("scripted")
        scripted.proceed.set()

        assert ran.code == 130
        assert spent_s < 30  # the platform would take 60
        assert tally == Tally(made=1, waiting=1)
        assert signal.getsignal(signal.SIGINT) is before
