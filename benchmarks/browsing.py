"""A service of this tree and a Chromium to look at its page with."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import sync_playwright

from benchmarks.running import end, free_port
from benchmarks.samples import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

START_SECONDS = 180
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-precise-memory-info",
]  # fmt: skip


class NotStarted(Exception):
    """The service ended, or was not ready in time; or there is no Chromium."""


@contextmanager
def service() -> Iterator[str]:
    """The URL of a service with an empty store, ready to compute, for the length of the block."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [ROOT / ".venv/bin/layerscope", "serve", "--port", str(port), "--data-dir", folder]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, f"{url}/readyz")
            yield url
        finally:
            end(process)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    last = time.monotonic() + START_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > last:
            raise NotStarted(f"{url} does not answer")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium with a new profile."""
    path = shutil.which("chromium")
    if path is None:
        raise NotStarted("Chromium is missing: run scripts/browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
