from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spanlabel.delivery import Outbox
from spanlabel.platforms.local import LocalStore
from spanlabel.testing import make_record

from .conftest import Ran

Run = Callable[..., Ran]


def filled(home: Path, *, dead: int = 0, waiting: int = 0) -> Outbox:
    """An outbox as an application leaves it."""
    outbox = Outbox(home / "outbox.db", max_bytes=1 << 24)
    outbox.put([make_record(n) for n in range(dead)], ["local"], now_s=1.0)
    if dead:
        outbox.dead("local", outbox.lease("local", dead, now_s=2.0), "it is too long", now_s=3.0)
    outbox.put([make_record(100 + n) for n in range(waiting)], ["local"], now_s=4.0)
    outbox.close()
    return outbox


def test_nothing_was_ever_sent(spanlabel: Run, home: Path) -> None:
    """
    Where no outbox is, that is said, and none is made by looking.
    """
    ran = spanlabel("outbox", "status")

    assert ran.code == 0
    assert "Nothing was ever put into it." in ran.err
    assert not (home / "outbox.db").exists()


def test_status_counts_and_tells_why_records_were_refused(spanlabel: Run, home: Path) -> None:
    """
    The status adds up, and a refused record stands there with the platform's words.
    """
    filled(home, dead=1, waiting=2)

    ran = spanlabel("outbox", "status")

    assert ran.code == 0
    assert "local: 2 waiting, 0 delivered, 1 refused, 0 superseded, 0 dropped, of 3 made" in ran.out
    assert "it is too long" in ran.out


def test_retry_lets_refused_records_wait_again(spanlabel: Run, home: Path) -> None:
    """
    After retry the refused record waits, and deliver brings it where it belongs.
    """
    filled(home, dead=1)

    again = spanlabel("outbox", "retry")
    sent = spanlabel("deliver")

    assert "local: 1 records wait again" in again.out
    assert "local: 1 delivered, 0 waiting" in sent.out
    with LocalStore(home / "records.db") as store:
        assert store.count() == 1
