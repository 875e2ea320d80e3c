"""The page's panels of a map, of explanations and of code, in a real browser on the real service."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

    from tests.conftest import Server

WAIT_MS = 60_000
MODEL = "/v1/models/example-digits"
FIRST_WORDS = {
    "curl": "curl", "Python": "import httpx", "JavaScript": "await fetch", "Keras": "set_weights",
    "Document": '"layers"',
}  # fmt: skip


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """A tab of a wide window, in which nothing may be written to the console as an error."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, permissions=["clipboard-read"])
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    with without_errors(page):
        yield page
    context.close()


@contextmanager
def without_errors(page: Page) -> Iterator[None]:
    """Fail where the page reported an error while it was used."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if is_of_page(message) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield
    assert errors == []


def is_of_page(message: ConsoleMessage) -> bool:
    """Whether it is an error, and not that of the icon which browsers ask for by themselves."""
    return message.type == "error" and not message.location["url"].endswith("/favicon.ico")


def number(text: str) -> float:
    """Read a number that the page wrote, with its own minus sign."""
    return float(text.replace("−", "-").replace("×", "").strip())


def column(rows: Locator, at: int) -> np.ndarray[Any, Any]:
    """Read the numbers in one column of a table, its heads included in the count."""
    return np.array([number(row.locator("th, td").nth(at).inner_text()) for row in rows.all()])


def element_of(place: Locator) -> list[int]:
    """Read the index of `conv2d[0, 5, 7, 2]`."""
    return [int(part) for part in place.inner_text().split("[")[1].rstrip("]").split(",")]


def opened_map(page: Page, server: Server, layer: str = "conv2d", unit: int = 0) -> Locator:
    """Open the empty page and point at a map of a layer; return its panel, with the arithmetic of a value."""
    page.goto(server.url)
    page.locator(f"[id='map-{layer}-{unit}']").click()
    panel = page.get_by_role("complementary", name="Map")
    expect(panel.locator(".terms-result")).to_be_visible()
    return panel


def seen(server: Server, page: Page) -> dict[str, np.ndarray[Any, Any]]:
    """Return the tensors and weights of the run that the page shows, by what it copies as JSON of a request."""
    page.get_by_role("button", name="Copy as").click()
    expect(page.locator(".share-code")).to_contain_text("curl")
    command = page.locator(".share-code").inner_text()
    page.keyboard.press("Escape")
    body = command.split("<<'END'\n")[1].split("\nEND")[0]
    headers = {"Content-Type": "application/json", "Accept": "application/x-npz"}
    reply = server.client.post(f"{MODEL}/activations?weights=true", content=without_of(body), headers=headers)
    assert reply.status_code == 200, reply.text[:1000]
    return dict(np.load(io.BytesIO(reply.content)))


def without_of(body: str) -> str:
    """Take the element out of a request for arithmetic: the rest is one for activations of all layers."""
    return re.sub(r'"of":"[^"]*",?', "", body).replace('{"inputs"', '{"layers":["input","**"],"inputs"')


def test_terms_of_a_value_add_up_to_it_and_to_numpy(server: Server, tab: Page) -> None:
    """From the empty page to the arithmetic of one value of a convolution: terms, bias, sum, value."""
    panel = opened_map(tab, server)
    _, row, left, channel = element_of(panel.locator(".arithmetic-value code"))
    step = panel.locator(".step").last
    terms = step.locator("tbody tr")
    values, weights, products = (column(terms, at) for at in (1, 2, 3))
    total = number(step.locator(".terms-result td").inner_text())
    bias = number(step.get_by_role("row", name="bias").locator("td").inner_text())
    np.testing.assert_allclose(values * weights, products, rtol=2e-6, atol=1e-9)
    np.testing.assert_allclose(products.sum() + bias, total, rtol=1e-5)
    arrays = seen(server, tab)
    picture = np.pad(arrays["input"][0, :, :, 0].astype(np.float64), 1)
    window = picture[row : row + 3, left : left + 3]
    kernel = arrays["weights/conv2d/kernel"][:, :, 0, channel].astype(np.float64)
    expected = (window * kernel).sum() + arrays["weights/conv2d/bias"][channel]
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    np.testing.assert_allclose(total, arrays["conv2d"][0, row, left, channel], rtol=1e-6)


def test_arrow_keys_choose_values_and_the_address_keeps_them(server: Server, tab: Page) -> None:
    """A link leads to the same value; the receptive field is outlined in the layers before and the picture."""
    panel = opened_map(tab, server, "max_pooling2d", 1)
    place = panel.locator(".arithmetic-value code")
    row = min(element_of(place)[1] + 1, 13)
    window = panel.get_by_role("slider")
    window.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowDown"):
        window.press(key)
    expect(place).to_have_text(f"max_pooling2d[0, {row}, 2, 1]")
    expect(tab).to_have_url(re.compile(f"element={row}%2C2"))
    expect(tab.locator(".input-outline .read-outline")).to_be_visible()
    expect(tab.locator("#map-conv2d-1 .read-outline")).to_be_visible()
    expect(tab.locator("#map-conv2d-0 .read-outline")).to_have_count(0)
    tab.reload()
    expect(place).to_have_text(f"max_pooling2d[0, {row}, 2, 1]")


def test_saved_values_are_those_of_the_service(server: Server, tab: Page) -> None:
    """The npz of a map has the bits that the engine computed; the PNG is one."""
    panel = opened_map(tab, server, "conv2d", 2)
    with tab.expect_download() as saved:
        panel.get_by_role("button", name="Save npz").click()
    values = np.load(saved.value.path())["conv2d"]
    np.testing.assert_array_equal(values, seen(server, tab)["conv2d"][:, :, :, 2:3])
    with tab.expect_download() as picture:
        panel.get_by_role("button", name="Save PNG").click()
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")


def test_grad_cam_lies_over_the_picture(server: Server, tab: Page) -> None:
    """The score is that of the largest class before the softmax; another class and method are one choice away."""
    tab.goto(server.url)
    tab.get_by_role("button", name="Explain").click()
    panel = tab.get_by_role("complementary", name="Explain")
    panel.get_by_label("Method").select_option("grad_cam")
    expect(panel.locator(".overlay-map")).to_be_visible()
    score = number(panel.locator(".score dd").inner_text())
    scores = seen_scores(server, tab)
    np.testing.assert_allclose(score, scores.max(), rtol=1e-5)
    panel.get_by_label("Number").select_option("dense:pre[3]")
    expect(panel.locator(".score dt")).to_contain_text("dense:pre[3]")
    np.testing.assert_allclose(number(panel.locator(".score dd").inner_text()), scores[3], rtol=1e-5)
    for method in ("integrated_gradients", "occlusion", "gradient"):
        panel.get_by_label("Method").select_option(method)
        expect(panel.locator(".explained .overlay figcaption")).to_contain_text("input")
        expect(tab).to_have_url(re.compile(f"method={method}"))
    assert panel.get_by_role("alert").count() == 0


def seen_scores(server: Server, page: Page) -> np.ndarray[Any, Any]:
    """Compute the scores before the softmax with NumPy, from what the last layer reads and its weights."""
    panel = page.get_by_role("navigation", name="Panels").get_by_role("button", name="Explain")
    panel.click()
    arrays = seen(server, page)
    panel.click()
    scores = arrays["flatten"][0].astype(np.float64) @ arrays["weights/dense/kernel"] + arrays["weights/dense/bias"]
    return np.asarray(scores)


def copied(page: Page, language: str) -> str:
    """Return the code of what is shown."""
    page.get_by_role("button", name="Copy as").click()
    page.locator(".share-choices label", has_text=re.compile(f"^{language}$")).click()
    code = page.locator(".share-code")
    expect(code).to_contain_text(FIRST_WORDS[language])
    return code.inner_text()


def run_code(code: str, language: str, folder: Path) -> str:
    """Run it as a reader would; return what it prints."""
    file = folder / "code.mjs"
    file.write_text(code)
    command = {"curl": ["bash"], "JavaScript": [ROOT / "scripts/node", "node"]}.get(language, [sys.executable])
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([*command, file], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize(("language", "read"), [
    ("curl", lambda told: json.loads(told)["value"]),
    ("Python", lambda told: ast.literal_eval(told)["value"]),
    ("JavaScript", lambda told: float(re.findall(r"^  value: (.*?),?$", told, re.MULTILINE)[0])),
])  # fmt: skip
def test_code_of_a_request_works_where_it_is_pasted(
    server: Server, tab: Page, tmp_path: Path, language: str, read: Callable[[str], float]
) -> None:
    """Each command or program runs as it stands and prints the value that the page shows."""
    panel = opened_map(tab, server)
    value = number(panel.locator(".terms-result td").last.inner_text())
    np.testing.assert_allclose(read(run_code(copied(tab, language), language, tmp_path)), value, rtol=1e-6)


def test_code_of_keras_computes_the_layer_that_is_shown(server: Server, tab: Page, tmp_path: Path) -> None:
    """The network and its weights in Keras, on the input that the page shows."""
    opened_map(tab, server)
    code = copied(tab, "Keras").replace("print(", "result = (") + "\nnp.save('result.npy', result)\n"
    run_code(code.replace("'result.npy'", repr(str(tmp_path / "result.npy"))), "Keras", tmp_path)
    tab.keyboard.press("Escape")
    expected = seen(server, tab)["conv2d"]
    np.testing.assert_allclose(np.load(tmp_path / "result.npy"), expected, rtol=1e-5, atol=1e-6)


def test_document_is_what_the_service_takes(server: Server, tab: Page) -> None:
    """It is planned as it was copied."""
    opened_map(tab, server)
    reply = server.client.post("/v1/plan", json={"model": json.loads(copied(tab, "Document"))})
    assert (reply.status_code, reply.json()["model"]["name"]) == (200, "digits")
