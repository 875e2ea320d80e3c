"""The page in a real browser: runs that are compared, channels that are switched off, and diagnoses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import expect
from safetensors.numpy import load, save

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import Server

DEAD = 2
CHAIN: dict[str, Any] = {
    "input": [8, 8, 1], "seed": 3, "scale": "unit",
    "layers": [
        {"type": "Conv2D", "name": "conv", "filters": 4, "kernel_size": 3},
        {"type": "ReLU", "name": "relu"},
        {"type": "Flatten", "name": "flatten"},
        {"type": "Dense", "name": "dense", "units": 3, "activation": "softmax"},
    ],
}  # fmt: skip
EDIT = [{"at": "conv", "channels": [1], "zero": True}]


@pytest.fixture
def model(server: Server) -> str:
    """The chain with random weights, registered; the bias of one filter lies far below zero, so that it is dead."""
    random = np.random.default_rng(0)
    bias = np.zeros(4)
    bias[DEAD] = -100
    weights = {
        "conv/kernel": random.normal(size=(3, 3, 1, 4)), "conv/bias": bias,
        "dense/kernel": random.normal(size=(144, 3)) / 20, "dense/bias": np.zeros(3),
    }  # fmt: skip
    put(server, "compared", {name: array.astype(np.float32) for name, array in weights.items()})
    return "compared"


def put(server: Server, name: str, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    """Register the chain with these weights."""
    parts = {"model": (None, json.dumps(CHAIN)), "weights": ("w.safetensors", save(arrays))}
    server.client.put(f"/v1/models/{name}", files=parts).raise_for_status()


@pytest.fixture
def told(page: Page) -> Iterator[list[str]]:
    """What the page writes to the console or throws; nothing at the end."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    assert said == []


def open_page(server: Server, page: Page, **parts: str) -> None:
    """Open the page on a state, and wait until its layers are computed."""
    page.goto(f"{server.url}/#{urlencode(parts)}")
    expect(page.locator("section.layer")).not_to_have_count(0, timeout=60_000)


def inputs() -> list[Any]:
    """Numbers that are as good as any picture: of a formula, so that the address and the API have the same."""
    return [[[round(float(np.sin(7 * row + column)), 3)] for column in range(8)] for row in range(8)]


def numbers() -> str:
    """The inputs as the address has them."""
    return "numbers:" + str([inputs()]).replace(" ", "")


def compared(server: Server, name: str, b: dict[str, Any]) -> dict[str, Any]:
    """What the API says of the registered model on the inputs against another side."""
    reply = server.client.post(f"/v1/models/{name}/comparisons", json={"inputs": [inputs()], "b": b})
    assert reply.status_code == 200, reply.text
    return {row["address"]: row for row in reply.json()["layers"]}


def number(written: str) -> float:
    """A number as the page writes it."""
    return float(written.replace("\N{MINUS SIGN}", "-"))


def listed(page: Page) -> dict[str, list[str]]:
    """Each layer in the list of differences: its status and figure."""
    rows = page.locator(".difference").all()
    return {
        row.locator("span").first.inner_text(): row.locator(":scope > span").all_inner_texts()[1::2] for row in rows
    }


def test_a_channel_that_is_switched_off_shows_its_difference(
    server: Server, page: Page, model: str, told: list[str]
) -> None:
    """Downstream layers differ as the API says, those before are equal, and the chip takes the change back."""
    open_page(server, page, model=model, input=numbers(), panel="compare", layer="conv")
    page.get_by_role("button", name="Pin this run as A").click()
    page.get_by_role("group", name=re.compile("conv: click a channel")).get_by_role("button", name="channel 1").click()
    expect(page.locator(".edit-chip")).to_contain_text("conv · channel 1 off")
    expect(page.locator(".difference.is-first .difference-name")).to_have_text("conv")
    expected = compared(server, model, {"edits": EDIT})
    rows = listed(page)
    assert list(rows) == ["conv", "relu", "flatten", "dense"]
    for address, (status, relative) in rows.items():
        assert status == expected[address]["status"] == "differs"
        assert number(relative) == pytest.approx(expected[address]["rel_l2"], rel=0.06)
    page.locator(".edit-chip button").click()
    expect(page.locator(".edit-chip")).to_have_count(0)
    expect(page.locator(".difference")).to_have_count(0)
    expect(page.get_by_text("A and B are the same.")).to_be_visible()


def test_maps_of_a_run_follow_its_edits(server: Server, page: Page, model: str, told: list[str]) -> None:
    """A map that is switched off by the button of its layer is marked, and the layers below have other numbers."""
    open_page(server, page, model=model, input=numbers())
    top = page.locator("#layer-dense .columns")
    before = top.inner_text()
    page.locator("#map-relu-1").click()
    page.get_by_role("button", name="Switch channel 1 off").click()
    expect(page.locator("#map-relu-1")).to_have_class(re.compile("is-off"))
    expect(top).not_to_have_text(before)
    expected = server.client.post(
        f"/v1/models/{model}/activations",
        json={"inputs": [inputs()], "layers": ["dense"], "data": "nested",
              "edits": [{"at": "relu", "channels": [1], "zero": True}]},
    ).json()["layers"][0]["data"][0]  # fmt: skip
    shown = [number(value) for value in page.locator("#layer-dense .column-value").all_inner_texts()]
    assert shown == pytest.approx(expected, abs=6e-4)


def test_float16_against_float32(server: Server, page: Page, model: str, told: list[str]) -> None:
    """The precision alone differs, and the figures are those of the API."""
    open_page(server, page, model=model, input=numbers(), panel="compare")
    page.get_by_role("button", name="Pin this run as A").click()
    page.get_by_label("Precision").select_option("float16")
    expect(page.locator(".difference")).to_have_count(4)
    expected = compared(server, model, {"dtype": "float16"})
    for address, (_, relative) in listed(page).items():
        assert 0 < expected[address]["rel_l2"] < 0.01
        assert number(relative) == pytest.approx(expected[address]["rel_l2"], rel=0.1, abs=6e-4)


def test_other_weights_of_the_same_network(server: Server, page: Page, model: str, told: list[str]) -> None:
    """Another registered model is chosen for B: only from the layer whose weights differ on do numbers part."""
    saved = server.client.get(f"/v1/models/{model}/weights", params={"format": "safetensors"}).content
    arrays = {name.removeprefix("weights/"): array for name, array in load(saved).items()}
    put(server, "other", {**arrays, "dense/bias": np.array([1, 0, 0], np.float32)})
    open_page(server, page, model=model, input=numbers(), panel="compare", layer="dense")
    page.get_by_role("button", name="Pin this run as A").click()
    page.get_by_role("region", name="B, shown").get_by_label("Network").select_option("other")
    expect(page.locator(".difference.is-first .difference-name")).to_have_text("dense")
    assert [status for status, _ in listed(page).values()] == ["equal", "equal", "equal", "differs"]
    expect(page.locator("#layer-dense")).to_be_visible()


def test_the_address_gives_the_same_view(server: Server, page: Page, model: str, told: list[str]) -> None:
    """After a reload, the pinned run, the change, the layer and its difference maps are there."""
    open_page(server, page, model=model, input=numbers(), panel="compare", layer="relu", pin=f"model={model}",
              edits=json.dumps(EDIT), measure="difference")  # fmt: skip
    expect(page.get_by_text("2 things differ")).to_be_visible()
    expect(page.locator(".difference-map")).to_have_count(4)
    before = listed(page)
    page.wait_for_timeout(500)
    page.reload()
    expect(page.locator(".difference-map")).to_have_count(4)
    assert listed(page) == before
    expect(page.locator(".measure select")).to_have_value("difference")
    page.locator(".difference-map").nth(3).click()
    expect(page.locator("#map-relu-3")).to_have_attribute("aria-selected", "true")


def test_a_diagnosis_leads_to_its_layer(server: Server, page: Page, model: str, told: list[str]) -> None:
    """The dead channel is found over the samples; the finding leads to its layer and marks its map, also later."""
    open_page(server, page, model=model, panel="diagnose")
    found = page.locator(".finding", has_text="Dead units")
    expect(found).to_contain_text("relu", timeout=30_000)
    expect(found).to_contain_text("1 of 4 units return 0 for all items")
    expect(found).to_contain_text("items40")
    found.get_by_role("button", name="Go to relu").click()
    expect(page.locator(f"#map-relu-{DEAD}")).to_have_class(re.compile("is-marked"))
    expect(page.locator(".map-tile.is-marked")).to_have_count(1)
    expect(page.locator("#layer-relu")).to_have_class(re.compile("is-chosen"))
    page.wait_for_timeout(500)
    page.reload()
    expect(page.locator(f"#map-relu-{DEAD}")).to_have_class(re.compile("is-marked"), timeout=30_000)


def test_a_diagnosis_of_one_item_says_what_needs_more(server: Server, page: Page, model: str, told: list[str]) -> None:
    """The input alone is too little for dead units; files that are added are counted."""
    open_page(server, page, model=model, panel="diagnose", items="shown")
    few = page.locator(".rest", has_text="Too few items")
    few.locator("summary").click()
    expect(few).to_contain_text("Dead units relu")
    array = np.random.default_rng(1).random((36, 8, 8, 1), np.float32)
    page.get_by_label("Add files").set_input_files(
        {"name": "a.npy", "mimeType": "application/octet-stream", "buffer": npy(array)}
    )
    expect(page.locator(".finding", has_text="Dead units")).to_contain_text("items36")


def npy(array: np.ndarray[Any, Any]) -> bytes:
    """The array as the content of a file."""
    content = BytesIO()
    np.save(content, array)
    return content.getvalue()
