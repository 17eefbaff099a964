from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.delivery import Outbox, Tally
from spanlabel.delivery.lock import DeliveryLock
from spanlabel.platforms.local import LocalStore
from spanlabel.testing import make_record

from .conftest import Ran

Run = Callable[..., Ran]


def filled(
    home: Path, *, dead: int = 0, waiting: int = 0, error: str = "it is too long", name: str = "local"
) -> Outbox:
    """An outbox as an application leaves it."""
    outbox = Outbox(home / "outbox.db", max_bytes=1 << 24)
    outbox.put([make_record(n) for n in range(dead)], [name], now_s=1.0)
    if dead:
        outbox.dead(name, outbox.lease(name, dead, now_s=2.0), error, now_s=3.0)
    outbox.put([make_record(100 + n) for n in range(waiting)], [name], now_s=4.0)
    outbox.close()
    return outbox


@pytest.mark.parametrize("command", [["status"], ["retry"], ["purge"], ["show", "1"]])
def test_nothing_was_ever_sent(spanlabel: Run, home: Path, command: list[str]) -> None:
    """
    Where no outbox is, that is said, and none is made by looking.
    """
    ran = spanlabel("outbox", *command)

    assert ran.code == (1 if command[0] == "show" else 0)
    assert ran.err == f"Nothing was ever put into {home / 'outbox.db'}.\n"
    assert not (home / "outbox.db").exists()


class TestStatus:
    def test_sums_and_reasons(self, spanlabel: Run, home: Path) -> None:
        """
        The status adds up; a refused record stands there with the platform's words, and what to do about it.
        """
        filled(home, dead=1, waiting=2)

        ran = spanlabel("outbox", "status")

        assert ran.code == 0
        first, waiting, refused, room, advice = ran.out.splitlines()
        assert first == "local: 2 waiting, 0 delivered, 1 refused, 0 superseded, 0 dropped, of 3 made"
        assert waiting.startswith("  waiting, ")
        assert waiting.endswith(": due")
        assert refused == f"  refused {make_record(0).id}: it is too long"
        assert room.endswith("of 512.0 MiB used")
        assert "outbox show ID" in advice

    def test_why_records_wait(self, spanlabel: Run, home: Path) -> None:
        """
        Of what waits it is said how often it was tried, when again, and what the platform said.
        """
        outbox = filled(home, waiting=1)
        now_s = time.time()
        leased = outbox.lease("local", 1, now_s=now_s)
        outbox.try_later("local", leased, "no such host", next_attempt_s=now_s + 3_000.5, now_s=now_s)
        outbox.close()

        out = spanlabel("outbox", "status").out

        assert ": next try in 50 min 0 s after 1 try: no such host" in out or "49 min 5" in out

    def test_many_refused_for_one_reason(self, spanlabel: Run, home: Path) -> None:
        """
        A reason that fits many is said once; --all lists each of them.
        """
        filled(home, dead=30)

        short, long = spanlabel("outbox", "status").out, spanlabel("outbox", "status", "local", "--all").out

        assert f"  refused {make_record(29).id} and 29 others: it is too long" in short
        assert short.count("it is too long") == 1
        assert long.count("it is too long") == 30

    def test_a_destination_that_is_not_set_any_more(self, spanlabel: Run, home: Path) -> None:
        """
        Records that wait for a name that no destination has are noticed.
        """
        filled(home, waiting=1, name="old-name")

        assert "no destination has this name now: nobody sends them" in spanlabel("outbox", "status").out

    def test_a_destination_of_another_process(self, spanlabel: Run, home: Path) -> None:
        """
        What a running `spanlabel serve --platform` sends is not called forgotten by a command that knows nothing of it.
        """
        filled(home, waiting=1, name="argilla")
        lock = DeliveryLock(home / "outbox.db", "argilla")
        assert lock.acquire()
        try:
            said = spanlabel("outbox", "status").out
        finally:
            lock.release()

        assert "a process that runs, such as spanlabel serve --platform, sends them" in said
        assert "nobody" not in said

    def test_unknown_name(self, spanlabel: Run, home: Path) -> None:
        """
        A mistyped name is said with the nearest one.
        """
        filled(home, waiting=1)

        ran = spanlabel("outbox", "status", "locla")

        assert ran.code == 2
        assert "nothing was ever put for a destination 'locla'; did you mean local?" in ran.err

    def test_words_that_must_not_reach_a_terminal(
        self, spanlabel: Run, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        What a platform says can neither move the cursor nor show a key, in none of the commands.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "argilla")
        monkeypatch.setenv("ARGILLA_API_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("ARGILLA_API_KEY", "s3cret-key")
        filled(home, dead=1, error="s3cret-key \x1b]0;x\x07 \x00", name="argilla")

        for command in (["status"], ["status", "--all"], ["show", make_record(0).id]):
            ran = spanlabel("outbox", *command)

            assert ran.code == 0
            assert "******** \N{REPLACEMENT CHARACTER}]0;x" in ran.out
            assert not {"\x1b", "\x07", "\x00"} & set(ran.out + ran.err)
            assert "s3cret" not in ran.out + ran.err


class TestRetry:
    def test_refused_records_wait_again(self, spanlabel: Run, home: Path) -> None:
        """
        After retry --dead the refused record waits, and deliver brings it where it belongs.
        """
        filled(home, dead=1)

        again = spanlabel("outbox", "retry", "--dead")
        sent = spanlabel("deliver")

        assert again.out == "local: 0 waiting records made due, 1 refused record made to wait again\n"
        assert "local: 1 delivered, 0 waiting" in sent.out
        with LocalStore(home / "records.db") as store:
            assert store.count() == 1

    def test_waiting_records_are_due(self, spanlabel: Run, home: Path) -> None:
        """
        Without --dead what waits for its next try is tried at once, and what was refused stays as it is.
        """
        outbox = filled(home, dead=1, waiting=1)
        now_s = time.time()
        leased = outbox.lease("local", 1, now_s=now_s)
        outbox.try_later("local", leased, "in an hour", next_attempt_s=now_s + 3_600, now_s=now_s)

        ran = spanlabel("outbox", "retry")

        assert ran.out == "local: 1 waiting record made due\n"
        assert outbox.due_in_s("local", now_s=now_s) == 0.0
        assert outbox.tally("local") == Tally(made=2, waiting=1, dead=1)
        outbox.close()


class TestShow:
    def test_a_refused_record(self, spanlabel: Run, home: Path) -> None:
        """
        A refused record is shown whole, with what the platform said and when.
        """
        filled(home, dead=1)
        record = make_record(0)

        ran = spanlabel("outbox", "show", record.id[:8])

        assert ran.code == 0
        assert ran.out.startswith("local: refused after 1 try, 1970-01-01 00:00:03 UTC: it is too long\n")
        assert record.prompt in ran.out
        assert record.answer in ran.out

    def test_a_delivered_one(self, spanlabel: Run, home: Path) -> None:
        """
        Of a delivered record it is said that it was delivered.
        """
        outbox = filled(home, waiting=1)
        outbox.delivered("local", outbox.lease("local", 1, now_s=5.0), now_s=6.0)
        outbox.close()

        ran = spanlabel("outbox", "show", make_record(100).id)

        assert ran.out == "local: delivered, 1970-01-01 00:00:06 UTC\n"

    def test_each_destination(self, spanlabel: Run, home: Path) -> None:
        """
        A record has a fate for each destination, and its words are shown once.
        """
        filled(home, waiting=1)
        filled(home, waiting=1, name="other")

        out = spanlabel("outbox", "show", make_record(100).id).out

        assert out.startswith("local: waiting: due\nother: waiting: due\n")
        assert out.count(make_record(100).prompt) == 1

    def test_none_and_several(self, spanlabel: Run, home: Path) -> None:
        """
        An id that fits none or several is refused.
        """
        filled(home, waiting=40)

        assert "no record's id in the outbox begins with 'zzz'" in spanlabel("outbox", "show", "zzz").err
        assert "give more of it" in spanlabel("outbox", "show", "").err


class TestPurge:
    def test_refused_records(self, spanlabel: Run, home: Path) -> None:
        """
        Refused records are removed for good, and what waits stays; the sums go on telling that they were refused.
        """
        outbox = filled(home, dead=2, waiting=1)

        ran = spanlabel("outbox", "purge", "--yes")

        assert (ran.code, ran.out) == (0, "local: 2 refused records removed\n")
        assert outbox.dead_letters("local") == []
        assert outbox.tally("local") == Tally(made=3, waiting=1, dead=2)
        outbox.close()

    def test_waiting_records(self, spanlabel: Run, home: Path) -> None:
        """
        With --waiting those that wait are removed, and count as dropped.
        """
        outbox = filled(home, dead=1, waiting=2)

        ran = spanlabel("outbox", "purge", "local", "--waiting", "--yes")

        assert (ran.code, ran.out) == (0, "local: 2 waiting records removed\n")
        assert outbox.tally("local") == Tally(made=3, dropped=2, dead=1)
        assert len(outbox.dead_letters("local")) == 1
        outbox.close()

    def test_nobody_can_be_asked(self, spanlabel: Run, home: Path) -> None:
        """
        In a script nothing is removed without --yes.
        """
        outbox = filled(home, dead=1)

        ran = spanlabel("outbox", "purge")

        assert (ran.code, ran.out) == (2, "")
        assert "--yes" in ran.err
        assert len(outbox.dead_letters("local")) == 1
        outbox.close()

    @pytest.mark.parametrize(("said", "left"), [("y", 0), ("n", 1), ("", 1)])
    def test_a_person_is_asked(
        self, spanlabel: Run, home: Path, monkeypatch: pytest.MonkeyPatch, said: str, left: int
    ) -> None:
        """
        A person is asked first, with what would be gone, and only a yes removes it.
        """
        outbox = filled(home, dead=1)
        monkeypatch.setattr("spanlabel.cli.outbox._is_somebody_there", lambda: True)

        ran = spanlabel("outbox", "purge", stdin=f"{said}\n".encode())

        assert ran.code == left
        assert "Remove 1 refused record of local for good?" in ran.err
        assert len(outbox.dead_letters("local")) == left
        outbox.close()

    def test_nothing_to_remove(self, spanlabel: Run, home: Path) -> None:
        """
        Where there is nothing to remove nobody is asked.
        """
        filled(home, waiting=1)

        ran = spanlabel("outbox", "purge")

        assert (ran.code, ran.out) == (0, "")
        assert "There is no refused record." in ran.err
