import io
from pathlib import Path

import pytest
from rich.console import Console

from spanlabel.demo.screen import Screen
from spanlabel.model import Record

BLACK = "\x1b[30m"
PLACE = Path("/a/very/long/path" * 9)


def shown(records: list[Record], *, width: int) -> str:
    """What the table of these records and the summary look like on a page of this width."""
    page = io.StringIO()
    screen = Screen(Console(file=page, width=width), lambda text: text.replace("\x1b", "?"))
    screen.table(records)
    screen.close(calls=7, records=records, spans=9, exported=8, place=PLACE)
    return page.getvalue()


def record(prompt: str, *answers: str, **metadata: str | int) -> Record:
    return Record(f"id-{len(prompt)}", "0" * 32, prompt, answers[0], answers, (), metadata)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_text_is_cut(width: int) -> None:
    """
    Texts that are longer than the page is wide are wrapped, and every word stays.
    """
    words = [f"word{k}" for k in range(300)]

    page = shown([record(" ".join(words[:150]), " ".join(words[150:]))], width=width)

    assert set(words) <= set(page.split())


def test_what_one_may_copy_stays_on_one_line() -> None:
    """
    The path and the commands are not broken into lines, however narrow the page is.
    """
    page = shown([record("Short?", "Yes."), record("Longest", "Way.", skipped_steps=2)], width=40)

    assert f"Stored in {PLACE} under" in page
    assert "\n  spanlabel records list --service spanlabel-demo\n" in page
    assert "\n  spanlabel records show id-7\n" in page


def test_markup_is_text() -> None:
    """
    Brackets in a text are no styles, and choices are numbered.
    """
    page = shown([record("[bold]What?", "[red]This.", "[/]That.")], width=120)

    assert "[bold]What?" in page
    assert "1. [red]This." in page
    assert "2. [/]That." in page


def test_a_model_cannot_paint_the_screen() -> None:
    """
    What a model wrote, and what a provider calls it, goes through the given filter.
    """
    page = shown([record(BLACK + "a", BLACK + "b", BLACK + "c", model=BLACK + "d")], width=120)

    assert "\x1b" not in page
    assert page.count("?[30m") == 4


def test_nothing_found_is_nothing_to_try() -> None:
    """
    Without a record the summary says so, and proposes no command that would show nothing.
    """
    page = shown([], width=120)

    assert "7 calls of the provider → 0 records to review." in page
    assert "delivered 8 of 9 spans" in page
    assert "Try next" not in page
