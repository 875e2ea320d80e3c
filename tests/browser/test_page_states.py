"""The page in a real browser: open to everybody, on any window; keys, refusals, a service that goes and comes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from service.access.keys import new_key
from tests.browser.conftest import COMPUTED_MS, ROOT
from tests.conftest import answers, free_port, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Visit

AXE = ROOT / "node_modules/axe-core/axe.min.js"
SERIOUS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .filter(found => ['serious', 'critical'].includes(found.impact))
    .map(found => [found.id, found.nodes.map(node => node.html.slice(0, 200))])"""


def findings(tab: Page) -> Any:
    """What axe-core finds that keeps people out."""
    tab.evaluate(AXE.read_text() + "; window.axe = axe")
    return tab.evaluate(SERIOUS)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["", "preset=lstm&side=edit", "preset=unet&measure=macs&layer=down2&unit=1"])
def test_nothing_keeps_anybody_out(visit: Visit, theme: str, fragment: str) -> None:
    """axe-core has no serious finding, in light and dark."""
    visit.tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    visit.open(fragment)
    assert visit.tab.locator("html").get_attribute("data-theme") == theme
    assert findings(visit.tab) == []


def test_the_window_of_networks_keeps_nobody_out(visit: Visit) -> None:
    """Nor do the windows over the page."""
    visit.open()
    visit.tab.keyboard.press("n")
    expect(visit.tab.get_by_role("dialog")).to_be_visible()
    assert findings(visit.tab) == []


def test_the_keyboard_is_enough(visit: Visit) -> None:
    """From layer to layer, from map to map, to another network and back, without a pointer."""
    visit.open()
    visit.tab.keyboard.press("Tab")
    expect(visit.tab.get_by_role("button", name="Skip to the layers")).to_be_focused()
    visit.tab.keyboard.press("Enter")
    expect(visit.tab.locator("main")).to_be_focused()
    visit.tab.keyboard.press("j")
    visit.tab.keyboard.press("j")
    expect(visit.layer("batch_normalization")).to_have_class("layer is-chosen")
    visit.tab.keyboard.press("k")
    expect(visit.layer("conv2d")).to_have_class("layer is-chosen")
    maps = visit.layer("conv2d").get_by_role("listbox")
    maps.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        visit.tab.keyboard.press(key)
    expect(maps).to_have_attribute("aria-activedescendant", "map-conv2d-1")
    visit.tab.keyboard.press("n")
    expect(visit.tab.get_by_role("dialog").get_by_role("button").first).to_be_focused()
    for _ in range(2):
        visit.tab.keyboard.press("Tab")
    expect(visit.tab.get_by_role("button", name=re.compile("^Edges"))).to_be_focused()
    visit.tab.keyboard.press("Enter")
    expect(visit.layer("kernels")).to_be_visible()
    visit.tab.go_back()
    expect(visit.layer("dense")).to_be_visible()


def test_runs_are_told_to_screen_readers(visit: Visit) -> None:
    """A live region says what was computed."""
    visit.open()
    expect(visit.tab.locator('[aria-live="polite"]')).to_contain_text("Computed 7 layers")


@pytest.mark.parametrize("size", [(390, 844), (320, 568), (768, 1024), (3840, 2160)])
def test_every_window_is_wide_enough(visit: Visit, size: tuple[int, int]) -> None:
    """Nothing is cut off sideways; where the network has no place beside the layers, a button shows it."""
    visit.tab.set_viewport_size({"width": size[0], "height": size[1]})
    visit.open()
    overflow = (
        "[document.documentElement, document.querySelector('main')].map(one => one.scrollWidth - one.clientWidth)"
    )
    assert visit.tab.evaluate(overflow) == [0, 0]
    if size[0] < 900:
        expect(visit.tab.locator(".network-side")).to_be_hidden()
        visit.tab.get_by_role("button", name="Digits").click()
        expect(visit.tab.locator(".chain-node")).to_have_count(7)
        visit.tab.locator(".chain-node", has_text="dense").click()
        expect(visit.layer("dense")).to_be_in_viewport()
    expect(visit.layer("dense").locator(".column.is-first .column-name")).to_have_text("5")


def test_motion_is_reduced_on_request(visit: Visit) -> None:
    """Nothing moves longer than a moment."""
    visit.tab.emulate_media(reduced_motion="reduce")
    visit.open()
    seconds = "[...document.querySelectorAll('*')].map(one => parseFloat(getComputedStyle(one).transitionDuration))"
    assert max(visit.tab.evaluate(seconds)) < 0.01


def test_a_network_that_is_too_large_is_refused_with_what_would_fit(visit: Visit) -> None:
    """The page shows the service's words, and the last network stays."""
    large = {"input": [1024, 1024, 3], "layers": [{"type": "Conv2D", "filters": 4096, "kernel_size": 1}]}
    visit.open()
    visit.tab.goto(f"{visit.url}/#document={quote(json.dumps(large))}")
    expect(visit.tab.locator(".notice.wrong")).to_contain_text("bytes", timeout=COMPUTED_MS)
    assert visit.tab.locator(".notice.wrong li").count() >= 1
    visit.said.clear()  # the browser itself writes refused requests to the console


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
