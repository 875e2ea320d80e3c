"""A link that is copied in one browser shows the same in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import COMPUTED_MS
from tests.browser.states import SLOW_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import Visit
    from tests.conftest import Server

CANVAS = "canvas => canvas.toDataURL()"


@pytest.mark.parametrize("panel", ["map", "explain"])
def test_a_copied_link_shows_the_same_to_others(visit: Visit, server: Server, chromium: Browser, panel: str) -> None:
    """The drawing, the map, its value and the explanation are there, to one who was never here."""
    visit.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.open()
    pad = visit.tab.get_by_role("application")
    pad.focus()
    for _ in range(12):
        pad.press("Space")
        pad.press("ArrowDown")
    visit.layer("conv2d").get_by_role("option", name="map 1,").click()
    if panel == "explain":
        visit.tab.get_by_role("button", name="Explain").click()
    drawn = ".terms-result" if panel == "map" else ".overlay-map"
    expect(visit.tab.locator(drawn)).not_to_have_count(0, timeout=SLOW_MS)
    visit.tab.get_by_role("button", name="Copy link").click()
    expect(visit.tab.get_by_role("button", name="Copied")).to_be_visible()
    link = visit.tab.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{server.url}/#")
    other = chromium.new_context().new_page()
    other.goto(link)
    expect(other.locator(drawn)).not_to_have_count(0, timeout=COMPUTED_MS)
    for place in ("main", "aside"):
        expect(other.locator(place)).to_have_text(visit.tab.locator(place).text_content() or "")
    picture = "section.input canvas"
    assert other.locator(picture).first.evaluate(CANVAS) == visit.tab.locator(picture).first.evaluate(CANVAS)
    other.context.close()
