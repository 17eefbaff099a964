from __future__ import annotations

import io
import threading
from pathlib import Path

from rich.console import Console

from spanlabel.cli._progress import Bar, reading


def screen(*, is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=80)


def shown_by(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def _wait_for(bar: Bar) -> None:
    """Until the bar has appeared, where it can."""
    if bar._timer.is_alive():
        bar._timer.join()


def play(screen: Console, *, delay_s: float, files: list[Path]) -> str:
    """A command that takes longer than *delay_s*; what was on the screen before it ended."""
    with Bar(screen, delay_s=delay_s) as bar:
        advance = reading(bar, files)
        if delay_s == 0:
            _wait_for(bar)
        advance(4)
        bar._progress.refresh()
        return shown_by(screen)


def test_what_takes_longer_shows_a_bar(tmp_path: Path) -> None:
    """
    After the delay there is a bar that says what is done and how far it is; it is gone at the end.
    """
    file = tmp_path / "file"
    file.write_bytes(b"x" * 8)
    terminal = screen(is_terminal=True)

    during = play(terminal, delay_s=0, files=[file])

    assert "reading" in during
    assert "50 %" in during
    assert shown_by(terminal).endswith("\x1b[2K")


def test_what_is_quick_shows_none(tmp_path: Path) -> None:
    """
    What is done before the delay leaves the screen as it was, and no thread behind.
    """
    terminal = screen(is_terminal=True)
    before = set(threading.enumerate())

    play(terminal, delay_s=60, files=[tmp_path / "gone"])

    assert shown_by(terminal) == ""
    assert set(threading.enumerate()) <= before


def test_a_pipe_shows_none(tmp_path: Path) -> None:
    """
    Where nobody looks there is no bar.
    """
    pipe = screen(is_terminal=False)

    play(pipe, delay_s=0, files=[tmp_path])

    assert shown_by(pipe) == ""


def test_after_the_last_byte(tmp_path: Path) -> None:
    """
    When all is read the bar says that pairs are sought.
    """
    file = tmp_path / "file"
    file.write_bytes(b"x" * 4)

    assert "pairing" in play(screen(is_terminal=True), delay_s=0, files=[file])


def test_where_both_ends_move() -> None:
    """
    Where more comes while some is done, the bar shows the share that is done of what is known by then.
    """
    terminal = screen(is_terminal=True)
    with Bar(terminal, delay_s=0) as bar:
        bar.begin("delivering", 10)
        _wait_for(bar)
        bar.show(5, 15)
        bar._progress.refresh()
        during = shown_by(terminal)

    assert "delivering" in during
    assert "25 %" in during
