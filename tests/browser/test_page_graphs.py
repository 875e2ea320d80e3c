"""The page in a real browser: graphs and their colours, sequences, thousands of maps, dead channels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.test_page_networks import document

if TYPE_CHECKING:
    from tests.browser.conftest import Visit

PIXELS = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 1, 1).data)"


def test_an_lstm_is_shown_as_sequences_and_states(visit: Visit) -> None:
    """Steps to the right, channels downwards; each output has its section."""
    visit.open("preset=lstm")
    assert visit.layers() == ["words", "first", "second#0", "second#1", "second#2", "states", "classes"]
    canvas = visit.layer("first").locator(".sequence canvas")
    assert canvas.evaluate("canvas => [canvas.width, canvas.height]") == [12, 24]
    expect(visit.layer("second#1").locator(".column")).to_have_count(24)


def test_branches_are_laid_out_and_blocks_fold(visit: Visit) -> None:
    """A residual network is a diagram, whose nodes lead to their layers; a folded block is one node."""
    visit.open("preset=residual")
    nodes = visit.tab.locator(".diagram-node")
    expect(nodes).to_have_count(11)
    expect(visit.tab.locator(".diagram-edge")).to_have_count(11)
    visit.tab.get_by_role("button", name="sum 28 × 28 × 8, Add").click()
    expect(visit.layer("sum")).to_have_class("layer is-chosen")
    visit.open("preset=blocks")
    expect(visit.tab.locator(".chain-node")).to_have_count(10)
    visit.tab.get_by_role("button", name="Fold block1").click()
    expect(visit.tab.locator(".chain-name")).to_have_text([
        "input", "block1", "max_pooling2d", "block2/conv2d", "block2/batch_normalization", "block2/re_lu",
        "global_max_pooling2d", "dense",
    ])  # fmt: skip
    assert visit.layers()[:2] == ["block1", "max_pooling2d"]


def test_a_layer_is_found_by_a_part_of_its_name(visit: Visit) -> None:
    """Enter goes from one to the next."""
    visit.open("preset=unet")
    visit.tab.keyboard.press("/")
    visit.tab.keyboard.type("merge")
    expect(visit.tab.get_by_text("2 found")).to_be_visible()
    visit.tab.keyboard.press("Enter")
    expect(visit.layer("merge2")).to_have_class("layer is-chosen")
    visit.tab.keyboard.press("Enter")
    expect(visit.layer("merge1")).to_have_class("layer is-chosen")


@pytest.mark.parametrize("measure", ["parameters", "bytes", "macs", "seconds", "zeros", "dead"])
def test_nodes_have_the_colour_of_a_number(visit: Visit, measure: str) -> None:
    """The scale stands beside; layers that differ in the number differ in colour."""
    visit.open(f"preset=unet&measure={measure}")
    expect(visit.tab.locator(".measure-scale span").last).not_to_have_text("")
    colours = (
        "[...document.querySelectorAll('section.layer .layer-node')].map(one => getComputedStyle(one).backgroundColor)"
    )
    for _ in range(200):  # Playwright's own waiting evaluates strings, which the page's policy forbids
        if len(set(visit.tab.evaluate(colours))) > 2:
            return
        visit.tab.wait_for_timeout(50)
    pytest.fail("one colour for all layers")


def test_thousands_of_maps_are_fetched_as_they_come_into_view(visit: Visit) -> None:
    """2,000 maps of 6 MiB: a few elements, and views of the channels that are seen; the last one has its values."""
    conv = {"type": "Conv2D", "name": "many", "filters": 2000, "kernel_size": 1, "use_bias": False,
            "kernel_initializer": {"type": "Constant", "value": 1}}  # fmt: skip
    shift = {"type": "Rescaling", "name": "shifted", "scale": 1, "offset": 0}
    visit.open(
        document(conv, shift, input=[28, 28, 1])
        + "&colours=gray&span=layer&input=numbers:"
        + json.dumps(np.full((1, 28, 28, 1), 1.0).tolist())
    )
    tiles = visit.layer("many").get_by_role("option")
    expect(tiles.first).to_have_attribute("aria-setsize", "2000")
    assert tiles.count() < 40
    posts = [url for url in visit.asked if "activations" in url]
    assert len(posts) == 2  # the figures of all layers, and the maps in view of both
    visit.layer("many").get_by_role("listbox").focus()
    visit.tab.keyboard.press("End")
    last = visit.layer("many").get_by_role("option", name="map 1999, 1 … 1")
    expect(last).to_have_attribute("aria-selected", "true")
    assert tiles.count() < 40
    assert last.locator("canvas").evaluate(PIXELS) == [0, 0, 0, 255]


def test_silent_channels_are_marked(visit: Visit) -> None:
    """A map that is 0 everywhere says so, in words too."""
    dead = {"type": "Conv2D", "name": "dead", "filters": 3, "kernel_size": 3, "activation": "relu",
            "bias_initializer": {"type": "Constant", "value": -1e6}}  # fmt: skip
    visit.open(document(dead, input=[8, 8, 1]))
    expect(visit.layer("dead").get_by_role("option", name="silent here")).to_have_count(3)
    expect(visit.layer("dead").locator(".map-name")).to_have_text([f"{at} · silent here" for at in range(3)])
    expect(visit.layer("dead").locator(".map-tile").nth(1)).to_have_attribute(
        "title", "map 1: 0 everywhere for this input"
    )


def test_kernels_of_the_textbook_find_edges(visit: Visit) -> None:
    """Maps carry the names of their kernels, and are registered with their weights."""
    visit.open("preset=edges")
    expect(visit.layer("re_lu").locator(".map-name").nth(1)).to_have_text("Sobel x")
