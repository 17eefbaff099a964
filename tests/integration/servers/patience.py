"""How long a test waits for a server, a process or a page: so long that only a broken promise fails it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE_S = 180.0
"""A machine that builds three things at once is slow, and no test is about that. Seconds."""


def until(is_so: Callable[[], bool], what: str, *, pause: Callable[[float], object] = time.sleep) -> None:
    """Wait for something.

    Args:
        is_so: Asked again and again.
        what: Said where it does not come to be.
        pause: Waits for a number of seconds.

    Raises:
        AssertionError: It has not come to be in `PATIENCE_S`.
    """
    end_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end_s, f"not within {PATIENCE_S:.0f} s: {what}"
        pause(0.1)


def until_on(page: Page, is_so: Callable[[], bool], what: str) -> None:
    """The same for what is on a page; while it waits, the page's requests are let through.

    Raises:
        AssertionError: It has not come to be in `PATIENCE_S`.
    """
    until(is_so, what, pause=lambda seconds: page.wait_for_timeout(seconds * 1_000))


def until_within(page: Page, text: str, bottom: float) -> None:
    """Wait until a text, where it is last on a page, lies within the page's first *bottom* pixels.

    Raises:
        AssertionError: It has not come to be in `PATIENCE_S`.
    """
    seen: list[float] = []

    def is_there() -> bool:
        box = page.get_by_text(text).last.bounding_box()
        seen[:] = [] if box is None else [box["y"]]
        return box is not None and 0 < box["y"] < bottom

    try:
        until_on(page, is_there, "")
    except AssertionError:
        raise AssertionError(f"{text!r} is {seen} pixels down, which is not above {bottom}") from None
