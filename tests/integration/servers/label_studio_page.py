"""Label Studio's web page in a real browser: Chromium of the distribution, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servers.label_studio import PASSWORD, USER, LabelStudioServer
from servers.patience import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

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
    server: LabelStudioServer
    elsewhere: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open_task(self, project: int, *, unfold: bool = False) -> None:
        """Go to where a project's tasks are labelled one after the other, and wait until the first is there.

        Args:
            project: Number of the project.
            unfold: Also open what is folded away.
        """
        self.page.goto(f"{self.server.url}/projects/{project}/data?labeling=1", wait_until="domcontentloaded")
        self.page.wait_for_selector("[data-testid=bottombar-submit-button]")
        self.page.wait_for_timeout(1_000)  # what comes in after the first paint
        if unfold:
            for header in self.page.locator(".ant-collapse-header").all():
                header.click()
            self.page.wait_for_timeout(500)

    def open_list(self, project: int) -> None:
        """Go to the table of a project's tasks, and wait until it is there."""
        self.page.goto(f"{self.server.url}/projects/{project}/data", wait_until="domcontentloaded")
        self.page.wait_for_selector(".dm-table__row, [class*=table__row]", state="attached")
        self.page.wait_for_timeout(1_500)

    def _route(self, route: Route) -> None:
        if route.request.url.startswith((self.server.url, "data:", "blob:")):
            route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()


@contextlib.contextmanager
def browse(server: LabelStudioServer, *, width: int = 1600, height: int = 950) -> Iterator[Browser]:
    """Sign in as the server's user.

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
        page.route("**/*", lambda route: browser._route(route))  # noqa: PLW0108  Playwright marks what it is given
        page.on("dialog", lambda dialog: (browser.said.append(dialog.message), dialog.dismiss()))
        page.goto(f"{server.url}/user/login", wait_until="domcontentloaded")
        page.fill("input[name=email]", USER)
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_selector("text=Welcome")
        yield browser
        chromium.close()
