"""The page in a real browser: its first screen, other inputs, drawing, and addresses that give the same view."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from service.pictures.colours import table

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Visit
    from tests.conftest import Server

BUILT = Path(__file__).parents[2] / "service/web"
DIGITS = Path(__file__).parents[2] / "web/src/input/digits.png"
CHAIN = ["conv2d", "batch_normalization", "re_lu", "max_pooling2d", "flatten", "dense"]
PIXELS = """canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"""


def digit(number: int) -> bytes:
    """One of the page's digits as a PNG."""
    with Image.open(DIGITS) as sheet, BytesIO() as file:
        sheet.crop((28 * number, 0, 28 * number + 28, 28)).save(file, "png")
        return file.getvalue()


def activations(server: Server, number: int) -> dict[str, dict[str, Any]]:
    """What the API says of the page's digit network on one of its digits."""
    files = {"image": ("digit.png", digit(number))}
    reply = server.client.post("/v1/models/example-digits/activations", files=files)
    assert reply.status_code == 200, reply.text
    return {row["address"]: row for row in reply.json()["layers"]}


def written(value: float) -> str:
    """A figure as the page writes it, of those that need no exponent."""
    digits = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    return f"{round(value, digits):g}".replace("-", "\N{MINUS SIGN}")


def brief(value: float) -> str:
    """A statistic as the page writes it, of those that need no exponent: three significant digits."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def figures(section: Locator) -> dict[str, str]:
    """The statistics of a layer as the page shows them."""
    names, values = (section.locator(f".statistics {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values, strict=True))


def drawn(canvas: Locator) -> np.ndarray[Any, Any]:
    """The pixels of a map, height x width x RGB."""
    width, height = (int(canvas.evaluate(f"canvas => canvas.{side}")) for side in ("width", "height"))
    return np.array(canvas.evaluate(PIXELS), np.uint8).reshape(height, width, 4)[:, :, :3]


def test_the_first_screen_is_a_digit_that_went_through_six_layers(visit: Visit, server: Server) -> None:
    """Without a word of instruction: nothing in the address, statistics as the API says them, and the digit is read."""
    visit.open()
    assert visit.layers() == CHAIN
    assert visit.tab.url == f"{visit.url}/"
    expected = activations(server, 5)
    for address in CHAIN[:5]:
        shown, stats = figures(visit.layer(address)), expected[address]["stats"]
        assert [shown["min"], shown["max"]] == [brief(stats["min"]), brief(stats["max"])], address
    expect(visit.layer("dense").locator(".column.is-first .column-name")).to_have_text("5")
    assert int(np.argmax(expected["dense"]["data"])) == 5
    expect(visit.tab.get_by_text("Draw on it, drop a picture")).to_be_visible()


def test_the_page_is_small(visit: Visit) -> None:
    """All files together, compressed, weights and samples included: at most 150 kB."""
    files = [path for path in BUILT.rglob("*") if path.is_file() and path.suffix != ".gz"]
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in files}
    assert sum(sizes.values()) <= 150_000, sizes


def test_maps_have_the_colours_of_their_values(visit: Visit, server: Server) -> None:
    """Each pixel of a map against the values of the API, by the service's own table of the colours."""
    visit.open("colours=viridis&span=layer")
    values = np.array(activations(server, 5)["conv2d"]["data"], np.float64)[0]
    codes = np.rint((values - values.min()) / (values.max() - values.min()) * 255).astype(int)
    for channel in range(3):
        tile = visit.layer("conv2d").get_by_role("option", name=f"map {channel},")
        expected = table("viridis")[codes[:, :, channel]].astype(int)
        assert np.abs(drawn(tile.locator("canvas")) - expected).max() <= 6  # the page interpolates every 15th colour


def test_another_digit_is_computed_and_stands_in_the_address(visit: Visit, server: Server) -> None:
    """A sample is one click away; its address gives the same view."""
    visit.open()
    visit.tab.get_by_role("button", name="Digit 8", exact=True).click()
    expect(visit.layer("dense").locator(".column.is-first .column-name")).to_have_text("8")
    visit.tab.wait_for_url("**/#input=digit-8")
    before = visit.tab.locator("main").text_content() or ""
    visit.tab.reload()
    visit.wait_computed()
    expect(visit.tab.locator("main")).to_have_text(before)
    assert figures(visit.layer("conv2d"))["max"] == brief(activations(server, 8)["conv2d"]["stats"]["max"])


def test_a_drawn_digit_is_computed_while_it_is_drawn(visit: Visit) -> None:
    """A stroke from top to bottom is read as a 1; the drawing is in the address, and comes back with it."""
    visit.open()
    pad = visit.tab.get_by_role("application")
    box = pad.bounding_box()
    assert box is not None
    visit.tab.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.2)
    visit.tab.mouse.down()
    visit.tab.mouse.move(box["x"] + box["width"] * 0.48, box["y"] + box["height"] * 0.8, steps=12)
    visit.tab.mouse.up()
    first = visit.layer("dense").locator(".column.is-first .column-name")
    expect(first).to_have_text("1")
    visit.tab.wait_for_url("**/#input=png*")
    visit.tab.wait_for_timeout(500)  # the address follows with a pause
    before = visit.layer("dense").text_content() or ""
    visit.tab.reload()
    visit.wait_computed()
    expect(visit.layer("dense")).to_have_text(before)


def test_the_answer_is_in_sight_beside_a_panel(visit: Visit) -> None:
    """Ten bars all have a place there; of more, the largest is in sight, and an arrow says that there are others."""
    visit.open("input=digit-9&panel=explain")
    visit.layer("dense").scroll_into_view_if_needed()
    bars = visit.layer("dense").locator(".columns")
    bars.scroll_into_view_if_needed()
    expect(bars.locator(".is-first")).to_be_in_viewport(ratio=0.9)
    assert bars.evaluate("bars => bars.scrollWidth - bars.clientWidth") == 0
    many = {"input": [3], "layers": [{"type": "Dense", "name": "many", "units": 24, "activation": "softmax"}]}
    visit.open("panel=compare&document=" + json.dumps(many))
    bars = visit.layer("many").locator(".columns")
    expect(visit.layer("many").locator(".columns-more")).not_to_have_count(0)
    box, name = bars.bounding_box(), bars.locator(".is-first").bounding_box()
    assert box is not None
    assert name is not None
    assert box["x"] <= name["x"] <= box["x"] + box["width"] - name["width"] + 1


def test_a_stroke_is_taken_back(visit: Visit) -> None:
    """Ctrl Z leaves the strokes before it; the button clears the pad."""
    visit.open()
    zeros = visit.tab.locator("section.input .statistics dd").nth(3)
    visit.tab.get_by_role("button", name="Clear", exact=True).click()
    expect(zeros).to_have_text("100 %")
    pad = visit.tab.get_by_role("application")
    pad.press("Space")
    expect(zeros).not_to_have_text("100 %")
    one = zeros.inner_text()
    for _ in range(8):
        pad.press("ArrowDown")
    pad.press("Space")
    expect(zeros).not_to_have_text(one)
    pad.press("Control+z")
    expect(zeros).to_have_text(one)
    pad.press("Control+z")
    expect(zeros).to_have_text("100 %")


def test_the_keyboard_draws_too(visit: Visit) -> None:
    """Arrow keys move, space draws, delete clears: an empty pad is all zeros."""
    visit.open()
    pad = visit.tab.get_by_role("application")
    pad.focus()
    for _ in range(6):
        pad.press("Space")
        pad.press("ArrowDown")
    expect(visit.tab.locator("section.input .statistics dd").nth(2)).to_have_text("1")
    pad.press("Delete")
    expect(visit.tab.locator("section.input .statistics dd").nth(3)).to_have_text("100 %")


def test_scaling_is_shown_and_can_be_changed(visit: Visit) -> None:
    """0…1 as the network says; 0…255 is another run, and stands in the address."""
    visit.open()
    scale = visit.tab.get_by_label("Scale")
    assert scale.evaluate("select => select.selectedOptions[0].text") == "0 … 1"
    scale.select_option("none")
    expect(visit.tab.locator("section.input .statistics dd").nth(2)).to_have_text("255")
    visit.tab.wait_for_url("**/#pixels=none")


def test_training_mode_is_another_run(visit: Visit) -> None:
    """BatchNormalization normalizes by the batch itself then: each channel has a mean of about its beta."""
    visit.open()
    before = figures(visit.layer("batch_normalization"))
    visit.tab.get_by_label("Training mode").check()
    visit.tab.wait_for_url("**/#training=true")
    expect(visit.layer("batch_normalization").locator(".statistics dd").first).not_to_have_text(before["min"])


VIEW = "preset=unet&layer=down2&unit=3&span=map&colours=magma&size=large&open=down2&measure=macs"


def test_an_address_gives_the_view_that_it_was_copied_from(visit: Visit) -> None:
    """Network, layer, map, colours, sizes, the figure of the nodes: all of them are in it."""
    visit.open(VIEW)
    chosen = visit.tab.locator('[role="option"][aria-selected="true"]')
    expect(chosen).to_have_count(1)
    assert chosen.get_attribute("id") == "map-down2-3"
    assert visit.tab.get_by_label("Colour span").input_value() == "map"
    assert visit.tab.get_by_label("Colours").input_value() == "magma"
    assert visit.tab.get_by_label("Colour by").input_value() == "macs"
    expect(visit.layer("down2").locator(".maps")).to_have_class("maps is-open")
    assert json.loads(visit.tab.evaluate("JSON.stringify(location.hash.slice(1))")) == VIEW


def test_numbers_can_be_written(visit: Visit) -> None:
    """JSON is the input; what is none is said at once."""
    visit.open("document=" + json.dumps({"input": [3], "layers": [{"type": "Softmax", "name": "out"}]}))
    visit.tab.get_by_role("button", name="Numbers …").click()
    box = visit.tab.get_by_role("textbox", name="Numbers for this input")
    box.fill("[1, 2")
    expect(visit.tab.get_by_text("This is no JSON of numbers.")).to_be_visible()
    box.fill("[[0, 0, 5]]")
    visit.tab.get_by_role("button", name="Use", exact=True).click()
    weights = np.exp([0, 0, 5]) / np.exp([0, 0, 5]).sum()
    expect(visit.layer("out").locator(".column-value")).to_have_text([written(value) for value in weights])


def test_a_camera_that_is_not_there_is_said(visit: Visit) -> None:
    """It is asked for only on request."""
    visit.open()
    visit.tab.get_by_role("button", name="Camera").click()
    expect(visit.tab.get_by_text("The camera cannot be used")).to_be_visible()


@pytest.mark.parametrize("language", ["ko"])
def test_the_page_speaks_korean(visit: Visit, language: str) -> None:
    """The choice is kept for the next visit."""
    visit.open()
    visit.tab.get_by_role("button", name="Settings").click()
    visit.tab.get_by_label("Language").select_option(language)
    expect(visit.tab.get_by_text("여기에 그리거나")).to_be_visible()
    visit.open()
    assert visit.tab.locator("html").get_attribute("lang") == "ko"
    expect(visit.tab.get_by_role("button", name="바꾸기")).to_be_visible()
