"""Fixtures for browser tests: Chromium, and pages of several origins."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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
