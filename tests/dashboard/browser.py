"""A browser without a screen, and what it has to complain about."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it states none
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Generator

    from playwright.sync_api import ConsoleMessage, Page, Request

__all__ = ["DESKTOP", "PHONE", "Visitor", "chromium", "visiting"]

DESKTOP: Final = (1440, 900)
PHONE: Final = (390, 844)

chromium: Final = Path("/usr/bin/chromium")
"""The browser of the system; the package's own would be downloaded."""

_ARGUMENTS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

_LOOK_EVERYWHERE: Final = """async () => {
    const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const before = scrollY;
    for (let top = 0; top < document.documentElement.scrollHeight; top += innerHeight / 2) {
        scrollTo(0, top);
        await drawn();
        await drawn();
    }
    scrollTo(0, before);
}"""


@dataclass
class Visitor:
    """Somebody who looks at the dashboard.

    Attributes:
        page: What they see.
        url: Address of the dashboard, without a slash at the end.
        complaints: What the browser's console and the pages themselves complained about.
        elsewhere: Addresses of other origins that were asked for.
        asked: Paths and queries of the API that were asked for.
    """

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list[str])
    elsewhere: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])

    def go(self, path: str, size: tuple[int, int] = DESKTOP, theme: str = "light") -> Page:
        """Open a page and wait until it has its figures."""
        self.look(size, theme)
        self.page.goto(self.url + path)
        self.wait()
        return self.page

    def look(self, size: tuple[int, int], theme: str) -> None:
        """Look at it through a window of this size, on a system of this theme."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")

    def wait(self) -> None:
        """Wait until nothing is on its way any more, what comes into view further down included."""
        expect(self.page.locator("main h1").first).to_be_visible()
        self.page.evaluate(_LOOK_EVERYWHERE)
        expect(self.page.locator(".skeleton")).to_have_count(0)
        expect(self.page.locator(".stale")).to_have_count(0)

    def violations(self) -> str:
        """What a checker of accessibility finds on the page; empty if nothing."""
        found = Axe().run(self.page)
        return found.generate_report() if found.violations_count else ""

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def hear(self, message: ConsoleMessage) -> None:
        """Note what the console says."""
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def see(self, request: Request) -> None:
        """Note where requests go."""
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and f"{parts.scheme}://{parts.netloc}" != self.url:
            self.elsewhere.append(request.url)
        if parts.path.startswith("/api/"):
            self.asked.append(request.url.removeprefix(self.url))


@contextmanager
def visiting(url: str) -> Generator[Visitor]:
    """A new browser on a dashboard, skipped without one unless ``SPANLEDGER_REQUIRE_CHROMIUM=1`` asks for it."""
    if not chromium.exists():
        reason = f"{chromium} is missing; install the package chromium"
        if os.environ.get("SPANLEDGER_REQUIRE_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium, args=_ARGUMENTS, locale="en-GB", timezone_id="UTC"
        )
        visitor = Visitor(context.pages[0], url)
        context.on("console", visitor.hear)
        context.on("weberror", lambda error: visitor.complaints.append(str(error.error)))
        context.on("request", visitor.see)
        yield visitor
        context.close()
