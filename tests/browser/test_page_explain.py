"""Explanations of networks of several inputs, and of none that is a picture, in a real browser on the real service."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.states import SLOW_MS
from tests.browser.test_page_first import PIXELS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

    from tests.browser.conftest import Visit


def panel_of(visit: Visit, fragment: str) -> Locator:
    """Open the page with an explanation, and return its panel when the answer is there."""
    visit.open(f"panel=explain&{fragment}")
    panel = visit.tab.get_by_role("complementary", name="Explain")
    expect(panel.locator(".explained")).not_to_have_count(0, timeout=SLOW_MS)
    return panel


def pixels(canvas: Locator) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """The colours of a canvas, row by row."""
    return np.array(canvas.evaluate(PIXELS), np.uint8)


@pytest.mark.parametrize(
    ("to", "picture"), [("", "right"), ("&to=encoder@0/conv2d", "left"), ("&to=encoder@1/conv2d", "right")]
)
def test_a_map_lies_over_the_picture_that_its_branch_reads(visit: Visit, to: str, picture: str) -> None:
    """Of two inputs, the one that the call of the shared encoder reads, pixel for pixel."""
    panel = panel_of(visit, f"preset=siamese{to}")
    expect(panel.locator(".overlay")).to_contain_text(f"over {picture}")
    other = "left" if picture == "right" else "right"
    inputs = visit.tab.locator("section.input")
    seen = {name: pixels(inputs.locator(f'.seen-picture[aria-label*="{name}"]')) for name in (picture, other)}
    below = pixels(panel.locator(".overlay .seen-picture"))
    np.testing.assert_array_equal(below, seen[picture])
    assert (below != seen[other]).any()


def test_gradients_of_two_inputs_lie_over_their_own(visit: Visit) -> None:
    """A map for each input, each over its picture; what reads both lies over none."""
    panel = panel_of(visit, "preset=siamese&method=gradient")
    expect(panel.locator(".overlay")).to_have_count(2)
    for name, overlay in zip(("left", "right"), panel.locator(".overlay").all(), strict=True):
        expect(overlay.locator("figcaption")).to_contain_text(f"{name}over {name}")
        expect(overlay.locator(".seen-picture")).to_have_attribute("aria-label", re.compile(name))


def keep(held: list[Route], route: Route) -> None:
    """Hold a request back."""
    held.append(route)


def test_an_explanation_leaves_with_its_network(visit: Visit) -> None:
    """While another network is computed, nothing is said of the one before."""
    panel = panel_of(visit, "preset=digits")
    expect(panel.locator(".score dt")).to_contain_text("dense:pre")
    held: list[Route] = []
    visit.tab.route("**/explanations", lambda route: keep(held, route))
    visit.tab.evaluate("location.hash = 'panel=explain&preset=siamese'")
    expect(panel.locator(".explained")).to_have_count(0)
    visit.wait_computed()
    expect(panel.locator(".explained")).to_have_count(0)
    expect(panel.locator(".explain-progress")).to_be_visible()
    held[-1].continue_()
    expect(panel.locator(".score dt")).to_contain_text("same:pre", timeout=SLOW_MS)


@pytest.mark.parametrize(
    ("method", "names"),
    [("", r"step \d+, token \d+"), ("&method=integrated_gradients", r"step \d+, token \d+"),
     ("&method=occlusion", r"steps \d+ to \d+"), ("&method=ablation", r"channel \d+")],
)  # fmt: skip
def test_tokens_are_explained_by_what_the_embedding_returns(visit: Visit, method: str, names: str) -> None:
    """At the defaults, and by each method that is offered; values are named by step and token."""
    panel = panel_of(visit, f"preset=lstm{method}")
    expect(panel.get_by_role("alert")).to_have_count(0)
    expect(panel.locator(".unit-bars figcaption")).to_contain_text("words")
    for line in panel.locator(".unit-bars li span:first-child").all_inner_texts():
        assert re.fullmatch(names, line)
    offered = panel.get_by_label("Method").locator("option").all_inner_texts()
    assert offered == ["Gradient", "Input × gradient", "Integrated gradients", "Occlusion", "Ablation"]


def test_a_window_follows_the_size_of_the_picture(visit: Visit) -> None:
    """A quarter and an eighth of 64 pixels, whatever was chosen for a digit before."""
    panel = panel_of(visit, "preset=digits&method=occlusion&knobs=window:3,stride:2")
    expect(panel.get_by_label("Window")).to_have_value("3")
    visit.tab.keyboard.press("n")
    visit.tab.get_by_role("dialog").get_by_role("button", name=re.compile("^VGG")).click()
    expect(panel.get_by_label("Window")).to_have_value("16", timeout=SLOW_MS)
    expect(panel.get_by_label("Stride")).to_have_value("8")


@pytest.mark.parametrize(("preset", "number"), [("edges", "max_pooling2d[..., 0]"), ("unet", "mask[..., 0]")])
def test_networks_that_end_in_maps_are_explained_by_the_first(visit: Visit, preset: str, number: str) -> None:
    """There is no largest unit of them; its sum is told."""
    panel = panel_of(visit, f"preset={preset}")
    expect(panel.locator(".notice.wrong")).to_have_count(0)
    expect(panel.get_by_label("Number").locator("option").first).to_contain_text(number)


def test_a_number_is_not_explained_against_itself(visit: Visit) -> None:
    """It is not among those to subtract; a link that asks for it is told what to change."""
    panel = panel_of(visit, "preset=digits&of=dense:pre[7]")
    offered = panel.get_by_label("Minus").locator("option")
    values = [option.get_attribute("value") for option in offered.all()]
    assert "dense:pre[3]" in values
    assert "dense:pre[7]" not in values
    panel = panel_of(visit, "preset=digits&of=dense:pre[7]&minus=dense:pre[7]")
    expect(panel.locator(".notice")).to_have_text("A number less itself is 0: choose another one to subtract.")


WIDE = {"input": [256, 256, 1], "layers": [
    {"type": "Conv2D", "filters": 128, "kernel_size": 1, "activation": "relu"},
    {"type": "GlobalAveragePooling2D"}, {"type": "Dense", "units": 6, "activation": "relu"},
    {"type": "Dense", "units": 3, "activation": "softmax"},
]}  # fmt: skip
"""32 MiB for an item: forty are over the limit of what is computed at once."""


def test_a_diagnosis_takes_as_many_samples_as_fit(visit: Visit) -> None:
    """Half as many where the service refuses forty, which is said; so is what could not be judged."""
    visit.open(f"panel=diagnose&document={quote(json.dumps(WIDE))}")
    panel = visit.tab.get_by_role("complementary", name="Diagnose")
    expect(panel.locator(".rest")).not_to_have_count(0, timeout=SLOW_MS)
    expect(panel).to_contain_text(re.compile(r"(20|10|5) samples: more do not fit"))
    expect(panel.get_by_role("status")).to_contain_text("could not be judged with so few items")
    expect(panel.locator(".rest", has_text="Looked for and not found")).to_contain_text("No sign of")
    assert all("413" in line for line in visit.said)
    visit.said.clear()
