"""Fixtures for browser tests: Chromium, and pages of several origins."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
COMPUTED_MS = 60_000
"""A first run builds the network."""
if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.conftest import Server

ELSEWHERE = "elsewhere.example"
"""A name that the browser treats as another site, and that resolves to this machine."""
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
]  # fmt: skip
WATCH = "addEventListener('securitypolicyviolation', event => (window.violations ??= []).push(event.blockedURI))"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium with its own profile. Playwright's loop runs until the end of the module."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("Chromium is missing: run scripts/browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A new tab that records violations of the Content-Security-Policy."""
    tab = chromium.new_page()
    tab.add_init_script(WATCH)
    yield tab
    tab.close()


@pytest.fixture(scope="session")
def built() -> None:
    """The page, built of its sources where they are newer, and the packages of its tests: by one process at a time."""
    with (ROOT / ".venv/page.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([ROOT / "scripts/web"], check=True)
        subprocess.run([ROOT / "scripts/node", "true"], check=True)


@dataclass
class Visit:
    """The page `/` in a tab, with what it asked for and what went wrong in it."""

    tab: Page
    url: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and exceptions."""

    def open(self, fragment: str = "") -> None:
        """Go to the page anew, and wait until every layer is computed."""
        self.tab.goto("about:blank")
        self.tab.goto(f"{self.url}/{fragment and '#'}{fragment}")
        self.wait_computed()

    def wait_computed(self) -> None:
        """Wait until nothing is read or computed any more."""
        expect(self.tab.locator(".layers:not(.is-waiting):not(.is-stale)")).to_have_count(1, timeout=COMPUTED_MS)

    def layers(self) -> list[str]:
        """The names of the layers that are shown."""
        return self.tab.locator("section.layer h3").all_inner_texts()

    def layer(self, address: str) -> Locator:
        """The section of a layer."""
        return self.tab.locator(f'section.layer[aria-label^="{address}, "]')


@pytest.fixture
def visit(built: None, server: Server, page: Page) -> Iterator[Visit]:
    """The page of the shared server. At the end, it has asked no other host, and nothing went wrong in it."""
    found = Visit(page, server.url)
    page.on("request", lambda request: found.asked.append(request.url))
    page.on("console", lambda told: found.said.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.said.append(str(error)))
    yield found
    assert [url for url in found.asked if not url.startswith((found.url, "data:", "about:"))] == []
    assert page.evaluate("window.violations") is None
    assert found.said == []


class Quiet(SimpleHTTPRequestHandler):
    """File server without a log."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Another web server on this machine: `site("localhost")` is the URL of an empty page on it."""
    folder: Path = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<!doctype html><title>a page</title>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield lambda host: f"http://{host}:{server.server_port}/"
        server.shutdown()
        serving.join()
