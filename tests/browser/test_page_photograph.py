"""The page in a real browser, with a photograph: what it is for a network, why, and as code that reads its file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import keras
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from safetensors.numpy import load

from tests.browser.states import SLOW_MS
from tests.browser.test_page_first import PIXELS, digit
from tests.browser.test_page_networks import INPUT, drop

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Visit
    from tests.conftest import Server

CONV = {"type": "Conv2D", "kernel_size": 3, "padding": "same", "activation": "relu"}
MODEL = {
    "input": [64, 64, 3], "scale": "unit",
    "layers": [{**CONV, "filters": 8}, {"type": "MaxPooling2D"}, {**CONV, "filters": 16}, {"type": "Flatten"},
               {"type": "Dense", "units": 10, "activation": "softmax"}],
}  # fmt: skip
ADDRESS = "document=" + quote(json.dumps(MODEL))
SIZE = (360, 240)
ORIENTATION, QUARTER_TURN = 0x0112, 6


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """As a camera writes it: a JPEG that lies on its side, with noise, and larger than a link can be."""
    x, y = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    sun = 200 * (np.hypot(x - 0.7, y - 0.3) < 0.15)
    scene = np.stack([255 * y + sun, 120 * x + sun, 255 * (1 - y)], axis=-1)
    noisy = scene + np.random.default_rng(0).normal(scale=8, size=scene.shape)
    picture = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    exif = picture.getexif()
    exif[ORIENTATION] = QUARTER_TURN
    picture.rotate(90, expand=True).save(tmp_path / "sun.jpg", quality=92, exif=exif)
    return tmp_path / "sun.jpg"


def explained(server: Server, file: Path, **options: Any) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """What the API says of the photograph: the reply, and its tensors."""
    inputs = [{"image": b64encode(file.read_bytes()).decode()}]
    body = {"model": MODEL, "inputs": inputs, "method": "grad_cam", "resized": True, **options}
    told = server.client.post("/v1/explanations", json={**body, "data": "none"}, timeout=120)
    assert told.status_code == 200, told.text
    reply = server.client.post("/v1/explanations", json={**body, "format": "safetensors"}, timeout=120)
    return told.json(), load(reply.content)


def number(written: str) -> float:
    """A number as the page writes it."""
    return float(written.replace("\N{MINUS SIGN}", "-"))


def give(visit: Visit, file: Path) -> None:
    """Drop a file as the input, and wait until it is computed."""
    figures = visit.tab.locator("section.input .statistics")
    before = figures.inner_text()
    drop(visit, file, INPUT)
    expect(figures).not_to_have_text(before)
    expect(visit.tab.locator("section.input")).to_contain_text("too large for a link")


def panel_of(visit: Visit, photograph: Path) -> Locator:
    """Drop the photograph on the page and ask why; return the panel with the answer."""
    visit.open(ADDRESS)
    give(visit, photograph)
    visit.tab.get_by_role("button", name="Explain").click()
    panel = visit.tab.get_by_role("complementary", name="Explain")
    panel.get_by_label("Method").select_option("grad_cam")
    expect(panel.locator(".explained")).not_to_have_count(0, timeout=SLOW_MS)
    expect(panel.locator(".is-stale, [aria-busy=true]")).to_have_count(0, timeout=SLOW_MS)
    return panel


def score(panel: Locator) -> float:
    """The number that is explained."""
    return number(panel.locator(".score dd").inner_text())


def test_grad_cam_lies_over_a_photograph(visit: Visit, server: Server, photograph: Path) -> None:
    """Over the whole picture; score and range are those of the API."""
    panel = panel_of(visit, photograph)
    reply, tensors = explained(server, photograph)
    address = next(row["address"] for row in reply["layers"] if not row["address"].endswith(":resized"))
    attribution = tensors[f"{address}:resized"]
    assert score(panel) == pytest.approx(reply["target"]["scores"][0], rel=1e-5)
    overlay = panel.locator(".overlay-map")
    said = re.findall(r"from (\S+) to (\S+)$", overlay.get_attribute("aria-label") or "")[0]
    assert [number(one) for one in said] == pytest.approx([attribution.min(), attribution.max()], rel=6e-3, abs=1e-6)
    assert overlay.bounding_box() == panel.locator(".overlay-picture").bounding_box()


def test_a_class_is_explained_against_another(visit: Visit, server: Server, photograph: Path) -> None:
    """The difference of two scores is that of the API; so is its other side, and both stand in the address."""
    panel = panel_of(visit, photograph)
    target = explained(server, photograph)[0]["target"]
    other = f"{target['address']}[{7 if target['argmax'][0] != 7 else 8}]"
    panel.get_by_label("Minus").select_option(other)
    expect(panel.locator(".score dt")).to_contain_text(other, timeout=SLOW_MS)
    contrast = explained(server, photograph, minus=other)[0]["target"]["scores"][0]
    assert score(panel) == pytest.approx(contrast, rel=1e-5)
    panel.get_by_label("Side").select_option("-1")
    expect(panel.locator(".score dt")).to_contain_text("+ ", timeout=SLOW_MS)
    assert score(panel) == pytest.approx(-contrast, rel=1e-5)
    expect(visit.tab).to_have_url(re.compile("minus=.*&sign=-1"))


def test_gradients_of_weights_come_along(visit: Visit, server: Server) -> None:
    """Of the layer that is chosen, as a norm for each weight."""
    visit.open("panel=explain&method=gradient&to=conv2d")
    panel = visit.tab.get_by_role("complementary", name="Explain")
    panel.get_by_label("and by its weights").check()
    rows = panel.get_by_role("table", name="Gradients of the weights").get_by_role("row")
    expect(rows).to_have_count(2, timeout=SLOW_MS)
    body = {"method": "gradient", "to": "conv2d", "weights": "true", "format": "safetensors"}
    reply = server.client.post(
        "/v1/models/example-digits/explanations", files={"image": ("5.png", digit(5))}, data=body
    )
    for row, name in zip(rows.all(), ("kernel", "bias"), strict=True):
        norm = np.linalg.norm(load(reply.content)[f"weights/conv2d/{name}"])
        assert row.inner_text().startswith(f"conv2d/{name}")
        assert number(row.inner_text().split("norm ")[1]) == pytest.approx(norm, rel=2e-3)


def test_the_photograph_is_seen_upright(visit: Visit, photograph: Path) -> None:
    """The sun stands at the upper right, as the camera held it, in the numbers that the network gets."""
    panel_of(visit, photograph)
    canvas = visit.tab.locator("section.input .seen-picture").first
    sides = (int(canvas.evaluate(f"canvas => canvas.{side}")) for side in ("height", "width"))
    pixels = np.array(canvas.evaluate(PIXELS), np.uint8).reshape(*sides, 4)
    green = pixels[..., 1]
    height, width = green.shape
    assert green[int(0.3 * height), int(0.7 * width)] > 200
    assert green[int(0.7 * height), int(0.3 * width)] < 100


@pytest.mark.parametrize("name", ["sun.jpg", "numbers.npy"])
def test_code_of_keras_reads_the_file(visit: Visit, server: Server, photograph: Path, name: str) -> None:
    """Run beside a picture or an array, it prints what the last layer makes of it."""
    folder = photograph.parent
    small = keras.Sequential([keras.Input((96, 96, 3)), keras.layers.GlobalAveragePooling2D(name="mean")])
    np.save(folder / "numbers.npy", np.random.default_rng(1).random((1, 96, 96, 3), np.float32))
    server.client.put("/v1/models/mean", json=json.loads(small.to_json())).raise_for_status()
    visit.open("model=mean&layer=mean")
    give(visit, folder / name)
    visit.tab.get_by_role("button", name="Copy as").click()
    visit.tab.locator(".share-choices label", has_text="Keras").click()
    code = visit.tab.locator(".share-code")
    expect(code).to_contain_text(name)
    (folder / "pasted.py").write_text(code.inner_text().replace("print(", "np.save('out.npy', ") + "\n")
    done = subprocess.run([sys.executable, "pasted.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    shown = [number(value) for value in visit.layer("mean").locator(".column-value").all_inner_texts()]
    assert np.load(folder / "out.npy")[0] == pytest.approx(shown, rel=6e-3)
    if name.endswith(".npy"):
        np.testing.assert_allclose(np.load(folder / "out.npy"), np.load(folder / name).mean((1, 2)), rtol=1e-5)
