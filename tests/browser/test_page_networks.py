"""The page in a real browser: files, pasted JSON, the editor, several inputs, the networks that it offers."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import keras
import numpy as np
import pytest
import tf_keras
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Visit
    from tests.conftest import Server

DROP = """([name, data, place]) => {
    const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0))
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File([bytes], name))
    window.dispatchEvent(new DragEvent('dragover', {dataTransfer, bubbles: true, cancelable: true}))
    requestAnimationFrame(() => setTimeout(() => document.querySelectorAll('.drop-place')[place].dispatchEvent(
        new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true})), 100))
}"""
INPUT, NETWORK = 0, 1


def drop(visit: Visit, file: Path, place: int) -> None:
    """Drop a file on the input's or the network's half of the page."""
    visit.tab.evaluate(DROP, [file.name, base64.b64encode(file.read_bytes()).decode(), place])


def document(*layers: dict[str, Any], input: list[int]) -> str:
    """A fragment of an address for a document."""
    return "document=" + quote(json.dumps({"input": input, "layers": list(layers)}))


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
def test_an_old_file_is_dropped_and_opened(visit: Visit, server: Server, tmp_path: Path) -> None:
    """An .h5 of Keras 2 is registered and computes what Keras 2 computes: Keras 3 has another hard_sigmoid."""
    model = tf_keras.Sequential([
        tf_keras.Input((4,)), tf_keras.layers.Dense(3, activation="hard_sigmoid", name="old"),
    ])  # fmt: skip
    model.save(tmp_path / "my old model.h5")
    visit.open()
    drop(visit, tmp_path / "my old model.h5", NETWORK)
    visit.tab.wait_for_url("**/#model=my-old-model")
    expect(visit.layer("old")).to_be_visible()
    visit.tab.get_by_role("button", name="Numbers …").click()
    visit.tab.get_by_role("textbox", name="Numbers for this input").fill("[[1, -1, 2, 0.5]]")
    visit.tab.get_by_role("button", name="Use", exact=True).click()
    expected = model.predict(np.array([[1, -1, 2, 0.5]], np.float32), verbose=0)[0]
    shown = visit.layer("old").locator(".column-value")
    expect(shown).to_have_text([f"{round(float(value), 3):g}" for value in expected])
    assert server.client.get("/v1/models/my-old-model").status_code == 200


def test_json_of_keras_is_pasted(visit: Visit) -> None:
    """`model.to_json()` is opened as it is; what is not JSON is said at once."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3, name="a"), layers.Flatten(name="b")])
    visit.open()
    visit.tab.get_by_role("button", name="Change").click()
    paste = visit.tab.get_by_label("Paste a document or model.to_json()")
    paste.fill("model.to_json()")
    expect(visit.tab.get_by_text("This is no JSON.")).to_be_visible()
    paste.fill(model.to_json())
    visit.tab.get_by_role("button", name="Open").first.click()
    expect(visit.layer("b")).to_be_visible()
    assert visit.layers() == ["a", "b"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # raised by Keras
def test_weights_are_dropped_on_a_network(visit: Visit, server: Server, tmp_path: Path) -> None:
    """They and the network that is shown become a registered one."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")])
    model.set_weights([np.arange(6, dtype=np.float32).reshape(3, 2), np.array([1, 2], np.float32)])
    model.save_weights(tmp_path / "mine.weights.h5")
    visit.open(document({"type": "Dense", "units": 2, "name": "d"}, input=[3]) + "&input=numbers:[[1,0,0]]")
    drop(visit, tmp_path / "mine.weights.h5", NETWORK)
    visit.tab.wait_for_url("**/#model=mine*")
    visit.tab.get_by_role("button", name="Numbers …").click()
    visit.tab.get_by_role("textbox", name="Numbers for this input").fill("[[1, 1, 1]]")
    visit.tab.get_by_role("button", name="Use", exact=True).click()
    expect(visit.layer("d").locator(".column-value")).to_have_text(["7", "11"])


def test_a_file_that_is_no_network_is_refused_in_words(visit: Visit, tmp_path: Path) -> None:
    """The service says what it is and what could be sent; what was shown stays."""
    (tmp_path / "broken.keras").write_bytes(b"not a zip")
    visit.open()
    visit.tab.get_by_role("button", name="Change").click()
    visit.tab.locator('dialog input[type="file"]').set_input_files(tmp_path / "broken.keras")
    expect(visit.tab.locator("dialog .notice.wrong")).to_contain_text(".keras")
    visit.tab.keyboard.press("Escape")
    assert visit.layers()[0] == "conv2d"
    visit.said.clear()  # the browser itself writes refused requests to the console


def test_an_edit_with_an_error_points_to_its_field_and_is_repaired(visit: Visit) -> None:
    """The plan is there while typing; the error stands at kernel_size of its layer, and goes with it."""
    visit.open("preset=residual&side=edit")
    visit.tab.locator(".layer-editor-name", has_text="stem").click()
    field = visit.tab.get_by_label("kernel_size", exact=True)
    field.fill("0")
    problem = visit.tab.locator(".field", has=field).locator(".field-problem")
    size = "an integer from 1 to 1024, or an array of 2 such integers"
    expect(problem).to_have_text(f"is not a size (expected: {size})")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(visit.tab.locator(".layers.is-stale")).to_have_count(1)
    field.fill("5, 5")
    expect(problem).to_have_count(0)
    expect(visit.tab.locator(".layer-editor-figures")).to_contain_text("208 parameters")
    expect(visit.tab.locator(".layer-editor-figures")).to_contain_text("receptive field 5 × 5")
    visit.wait_computed()
    visit.tab.get_by_role("button", name="Undo").click()
    expect(field).to_have_value("3")
    visit.said.clear()  # the browser itself writes refused requests to the console


def test_lost_weights_are_told_until_they_are_restored(visit: Visit) -> None:
    """In the editor and beside the graph; nothing of the editor moves where the caution changes."""
    visit.open("side=edit")
    figures = visit.layer("dense").locator("dl")
    before = figures.inner_text()
    name = visit.tab.locator(".layer-editor-name", has_text="conv2d")
    name.click()
    place = name.bounding_box()
    field = visit.tab.get_by_label("filters", exact=True)
    field.fill("4")
    visit.wait_computed()
    field.fill("5")
    caution = visit.tab.get_by_text("so its weights follow from the seed")
    expect(caution.locator("visible=true")).to_have_count(1)
    assert name.bounding_box() == place
    visit.tab.get_by_role("group", name="Network").get_by_text("Graph").click()
    expect(caution.locator("visible=true")).to_have_count(1)
    expect(visit.tab).to_have_url(re.compile("from-preset=digits"))
    visit.tab.reload()  # as whoever gets the link
    visit.wait_computed()
    expect(caution.locator("visible=true")).to_have_count(1)
    visit.tab.get_by_role("button", name="Restore").click()
    expect(caution).to_have_count(0)
    visit.wait_computed()
    expect(figures).to_have_text(before, use_inner_text=True)


def test_another_network_is_shown_from_its_input_on(visit: Visit) -> None:
    """Wherever the last one was scrolled to."""
    visit.open("preset=vgg")
    visit.tab.locator("section.layer").last.scroll_into_view_if_needed()
    visit.tab.keyboard.press("n")
    visit.tab.get_by_role("dialog").get_by_role("button", name="U-Net").click()
    expect(visit.layer("down1")).to_have_count(1)
    visit.wait_computed()
    assert visit.tab.locator("main").evaluate("main => main.scrollTop") == 0


def test_the_first_layer_that_is_found_comes_into_view(visit: Visit) -> None:
    """While it is typed, and the field stays in sight."""
    visit.tab.set_viewport_size({"width": 1280, "height": 420})
    visit.open("preset=vgg")
    find = visit.tab.get_by_role("searchbox", name="Find a layer")
    find.press_sequentially("flatten")
    expect(visit.tab.locator(".chain-node", has_text="flatten")).to_be_in_viewport(ratio=1)
    expect(find).to_be_in_viewport(ratio=1)


def test_layers_are_added_moved_duplicated_and_removed(visit: Visit) -> None:
    """With buttons, and by dragging; each change is run."""
    visit.open(document({"type": "Conv2D", "filters": 2, "kernel_size": 3}, input=[8, 8, 1]) + "&side=edit")
    add = visit.tab.get_by_label("Layer to add, such as Conv2D")
    add.fill("ReLU")
    add.press("Enter")
    expect(visit.layer("re_lu")).to_be_visible()
    visit.tab.locator(".layer-editor-name", has_text="re_lu").click()
    visit.tab.get_by_role("button", name="Move re_lu up").click()
    expect(visit.tab.locator("section.layer h3")).to_have_text(["re_lu", "conv2d"])
    visit.tab.locator(".layer-editor-name", has_text="conv2d").click()
    visit.tab.get_by_role("button", name="Duplicate conv2d").click()
    expect(visit.tab.locator("section.layer h3")).to_have_text(["re_lu", "conv2d", "conv2d_1"])
    for name in ("re_lu", "conv2d"):  # closed, all of them are in view
        visit.tab.locator(".layer-editor-name", has_text=name).first.click()
    visit.tab.locator(".layer-handle").nth(0).drag_to(visit.tab.locator(".layer-editor-head").nth(2))
    expect(visit.tab.locator("section.layer h3")).to_have_text(["conv2d", "conv2d_1", "re_lu"])
    visit.tab.locator(".layer-editor-name", has_text="re_lu").click()
    visit.tab.get_by_role("button", name="Remove re_lu").click()
    expect(visit.tab.locator("section.layer h3")).to_have_text(["conv2d", "conv2d_1"])


def test_two_inputs_are_chosen_one_by_one(visit: Visit) -> None:
    """The same picture on both sides is the same: the difference is 0 everywhere."""
    visit.open("preset=siamese")
    expect(visit.tab.locator("section.input")).to_have_count(2)
    expect(visit.layer("difference").locator(".statistics dd").nth(3)).not_to_have_text("100 %")
    for side in ("left", "right"):
        section = visit.tab.locator("section.input", has=visit.tab.locator("h3", has_text=side))
        section.get_by_role("button", name="Digit 4", exact=True).click()
    expect(visit.layer("difference").locator(".statistics dd").nth(3)).to_have_text("100 %")
    visit.tab.wait_for_url("**input.left=digit-4*")
    assert "input.right=digit-4" in visit.tab.url


@pytest.mark.parametrize("preset", ["vgg", "signal"])
def test_presets_compute(visit: Visit, preset: str) -> None:
    """Each to a softmax, whose values sum to 1."""
    visit.open(f"preset={preset}")
    visit.tab.locator("section.layer").last.scroll_into_view_if_needed()
    columns = visit.tab.locator("section.layer").last.locator(".column-value")
    expect(columns).not_to_have_count(0)
    values = columns.all_inner_texts()
    assert sum(float(value.replace("\N{MINUS SIGN}", "-")) for value in values) == pytest.approx(1, abs=0.01)


def test_every_application_is_offered(visit: Visit, server: Server) -> None:
    """The page's list is that of the OpenAPI document; one opens with weights from the seed."""
    schemas = server.client.get("/openapi.json").json()["components"]["schemas"].values()
    found = [schema["properties"]["application"] for schema in schemas if "application" in schema.get("properties", {})]
    names = {name for field in found for name in field.get("enum", [field.get("const")])}
    visit.open()
    visit.tab.keyboard.press("n")
    choice = visit.tab.get_by_role("combobox", name="Network", exact=True).locator("option")
    assert set(choice.all_inner_texts()) == names
