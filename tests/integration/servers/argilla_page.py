"""Argilla's web page in a real browser: Chromium of the distribution, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servers.argilla import OWNER, PASSWORD, ArgillaServer
from servers.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page, Route

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


@dataclass(slots=True)
class Browser:
    """A page that is signed in.

    Attributes:
        page: Playwright's page.
        server: Whose.
        elsewhere: Addresses outside the server that the page asked for; none of them was reached.
        said: Text of dialogs that opened.
    """

    page: Page
    server: ArgillaServer
    elsewhere: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open_dataset(self, name: str) -> None:
        """Go to where a dataset is annotated, and wait until its first record is there."""
        where = f"{self.server.url}/dataset/{self.server.dataset_id(name)}/annotation-mode"
        self.page.goto(where, wait_until="domcontentloaded")
        self.page.wait_for_selector("button.button--submit")
        self.page.wait_for_timeout(1_500)  # what comes in after the first paint: guidelines, pictures, late scripts

    def watch(self) -> None:
        """Let nothing out of the server's address, and note what wants out."""

        def pass_or_note(route: Route) -> None:
            if route.request.url.startswith((self.server.url, "data:", "blob:")):
                route.continue_()
            else:
                self.elsewhere.append(route.request.url)
                route.abort()

        def note(dialog: Dialog) -> None:
            self.said.append(dialog.message)
            dialog.dismiss()

        self.page.context.route("**/*", pass_or_note)
        self.page.on("dialog", note)


@contextlib.contextmanager
def browse(server: ArgillaServer, *, width: int = 1500, height: int = 950) -> Iterator[Browser]:
    """Sign in as the owner.

    Raises:
        RuntimeError: There is no Chromium on this machine.
    """
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise RuntimeError("the browser tests need Chromium; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE_S * 1_000)
        browser = Browser(page, server)
        browser.watch()
        page.goto(f"{server.url}/sign-in", wait_until="domcontentloaded")
        page.fill("input[type=text]", OWNER)
        page.fill("input[type=password]", PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("text=Your datasets")
        yield browser
        chromium.close()
