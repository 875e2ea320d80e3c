"""The page in a real browser: keys, refusals, long work, a service that is busy, goes and comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
from playwright.sync_api import expect

from service.access.keys import new_key
from tests.browser.conftest import COMPUTED_MS, ROOT
from tests.conftest import answers, free_port, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Visit


def test_a_network_that_is_too_large_is_refused_with_what_would_fit(visit: Visit) -> None:
    """The page shows the service's words, and the last network stays."""
    large = {"input": [1024, 1024, 3], "layers": [{"type": "Conv2D", "filters": 4096, "kernel_size": 1}]}
    visit.open()
    visit.tab.goto(f"{visit.url}/#document={quote(json.dumps(large))}")
    expect(visit.tab.locator(".notice.wrong")).to_contain_text("bytes", timeout=COMPUTED_MS)
    assert visit.tab.locator(".notice.wrong li").count() >= 1
    visit.said.clear()  # the browser itself writes refused requests to the console


def test_a_link_to_a_network_that_is_not_there_offers_others(visit: Visit) -> None:
    """Without advice for programs, and without the lines of layers that never come."""
    visit.tab.goto(f"{visit.url}/#model=nothing")
    notice = visit.tab.locator(".notice.wrong")
    expect(notice).to_contain_text("no network of this name", timeout=COMPUTED_MS)
    expect(notice).not_to_contain_text("PUT")
    expect(visit.tab.locator(".layers")).to_have_count(0)
    notice.get_by_role("button", name="Choose a network").click()
    visit.tab.get_by_role("dialog").get_by_role("button", name="a convolution, trained on handwriting").click()
    expect(visit.layer("dense")).to_have_count(1, timeout=COMPUTED_MS)
    visit.said.clear()  # the browser itself writes refused requests to the console


def test_a_network_without_layers_draws_none(visit: Visit) -> None:
    """It says so, and does not seem to load."""
    visit.tab.goto(f"{visit.url}/#document={quote(json.dumps({'input': [28, 28, 1], 'layers': []}))}")
    expect(visit.tab.get_by_text("The network has no layers yet")).to_be_visible(timeout=COMPUTED_MS)
    expect(visit.tab.locator(".layers")).to_have_count(0)
    visit.said.clear()


def test_long_work_shows_progress_and_can_be_cancelled(visit: Visit) -> None:
    """After a moment; cancelled, the last run stays."""
    visit.open()
    visit.tab.route("**/activations", lambda _: None)  # never answered
    visit.tab.get_by_role("button", name="Digit 3", exact=True).click()
    expect(visit.tab.locator(".progress.is-on")).to_contain_text("Computing")
    visit.tab.get_by_role("button", name="Cancel").click()
    expect(visit.tab.locator(".progress.is-on")).to_have_count(0)
    expect(visit.layer("dense").locator(".column.is-first .column-name")).to_have_text("5")


def test_a_busy_service_is_waited_for(visit: Visit) -> None:
    """A 503 with Retry-After is said with its seconds, and the run is sent again."""
    busy = {"type": "about:blank", "title": "busy", "status": 503, "detail": "busy", "instance": "/", "errors": [],
            "code": "overloaded", "request_id": ""}  # fmt: skip
    visit.open()
    headers = {"Content-Type": "application/problem+json", "Retry-After": "2"}
    answer = lambda route: route.fulfill(status=503, headers=headers, body=json.dumps(busy))  # noqa: E731
    visit.tab.route("**/activations", answer, times=1)
    visit.tab.get_by_role("button", name="Digit 3", exact=True).click()
    expect(visit.tab.locator(".progress.is-on")).to_contain_text("The service is busy")
    expect(visit.layer("dense").locator(".column.is-first .column-name")).to_have_text("3")
    visit.said.clear()  # the browser itself writes refused requests to the console


def start(port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a service that wants keys, and wait until it computes."""
    variables = {"PORT": str(port), "DATA_DIR": str(folder / "store"), "KEYS": str(folder / "keys.txt")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LAYERSCOPE_")}
    environment = kept | {f"LAYERSCOPE_{name}": value for name, value in variables.items()}
    process = subprocess.Popen([sys.executable, "-m", "service.cli", "serve"], cwd=ROOT, env=environment)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        wait_until(lambda: answers(client, "/readyz"), process)
    return process


def test_weights_that_may_not_be_sent_are_said_to_be_missing(visit: Visit) -> None:
    """To one who may not register, the network is shown with weights from the seed, and says so."""
    forbidden = {"type": "about:blank", "title": "no", "status": 403, "detail": "no", "instance": "/", "errors": [],
                 "code": "forbidden", "request_id": ""}  # fmt: skip
    headers = {"Content-Type": "application/problem+json"}
    answer = lambda route: route.fulfill(status=403, headers=headers, body=json.dumps(forbidden))  # noqa: E731
    visit.tab.route("**/v1/models/example-digits", answer)
    visit.open()
    expect(visit.tab.locator(".notice.caution")).to_contain_text("follow from the seed")
    assert len(visit.layers()) == 6
    visit.said.clear()  # the browser itself writes refused requests to the console


def test_a_key_is_asked_for_and_a_killed_service_is_waited_for(built: None, page: Page, tmp_path: Path) -> None:
    """A wrong key is said, the right one goes on. Without the service the page says so, and comes back with it."""
    port = free_port()
    key, line = new_key("alice")
    (tmp_path / "keys.txt").write_text(f"{line} role=register\n")
    process = start(port, tmp_path)
    try:
        page.goto(f"http://127.0.0.1:{port}/")
        dialog = page.get_by_role("dialog", name="This service wants a key")
        dialog.get_by_label("Key").fill("lsk_wrong")
        dialog.get_by_role("button", name="Use this key").click()
        expect(dialog.get_by_text("The service does not know this key.")).to_be_visible()
        dialog.get_by_label("Key").fill(key)
        dialog.get_by_role("button", name="Use this key").click()
        first = page.locator('section.layer[aria-label^="dense"] .column.is-first .column-name')
        expect(first).to_have_text("5", timeout=COMPUTED_MS)
        process.send_signal(signal.SIGKILL)
        process.wait()
        page.get_by_role("button", name="Digit 7", exact=True).click()
        expect(page.get_by_role("alert").get_by_text("The service does not answer.")).to_be_visible()
        expect(first).to_have_text("5")
        process = start(port, tmp_path)
        expect(first).to_have_text("7", timeout=COMPUTED_MS)
        expect(page.get_by_text("The service does not answer.")).to_have_count(0)
    finally:
        process.terminate()
        process.wait()
