"""What a reviewer sees, and what a browser does with hostile records: Label Studio's own page in Chromium.

Screenshots are left in pytest's temporary folder (`pytest --basetemp=FOLDER` chooses it). After an upgrade of Label
Studio these tests tell whether the presets' style sheet still fits its page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from servers.label_studio import LabelStudioServer, Stage
from servers.label_studio_page import Browser, browse
from servers.markup import ELSEWHERE, RAN, hostile_record
from servers.patience import until_on, until_within

from spanlabel.model import Document, Message, Record, Text
from spanlabel.platforms.label_studio.reader import read_answers
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration

PRESETS = ["review", "prompt", "chat", "preference", "custom"]
OWN = (
    '<View><Header value="$prompt"/><Header value="$model"/><Text name="p" value="$question"/>'
    '<Paragraphs name="talk" value="$messages"/><Paragraphs name="docs" value="$documents" layout="dialogue"/>'
    '<Text name="a" value="$answer"/><Text name="s" value="$system"/><Text name="d" value="$details"/>'
    '<Rating name="r" toName="a"/></View>'
)

ANSWER = """You can stop a third charge before you retry:

1. Cancel the retry job of batch 48213 under Payouts > Scheduled.
2. Refund the three duplicates; the refund button is on each transaction's page.
3. Start the batch again with a new idempotency key:

    client.payouts.retry(batch_id=48213, idempotency_key=uuid4())

You know that nobody is charged again when the batch report shows "duplicates: 0". If it does not within 10 minutes, \
reply here and I will open a ticket with the payments team."""
OTHER_ANSWER = """Please contact support. The batch probably failed because of a time-out, so try again later and it \
might work.

Sometimes it also helps to clear the cache."""
QUESTION = "Batch 48213, EU region. What do we do now, and how do we know that nobody is charged a third time?"


@pytest.fixture(scope="module")
def browser(label_studio: LabelStudioServer) -> Iterator[Browser]:
    pytest.importorskip("playwright", reason="the browser tests need playwright")
    with browse(label_studio) as browser:
        yield browser


def _realistic() -> Record:
    base = make_record(
        7,
        prompt=QUESTION,
        answer=ANSWER,
        conversation="ticket-9921",
        service="support-assistant",
        model="gpt-4o-2024-11-20",
    )
    rules = "You are the support assistant of Acme Payments. Answer only from the handbook. Be brief and concrete."
    return replace(
        base,
        messages=(
            Message("system", (Text(rules),)),
            Message(
                "user", (Text("Hi, our nightly payout batch failed again and some customers were charged twice."),)
            ),
            Message("assistant", (Text("I am sorry about that. Can you tell me the batch number and the region?"),)),
            Message("user", (Text(QUESTION),)),
        ),
        metadata={**base.metadata, "skipped_steps": 5, "latency_ms": 4_210, "tags": ("eu", "payments")},
        documents=(
            Document("A key may be used once; a second request with it is refused with 409.", "handbook/keys", 0.91),
            Document("Refunds are made on the page of the transaction.", "handbook/refunds", 0.77),
        ),
    )


def _open(stage: Stage, browser: Browser, preset: str, record: Record, *, unfold: bool = False) -> None:
    own = {"label_config": OWN} if preset == "custom" else {}
    stage.open(preset=preset, **own).write([record], timeout_s=60)
    browser.elsewhere.clear()
    browser.open_task(stage.project_ids()[0], unfold=unfold)


class TestHostile:
    @pytest.mark.parametrize("preset", PRESETS)
    def test_every_preset(self, stage: Stage, browser: Browser, tmp_path: Path, preset: str) -> None:
        """
        A record full of markup is shown as it is: nothing of it runs, and nothing is fetched.
        """
        _open(stage, browser, preset, hostile_record(), unfold=True)
        self._until_shown(browser)
        browser.page.screenshot(path=tmp_path / f"hostile-{preset}.png", full_page=True)

        self._check_harmless(browser)

    def test_while_it_is_edited(self, stage: Stage, browser: Browser, tmp_path: Path) -> None:
        """
        The same while a reviewer edits such an answer.
        """
        _open(stage, browser, "prompt", hostile_record())
        browser.page.locator("[data-testid=htx-textbox-edit-button]").first.click()
        browser.page.keyboard.type(" ")
        browser.page.screenshot(path=tmp_path / "hostile-edited.png")

        self._check_harmless(browser)

    @pytest.mark.parametrize("preset", PRESETS)
    def test_the_list_of_tasks(self, stage: Stage, browser: Browser, tmp_path: Path, preset: str) -> None:
        """
        The same in the table in which a project's tasks are listed.
        """
        _open(stage, browser, preset, hostile_record())
        page = browser.page
        page.goto(f"{stage.server.url}/projects/{stage.project_ids()[0]}/data", wait_until="domcontentloaded")
        page.locator("text=probe.invalid").first.wait_for(state="attached")
        page.wait_for_timeout(1_000)
        page.screenshot(path=tmp_path / f"hostile-list-{preset}.png")

        self._check_harmless(browser)

    @staticmethod
    def _until_shown(browser: Browser) -> None:
        page = browser.page
        until_on(page, lambda: "<script>" in page.inner_text("body"), "the markup is not there, so nothing was tried")

    @staticmethod
    def _check_harmless(browser: Browser) -> None:
        page = browser.page
        TestHostile._until_shown(browser)
        page.wait_for_timeout(500)
        assert page.evaluate(RAN) is None
        assert browser.said == []
        assert [url for url in browser.elsewhere if ELSEWHERE in url] == []


def _submit(browser: Browser) -> None:
    """Click the button, and wait for the server's word on the annotation."""
    page = browser.page
    with page.expect_response(lambda one: one.request.method == "POST" and "/annotations" in one.url) as submitted:
        page.locator("[data-testid=bottombar-submit-button]").last.click()
    assert submitted.value.ok


class TestReviewer:
    @pytest.mark.parametrize("preset", ["review", "prompt", "chat", "preference"])
    def test_sees_at_once(self, stage: Stage, browser: Browser, tmp_path: Path, preset: str) -> None:
        """
        Question, answer and what to do are on the first screen, without scrolling; the rest is folded away.
        """
        record = _realistic()
        answers = (ANSWER, OTHER_ANSWER) if preset == "preference" else (ANSWER,)
        _open(stage, browser, preset, replace(record, answers=answers))
        page = browser.page
        page.screenshot(path=tmp_path / f"label-studio-{preset}.png")

        told = {
            "review": ["What was asked", "What was answered", "Your judgement", "How good is the answer?", "Verdict"],
            "prompt": ["What was asked", "correct it with the pencil", "How good was the answer as it came?"],
            "chat": ["What was asked", "correct it with the pencil", "How good was the answer as it came?"],
            "preference": ["What was asked", "Answer A", "Answer B", "Which answer is better?", "Why?"],
        }[preset]
        for text in (QUESTION, "client.payouts.retry", *told):
            until_within(page, text, 800)
        assert not page.locator("text=gpt-4o-2024-11-20").first.is_visible()
        heading = page.locator("text=What was asked")
        size = "one => getComputedStyle(one).fontSize"
        until_on(page, lambda: heading.evaluate(size) == "16px", "the style sheet reaches the page")

    def test_answers_in_the_browser(self, stage: Stage, browser: Browser) -> None:
        """
        What a reviewer clicks, types and submits is what is read back; nothing is answered beforehand.
        """
        _open(stage, browser, "review", make_record(1))
        page = browser.page
        assert page.locator(".ant-rate-star-full").count() == 0

        page.locator(".ant-rate-star").nth(3).click()
        page.keyboard.press("b")
        page.locator(".ant-checkbox-wrapper-checked:has(input[name=bad])").wait_for()
        page.locator("textarea[name=correction]").fill("<b>The better answer</b>")
        _submit(browser)

        [answered] = read_answers(stage.settings())
        assert answered.values == {"rating": 4, "verdict": "bad", "correction": "<b>The better answer</b>"}

    def test_edits_the_answer_in_the_browser(self, stage: Stage, browser: Browser) -> None:
        """
        In the handler's presets the answer that a reviewer corrects is what is read back.
        """
        _open(stage, browser, "prompt", make_record(1))
        page = browser.page
        page.locator("[data-testid=htx-textbox-edit-button]").first.click()
        page.keyboard.press("End")
        page.keyboard.type(", corrected")
        page.locator("text=How good was the answer").click()
        _submit(browser)

        [answered] = read_answers(stage.settings(preset="prompt"))
        assert answered.values == {"response": "answer 1, corrected"}
