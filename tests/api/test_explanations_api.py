"""Explanations over HTTP: both routes, every way of asking, formats, caching and refusals."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENT: dict[str, Any] = {
    "input": [8, 8, 3],
    "layers": [
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu", "name": "conv"},
        {"type": "Flatten", "name": "flat"},
        {"type": "Dense", "units": 3, "activation": "softmax", "name": "head"},
    ],
}
GRAD_CAM = {"method": "grad_cam"}
PNG = {"Content-Type": "image/png"}
PIXELS = np.random.default_rng(3).integers(0, 255, (8, 8, 3), np.uint8)
ASKED = {"model": DOCUMENT, "inputs": PIXELS.tolist()}


def picture() -> bytes:
    """Return the pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG")
    return buffer.getvalue()


def explained(server: Server, **options: Any) -> dict[str, Any]:
    """Return the reply in JSON of the inline route."""
    reply = server.client.post("/v1/explanations", json={**ASKED, **options})
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def test_every_way_of_asking_has_the_same_answer(server: Server) -> None:
    """JSON, a form, a picture as the body, options in the query; inline and registered; formats of tensors."""
    whole = explained(server, of="head:pre[1]", to=["input", "conv"])
    assert [layer["address"] for layer in whole["layers"]] == ["input", "conv"]
    assert whole["target"] == {
        "address": "head:pre", "index": "[1]", "values": whole["target"]["values"], "is_default": False,
        "scores": whole["target"]["values"],
    }  # fmt: skip
    expected = {layer["address"]: np.array(layer["data"], np.float32) for layer in whole["layers"]}
    server.client.put("/v1/models/explained", json=DOCUMENT).raise_for_status()
    query = "?of=head:pre[1]&to=input&to=conv&format=safetensors"
    form = {
        "model": json.dumps(DOCUMENT),
        "of": '{"address": "head:pre", "index": [1]}',
        "to": "input,conv",
        "format": "npz",
    }
    replies = [
        server.client.post(f"/v1/explanations{query}", json=ASKED),
        server.client.post(f"/v1/models/explained/explanations{query}", content=picture(), headers=PNG),
        server.client.post("/v1/explanations", data=form, files={"image": picture()}),
    ]
    for reply in replies:
        assert reply.status_code == 200, reply.text
        is_npz = reply.headers["content-type"] == "application/x-npz"
        tensors = dict(np.load(io.BytesIO(reply.content))) if is_npz else load(reply.content)
        assert set(tensors) == set(expected)
        for address, one in expected.items():
            np.testing.assert_array_equal(tensors[address], one)


def test_a_map_is_drawn(server: Server) -> None:
    """As PNG, with its range in the headers; the layer is chosen."""
    reply = server.client.post("/v1/explanations", json={**ASKED, "method": "grad_cam", "format": "png", "upscale": 2})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png"), reply.text
    assert Image.open(io.BytesIO(reply.content)).size == (12, 12)
    body = explained(server, method="grad_cam")
    (layer,) = body["layers"]
    assert (layer["address"], layer["shape"]) == ("conv", [1, 6, 6])
    low, high = (float(bound) for bound in reply.headers["x-layerscope-range"].split(","))
    assert (low, high) == (pytest.approx(layer["stats"]["min"]), pytest.approx(layer["stats"]["max"]))


def test_views_are_of_the_explanation(server: Server) -> None:
    """As of activations."""
    body = explained(server, of="head:pre[0]", to="conv", reduce="sum@h,w", slice={"conv": "0, :, :, 1:3"})
    whole = explained(server, of="head:pre[0]", to="conv")
    expected = np.array(whole["layers"][0]["data"])[0, :, :, 1:3].sum(axis=(0, 1))
    np.testing.assert_allclose(body["layers"][0]["data"], expected, rtol=1e-5)


def test_a_registered_model_has_an_etag(server: Server) -> None:
    """Which another target, method or option changes; the model is as before."""
    server.client.put("/v1/models/tagged", json=DOCUMENT).raise_for_status()
    before = server.client.get("/v1/models/tagged/weights?format=safetensors").content
    url, body = "/v1/models/tagged/explanations", {"inputs": PIXELS.tolist()}
    tags = {
        server.client.post(url, json={**body, **options}).headers["etag"]
        for options in ({}, {"of": "head:pre[0]"}, {"of": "head:pre[1]"}, {"sign": -1}, {"method": "grad_cam"},
                        {"method": "smooth_grad"}, {"method": "smooth_grad", "samples": 3})
    }  # fmt: skip
    assert len(tags) == 7
    first = server.client.post(url, json=body)
    again = server.client.post(url, json=body, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert server.client.get("/v1/models/tagged/weights?format=safetensors").content == before


@pytest.mark.parametrize(
    ("options", "pointer", "words"),
    [
        ({"method": "nothing"}, "/method", "one of ablation, grad_cam"),
        ({"steps": 3}, "/steps", "method integrated_gradients"),
        ({"method": "integrated_gradients", "steps": 0}, "/steps", "at least 1"),
        ({"method": "integrated_gradients", "steps": 10**9}, "/steps", "at most 1000"),
        ({"method": "occlusion", "value": "NaN"}, "/value", "finite number"),
        ({"method": "smooth_grad", "noise": -1}, "/noise", "more than 0"),
        ({"sign": 2}, "/sign", "1 or -1"),
        ({"to": "head"}, "/to/0", 'write "flat"'),
        ({"to": []}, "/to", "at least 1 item"),
        ({"of": "head[7]"}, "/of", "-3 to 2"),
        ({"of": ["head"]}, "/of", "an address with an index"),
        ({"minus": {"address": "head", "index": {}}}, "/minus/index", "integers"),
        ({"layers": "conv"}, "/layers", 'write "to"'),
        ({"training": True}, "/training", "training"),
        ({"method": "grad_cam", "top": 3}, "/top", "to, with the address of a layer"),
        ({"method": "occlusion", "window": 9}, "/window", "at most 8"),
    ],
)
def test_what_makes_no_sense_is_refused(server: Server, options: dict[str, Any], pointer: str, words: str) -> None:
    """With a pointer to the option, and what to write."""
    reply = server.client.post("/v1/explanations", json={**ASKED, **options})
    assert reply.status_code == 422, reply.text
    (problem,) = reply.json()["errors"]
    assert problem["pointer"] == pointer
    assert words in json.dumps(problem, ensure_ascii=False).replace('\\"', '"')


def test_work_over_the_limit_is_refused_with_what_would_fit(server: Server) -> None:
    """By the plan, before anything is computed."""
    large = {"input": [224, 224, 3], "layers": [
        {"type": "Conv2D", "filters": 64, "kernel_size": 7}, {"type": "Conv2D", "filters": 64, "kernel_size": 7},
        {"type": "GlobalAveragePooling2D"}]}  # fmt: skip
    inputs = {"shape": [1, 224, 224, 3], "data": [0] * (224 * 224 * 3)}
    reply = server.client.post(
        "/v1/explanations", json={"model": large, "inputs": inputs, "method": "integrated_gradients", "steps": 1000}
    )
    assert reply.status_code == 413, reply.text
    assert "fewer steps" in reply.json()["errors"][0]["suggestion"]


def test_the_plan_tells_the_price(server: Server) -> None:
    """In rows, bytes, multiply-adds and seconds; it is what the limits are held against."""
    explanation = {"method": "integrated_gradients", "steps": 20, "of": "head:pre[0]"}
    plan = server.client.post("/v1/plan", json={"model": DOCUMENT, "batch": 3, "explanation": explanation}).json()
    priced = plan["explanation"]
    assert (priced["to"], priced["gradient_rows"], priced["score_rows"]) == (["input"], 20, 2)
    assert priced["macs"] == (3 * 20 + 2) * plan["totals"]["macs"]
    assert priced["row_bytes"] > plan["totals"]["working_bytes"] // 3
    assert priced["seconds"] > 0
    free = server.client.post(
        "/v1/plan", json={"model": DOCUMENT, "batch": None, "explanation": {"method": "grad_cam"}}
    )
    assert free.json()["explanation"] == {
        "to": ["conv"], "gradient_rows": 1, "score_rows": 0, "row_bytes": None, "macs": None, "seconds": None,
    }  # fmt: skip
    refused = server.client.post("/v1/plan", json={"model": DOCUMENT, "explanation": {"of": "nothing"}})
    assert refused.json()["errors"][0]["pointer"] == "/explanation/of"
    query = server.client.post("/v1/plan", params={"explanation": json.dumps(GRAD_CAM)}, json={"model": DOCUMENT})
    assert query.json()["explanation"]["to"] == ["conv"]


def test_maps_lie_over_the_picture_that_was_posted(server: Server) -> None:
    """With the opacity asked for: at 0 the picture itself, at 1 the map in its colours; one item below the other."""
    fields = {"model": json.dumps(DOCUMENT), "method": "grad_cam", "overlay": "true", "format": "png"}
    shown = {}
    for alpha in ("0", "1", "0.5"):
        reply = server.client.post("/v1/explanations", data={**fields, "alpha": alpha}, files={"image": picture()})
        assert reply.status_code == 200, reply.text
        shown[alpha] = np.asarray(Image.open(io.BytesIO(reply.content)).convert("RGB"), np.float64)
    np.testing.assert_array_equal(shown["0"], PIXELS)
    assert np.abs(shown["0.5"] - (shown["0"] + shown["1"]) / 2).max() <= 1
    fields |= {"overlay": "false", "resized": "true", "format": "npz"}
    plain = server.client.post("/v1/explanations", data=fields, files={"image": picture()})
    maps = np.load(io.BytesIO(plain.content))
    assert (maps["conv"].shape, maps["conv:resized"].shape) == ((1, 6, 6), (1, 8, 8))
    brightest = np.unravel_index(maps["conv:resized"][0].argmax(), (8, 8))
    assert shown["1"][brightest].tolist() == [253, 231, 37]


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"overlay": True}, "/overlay"),
        ({"alpha": 0.3}, "/alpha"),
        ({"overlay": True, "format": "png"}, "/method"),
        ({"resized": True}, "/method"),
        ({"overlay": True, "format": "png", "method": "grad_cam", "alpha": 2}, "/alpha"),
    ],
)
def test_overlays_are_pictures_of_maps(server: Server, options: dict[str, Any], pointer: str) -> None:
    """Anything else is refused."""
    reply = server.client.post("/v1/explanations", json={**ASKED, **options})
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, pointer)


def test_targets_have_the_labels_of_their_units(server: Server) -> None:
    """Of the unit that an argmax picked, of one that an index names, of both sides; none where axes are summed."""
    names = ["cat", "dog", "eel"]
    model = {**DOCUMENT, "labels": names}
    picked = explained(server, model=model)["target"]
    assert picked["labels"] == [names[unit] for unit in picked["argmax"]]
    told = explained(server, model=model, of="head:pre[..., 2]", minus="head[1]")["target"]
    assert (told["label"], told["minus"]["label"]) == ("eel", "dog")
    assert "label" not in explained(server, model=model, of="head:pre")["target"]
    assert "label" not in explained(server, model=model, of="conv[0, 0, 1]")["target"]


def test_a_picture_has_its_warnings_in_a_header(server: Server) -> None:
    """Of a probability that is certain: its map is 0 everywhere, and looks like any dark picture."""
    certain = {"of": "head[argmax]", "edits": [{"at": "head:pre", "scale": 1e4}]}
    words = [warning["warning"] for warning in explained(server, **certain)["warnings"]]
    reply = server.client.post("/v1/explanations", json={**ASKED, **certain, "format": "png"})
    assert words == ["saturated", "all_zero"]
    assert reply.headers["x-layerscope-warnings"] == "saturated, all_zero"
    plain = server.client.post("/v1/explanations", json={**ASKED, "format": "png"})
    assert (plain.status_code, "x-layerscope-warnings" in plain.headers) == (200, False)
