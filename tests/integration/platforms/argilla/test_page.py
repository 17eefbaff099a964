"""What a reviewer sees, and what a browser does with hostile records: Argilla's own page in Chromium.

Screenshots are left in pytest's temporary folder (`pytest --basetemp=FOLDER` chooses it).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from servers.argilla import ArgillaServer, Stage
from servers.argilla_page import Browser, browse
from servers.patience import until_on, until_within
from servers.pictured import ANSWER, OTHER_ANSWER, QUESTION, help_desk

from spanlabel.model import Document, Evaluation, Media, Message, Record, Text, ToolCall, ToolResult
from spanlabel.platforms.argilla.presets import preset_of
from spanlabel.platforms.argilla.reader import read_answers
from spanlabel.testing import make_record

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Response

pytestmark = pytest.mark.integration

PRESETS = ["review", "langchain", "llama-index", "distilabel-text-generation", "distilabel-preference"]
RUN = "window.spanlabelRan=1"
ELSEWHERE = "probe.invalid"


@pytest.fixture(scope="module")
def browser(argilla: ArgillaServer) -> Iterator[Browser]:
    pytest.importorskip("playwright", reason="the browser tests need playwright")
    with browse(argilla, height=3_000) as browser:
        yield browser


def _markup() -> str:
    """Every way to write markup that we could think of; each address is used once."""
    numbers = itertools.count(1)

    def there() -> str:
        return f"https://{ELSEWHERE}/{next(numbers)}"

    return "\n\n".join(
        [
            f"<script>{RUN}</script>",
            f"<img src=x onerror='{RUN}'> <img src='{there()}'> <IMG SRC={there()}>",
            f"<svg onload='{RUN}'><image href='{there()}'/></svg>",
            f"![a]({there()}) ![b][r] [![c]({there()})]({there()}) \\![d]({there()})",
            f"[r]: {there()}",
            f"<iframe src='{there()}' srcdoc='<script>parent.{RUN}</script>'></iframe>",
            f"<link rel=stylesheet href='{there()}'><style>@import url({there()});</style>",
            f"<div style='background:url({there()})'>x</div>",
            f"<video src='{there()}' poster='{there()}' autoplay onerror='{RUN}'></video><audio src='{there()}' />",
            f"<object data='{there()}'></object><embed src='{there()}'><base href='{there()}'>",
            f"<details open ontoggle='{RUN}'>d</details><input autofocus onfocus='{RUN}'>",
            f"[click](javascript:{RUN}) <a href='javascript:{RUN}'>a</a> <javascript:{RUN}>",
            f"{{{{ constructor.constructor('{RUN}')() }}}} ${{{RUN}}}",
            f"<math><mtext></mtext><mglyph><style><img src=x onerror={RUN}>",
            f"$$\\href{{javascript:{RUN}}}{{x}} \\includegraphics{{{there()}}}$$",
            f"```html\n<img src='{there()}' onerror='{RUN}'>\n```",
            f"`<img src='{there()}'>` &lt;img src='{there()}' onerror='{RUN}'&gt; \\<img src='{there()}'>",
            f"<\N{WORD JOINER}img src='{there()}' onerror='{RUN}'> !\N{WORD JOINER}[x]({there()})",
            f"\"><img src='{there()}' onerror={RUN}> ' onmouseover='{RUN}",
            f"<form action='{there()}'><button autofocus onfocus='{RUN}'>b</button></form>",
            f"<meta http-equiv=refresh content='0;url={there()}'>",
            f"<p><img\nsrc='{there()}'\n>",
            f"| <img src={there()}> | b |\n|---|---|\n| ![a]({there()}) | c |",
        ]
    )


def _hostile() -> Record:
    """Markup in everything that a record may hold."""
    text = _markup()
    names = ["quality", "verdict", "feedback", "correction", "response-rating", "response-feedback"]
    names += ["generations-0-rating", "generations-0-rationale"]
    return replace(
        make_record(1, prompt=text, answer=text),
        answers=(text, text),
        messages=(
            Message("system", (Text(text),)),
            Message("<img src=x onerror=a>", (Text(text), Media("<img src=x>", None, text))),
            Message("assistant", (ToolCall(text, {text: text}, "1"),)),
            Message("tool", (ToolResult(text, "1"),)),
            Message("user", (Text(text),)),
        ),
        documents=(Document(text, score=0.5), Document(text)),
        metadata={"model": text, "service": text, "conversation_id": text, "trace_id": text, "tags": (text,)},
        suggestions=tuple(Evaluation(name, 4.0, "good", text, source=text) for name in names),
    )


def _shows_markup(browser: Browser) -> bool:
    return "<script>" in browser.page.inner_text("body").replace("\N{WORD JOINER}", "")


def _clicked(links: Locator, n: int) -> bool:
    """Whether one of the links is clicked, or not there any more: Argilla may draw the page again with fewer."""
    from playwright.sync_api import TimeoutError as TooLate

    with contextlib.suppress(TooLate):
        if n < links.count():
            links.nth(n).click(modifiers=["Control"], timeout=5_000)
        return True
    return False


def _check_harmless(browser: Browser, stage: Stage, screenshot: Path) -> None:
    browser.elsewhere.clear()
    browser.open_dataset(stage.name)
    page = browser.page
    until_on(page, lambda: _shows_markup(browser), "the markup is not on the page, so nothing was tried")
    page.screenshot(path=screenshot)
    links = page.locator("a", has_text="click")
    for n in range(links.count()):
        until_on(page, lambda n=n: _clicked(links, n), f"link {n} can be clicked")
    page.wait_for_timeout(500)
    assert page.evaluate("window.spanlabelRan") is None
    assert browser.said == []
    assert [url for url in browser.elsewhere if ELSEWHERE in url] == []


class TestHostile:
    @pytest.mark.parametrize("preset", PRESETS)
    def test_every_preset(self, stage: Stage, browser: Browser, tmp_path: Path, preset: str) -> None:
        """
        A record full of markup is shown as it is: nothing of it runs, and nothing is fetched.
        """
        stage.open(preset=preset).write([_hostile()], timeout_s=60)

        _check_harmless(browser, stage, tmp_path / f"hostile-{preset}.png")

    @pytest.mark.parametrize("is_markdown", [True, False], ids=["markdown everywhere", "markdown nowhere"])
    def test_somebody_elses_dataset(self, stage: Stage, browser: Browser, tmp_path: Path, is_markdown: bool) -> None:
        """
        The same in a dataset that its owner made in another way.
        """
        preset = preset_of("review")
        fields = [one.body() for one in preset.fields]
        questions = [one.body() for one in preset.questions]
        for part in (*fields, *questions):
            if "use_markdown" in part["settings"]:
                part["settings"]["use_markdown"] = is_markdown
        properties = [one.body() for one in preset.properties]
        parts = {"fields": fields, "questions": questions, "metadata-properties": properties}
        dataset_id = stage.server.make_dataset(stage.name, parts)
        stage.server.call("PUT", f"/datasets/{dataset_id}/publish")
        stage.open().write([_hostile()], timeout_s=60)

        _check_harmless(browser, stage, tmp_path / "hostile-own.png")

    def test_filters(self, stage: Stage, browser: Browser, tmp_path: Path) -> None:
        """
        The same where a reviewer opens the filters, which show what records hold.
        """
        stage.open().write([_hostile()], timeout_s=60)
        browser.open_dataset(stage.name)
        page = browser.page
        page.get_by_text("Filters", exact=True).first.click()
        page.get_by_text("Metadata", exact=True).first.click()
        page.get_by_text("Model", exact=True).first.click()
        page.wait_for_timeout(1_000)
        until_on(page, lambda: _shows_markup(browser), "the markup is not on the page, so nothing was tried")
        page.screenshot(path=tmp_path / "hostile-filters.png")

        assert page.evaluate("window.spanlabelRan") is None
        assert [url for url in browser.elsewhere if ELSEWHERE in url] == []


SEEN = {
    "review": [
        "What was asked",
        "The answer to judge",
        "How good is the answer?",
        "Should an answer like this go out?",
    ],
    "langchain": ["The question", "The answer to judge", "How would you rate the quality of the response?"],
    "llama-index": [
        "its last message is the answer to judge",
        "How good is the answer?",
        "How much does document 1 help?",
    ],
    "distilabel-text-generation": ["The question", "The answer to judge", "Is this a good answer to the question?"],
    "distilabel-preference": ["The question", "Answer A", "Answer B", "How good is answer A?", "How good is answer B?"],
}
"""What tells a reviewer what is what, by preset."""


def _is_answer(response: Response) -> bool:
    """Whether it is the server's word on what a reviewer submitted."""
    return response.request.method in {"POST", "PUT"} and "/responses" in response.url


class TestReviewer:
    @pytest.mark.parametrize("preset", PRESETS)
    def test_sees_at_once(self, stage: Stage, browser: Browser, preset: str) -> None:
        """
        Question, answer, what they are and what to do are on the first screen, without scrolling; what to do is told
        at length one click away.
        """
        answers = (ANSWER, OTHER_ANSWER) if preset == "distilabel-preference" else (ANSWER,)
        stage.open(preset=preset).write([help_desk(answers=answers)], timeout_s=60)
        page = browser.page
        page.set_viewport_size({"width": 1400, "height": 960})
        try:
            browser.open_dataset(stage.name)
            for text in (QUESTION, "Send it back within 30 days", *SEEN[preset]):
                until_within(page, text, 880)
            page.get_by_text("Guidelines").first.click()
            page.get_by_text("What to do").wait_for()
        finally:
            page.set_viewport_size({"width": 1500, "height": 3_000})

    def test_answers_in_the_browser(self, stage: Stage, browser: Browser) -> None:
        """
        What a reviewer clicks, types and submits is what is read back; no question is answered beforehand.
        """
        stage.open().write([make_record(1)], timeout_s=60)
        browser.open_dataset(stage.name)
        page = browser.page
        assert page.locator("button.button--submit").is_disabled()

        page.locator("label[for=quality_4]").click()
        page.get_by_text("Bad, do not").click()
        page.get_by_text("Something is missing").click()
        page.locator("[aria-label='Question: correction'] [role=textbox]").click()
        page.keyboard.type("<b>The better answer</b>")
        with page.expect_response(_is_answer) as submitted:
            page.locator("button.button--submit").click()

        assert submitted.value.ok
        [answer] = read_answers(stage.settings())
        assert (answer.record_id, answer.status) == (make_record(1).id, "submitted")
        assert answer.values == {
            "quality": 4,
            "verdict": "bad",
            "issues": ["incomplete"],
            "correction": "<b>The better answer</b>",
        }
