"""The page in a real browser is open to everybody: axe-core in every state, the keyboard alone, any window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT
from tests.browser.states import SLOW_MS, STATES

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Visit

AXE = ROOT / "node_modules/axe-core/axe.min.js"
SERIOUS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .filter(found => ['serious', 'critical'].includes(found.impact))
    .map(found => [found.id, found.nodes.map(node => node.html.slice(0, 200))])"""


def findings(tab: Page) -> Any:
    """What axe-core finds that keeps people out."""
    tab.evaluate(AXE.read_text() + "; window.axe = axe")
    return tab.evaluate(SERIOUS)


OVERFLOW = "[document.documentElement, document.querySelector('main')].map(one => one.scrollWidth - one.clientWidth)"
MOST_TABS = 80
PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("name", STATES)
def test_no_state_keeps_anybody_out(visit: Visit, name: str) -> None:
    """axe-core has no serious finding, in light and dark."""
    visit.tab.emulate_media(color_scheme="light")
    STATES[name](visit)
    for theme in ("light", "dark"):
        visit.tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        expect(visit.tab.locator("html")).to_have_attribute("data-theme", theme)
        assert findings(visit.tab) == [], theme
    pardon(visit, name)


@pytest.mark.parametrize("name", STATES)
def test_every_state_fits_a_phone(visit: Visit, name: str) -> None:
    """Nothing is cut off sideways where it was reached on a wide window that became narrow, nor is anybody kept out."""
    STATES[name](visit)
    visit.tab.set_viewport_size(PHONE)
    visit.tab.wait_for_timeout(200)
    assert visit.tab.evaluate(OVERFLOW) == [0, 0]
    assert findings(visit.tab) == []
    pardon(visit, name)


def pardon(visit: Visit, name: str) -> None:
    """Of states about refusals, the browser itself writes refused requests to the console."""
    if name in ("edited_wrongly", "key", "error", "empty", "gone"):
        visit.said.clear()


def tab_to(tab: Page, goal: Locator) -> None:
    """Press Tab until it has the focus."""
    for _ in range(MOST_TABS):
        if goal.count() > 0 and goal.evaluate("one => one === document.activeElement"):
            return
        tab.keyboard.press("Tab")
    pytest.fail("Tab does not lead there")


def test_the_keyboard_leads_to_the_arithmetic_of_a_value(visit: Visit) -> None:
    """From the empty page to a map, to one of its values, to an explanation, and out again, without a pointer."""
    tab = visit.tab
    visit.open()
    tab_to(tab, visit.layer("conv2d").get_by_role("listbox"))
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        tab.keyboard.press(key)
    panel = tab.get_by_role("complementary", name="Map")
    place = panel.locator(".arithmetic-value code")
    expect(place).to_contain_text("conv2d[0, ", timeout=SLOW_MS)
    tab.keyboard.press("p")
    tab_to(tab, panel.get_by_role("slider"))
    for key in ("Home", "ArrowRight", "ArrowDown"):
        tab.keyboard.press(key)
    expect(place).to_have_text(re.compile(r"conv2d\[0, \d+, 1, 1\]"))
    tab.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    button = tab.get_by_role("navigation", name="Panels").get_by_role("button", name="Explain")
    tab_to(tab, button)
    tab.keyboard.press("Enter")
    expect(tab.locator(".overlay-map")).to_be_visible(timeout=SLOW_MS)
    tab.keyboard.press("p")
    tab_to(tab, tab.locator(".explain-choices select").first)
    tab.keyboard.type("3")
    expect(tab.locator(".score dt")).to_contain_text("dense:pre[3]")


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
    expect(visit.layer("batch_normalization").get_by_role("listbox")).to_be_focused()
    visit.tab.keyboard.press("k")
    expect(visit.layer("conv2d")).to_have_class("layer is-chosen")
    maps = visit.layer("conv2d").get_by_role("listbox")
    expect(maps).to_be_focused()
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


def test_escape_closes_what_is_in_front(visit: Visit) -> None:
    """The settings first, then the panel behind them."""
    visit.open("panel=map&layer=conv2d&unit=0")
    panel = visit.tab.get_by_role("complementary", name="Map")
    visit.tab.get_by_role("button", name="Settings").click()
    expect(visit.tab.get_by_label("Theme")).to_be_visible()
    visit.tab.keyboard.press("Escape")
    expect(visit.tab.get_by_label("Theme")).to_be_hidden()
    expect(panel).to_be_visible()
    visit.tab.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_runs_are_told_to_screen_readers(visit: Visit) -> None:
    """A live region says what was computed."""
    visit.open()
    expect(visit.tab.locator('[aria-live="polite"]')).to_contain_text("Computed 7 layers")


@pytest.mark.parametrize("size", [(390, 844), (320, 568), (768, 1024), (3840, 2160)])
def test_every_window_is_wide_enough(visit: Visit, size: tuple[int, int]) -> None:
    """Nothing is cut off sideways; where the network has no place beside the layers, a button shows it."""
    visit.tab.set_viewport_size({"width": size[0], "height": size[1]})
    visit.open()
    assert visit.tab.evaluate(OVERFLOW) == [0, 0]
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
