"""Comparisons over HTTP: of a network with itself, in other precisions and modes, with other weights and pictures."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load, save

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENT: dict[str, Any] = {
    "input": [8, 8, 3],
    "scale": "unit",
    "layers": [
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu", "name": "conv"},
        {"type": "BatchNormalization", "name": "batch"},
        {"type": "Dropout", "rate": 0.5, "name": "drop"},
        {"type": "Flatten", "name": "flat"},
        {"type": "Dense", "units": 3, "activation": "softmax", "name": "head"},
    ],
}
LAYERS = ["conv", "batch", "drop", "flat", "head"]
PIXELS = np.random.default_rng(3).integers(0, 255, (8, 8, 3), np.uint8)
SENT = (PIXELS / 255).tolist()
OTHER = np.random.default_rng(4).random((8, 8, 3)).tolist()
PNG = {"Content-Type": "image/png"}
Array = np.ndarray[Any, Any]


def picture(pixels: Array = PIXELS) -> bytes:
    """Return pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def renamed(old: str, new: str) -> dict[str, Any]:
    """Return the network with a layer of another name, whose weights are drawn for it."""
    layers = [{**layer, "name": new if layer["name"] == old else layer["name"]} for layer in DOCUMENT["layers"]]
    return {**DOCUMENT, "layers": layers}


def compared(server: Server, b: dict[str, Any], a: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """Return the reply in JSON of the inline route."""
    body = {"a": {"model": DOCUMENT, "inputs": SENT, **(a or {})}, "b": b, **options}
    reply = server.client.post("/v1/comparisons", json=body)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def statuses(body: dict[str, Any]) -> dict[str, str]:
    """Return the status of each entry by address."""
    return {layer["address"]: layer["status"] for layer in body["layers"]}


def activations(server: Server, **options: Any) -> dict[str, Array]:
    """Run one side by itself, and return its layers."""
    body = {"model": DOCUMENT, "inputs": SENT, "format": "safetensors", **options}
    reply = server.client.post("/v1/activations", json=body)
    assert reply.status_code == 200, reply.text
    return load(reply.content)


def test_a_network_with_itself(server: Server) -> None:
    """Every tensor is equal; nothing of them is sent."""
    body = compared(server, {})
    assert (body["equal"], body["close"], body["first_divergence"]) == (True, True, None)
    assert statuses(body) == dict.fromkeys(LAYERS, "equal")
    conv = body["layers"][0]
    assert conv == {
        "address": "conv", "type": "Conv2D", "shape": [1, 6, 6, 4], "dtype": "float32", "parameters": 112,
        "status": "equal", "a": {"address": "conv", "shape": [1, 6, 6, 4], "dtype": "float32"},
        "b": {"address": "conv", "shape": [1, 6, 6, 4], "dtype": "float32"},
        "max_abs": 0.0, "mean_abs": 0.0, "rel_l2": 0.0, "cosine": pytest.approx(1), "snr_db": "Infinity", "max_ulp": 0,
        "argmax_agrees": 1.0, "at": None, "not_finite": 0, "tolerance": {"rtol": 1.3e-06, "atol": 1e-05},
    }  # fmt: skip
    assert body["b"]["model"]["id"] == body["model"]["id"]


def test_two_pictures(server: Server) -> None:
    """The figures are NumPy's on both runs by themselves, and so is a - b."""
    body = compared(server, {"inputs": OTHER}, data="nested", stats=True)
    a, b = activations(server), activations(server, inputs=OTHER)
    for layer in body["layers"]:
        x, y = (side[layer["address"]].astype(np.float64) for side in (a, b))
        np.testing.assert_allclose(np.array(layer["data"]), x - y, rtol=1e-6, atol=1e-30)
        assert layer["status"] == "differs"
        assert layer["max_abs"] == np.abs(x - y).max()
        assert layer["rel_l2"] == pytest.approx(np.linalg.norm(x - y) / np.linalg.norm(x))
        assert layer["stats"]["min"] == pytest.approx((x - y).min(), rel=1e-6)
        index = tuple(layer["at"]["index"])
        assert (layer["at"]["a"], layer["at"]["b"]) == (x[index], y[index])
    assert body["first_divergence"] == "conv"


@pytest.mark.parametrize(
    ("dtype", "result", "step"),
    [("float16", "float16", 2**-11), ("bfloat16", "bfloat16", 2**-8), ("float64", "float64", 2**-24),
     ("mixed_float16", "float16", 2**-11)],
)  # fmt: skip
def test_two_precisions(server: Server, dtype: str, result: str, step: float) -> None:
    """The same weights under another policy: the results have its dtype and lie as far apart as it rounds."""
    body = compared(server, {"dtype": dtype}, weights=True)
    for layer in body["layers"]:
        assert (layer["a"]["dtype"], layer["b"]["dtype"]) == ("float32", result)
        assert 0 < layer["rel_l2"] < 20 * step
        assert layer["status"] != "equal"
    weights = {weight["name"]: weight for weight in body["layers"][0]["weights"]}
    assert list(weights) == ["kernel", "bias"]
    is_same = dtype == "mixed_float16"
    assert weights["kernel"]["status"] == ("equal" if is_same else "close")
    assert weights["kernel"]["max_ulp"] == 0


def test_weights_of_a_file_in_another_precision(server: Server) -> None:
    """They are cast as they are."""
    server.client.put("/v1/models/precise", json=DOCUMENT).raise_for_status()
    kernel = load(server.client.get("/v1/models/precise/weights?format=safetensors").content)
    files = {"model": json.dumps(DOCUMENT), "weights": ("w.safetensors", save({k: v * 3 for k, v in kernel.items()}))}
    server.client.put("/v1/models/precise", files={"weights": files["weights"]}, data={"model": files["model"]}
                      ).raise_for_status()  # fmt: skip
    body = {"inputs": SENT, "b": {"dtype": "float16"}, "weights": True}
    reply = server.client.post("/v1/models/precise/comparisons", json=body)
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert [weight["max_ulp"] for layer in found["layers"] for weight in layer.get("weights", [])] == [0] * 8
    assert found["layers"][0]["rel_l2"] < 1e-2


def test_two_weight_files(server: Server) -> None:
    """Two registered models of one network: the layer with other weights is the first that diverges."""
    server.client.put("/v1/models/before", json=DOCUMENT).raise_for_status()
    tensors = load(server.client.get("/v1/models/before/weights?format=safetensors").content)
    after = tensors | {"weights/head/bias": tensors["weights/head/bias"] + np.arange(3, dtype=np.float32)}
    reply = server.client.put(
        "/v1/models/after", data={"model": json.dumps(DOCUMENT)}, files={"weights": ("w.safetensors", save(after))}
    )
    reply.raise_for_status()
    body = {"inputs": SENT, "b": {"model": "after"}, "weights": True}
    found = server.client.post("/v1/models/before/comparisons", json=body).json()
    assert found["first_divergence"] == "head"
    assert list(statuses(found).values()) == ["equal"] * 4 + ["differs"]
    weights = {weight["name"]: weight["status"] for weight in found["layers"][-1]["weights"]}
    assert weights == {"kernel": "equal", "bias": "differs"}
    assert (found["model"]["name"], found["b"]["model"]["name"]) == ("before", "after")
    by_name = {"a": {"model": "before", "inputs": SENT}, "b": {"model": "after"}}
    inline = server.client.post("/v1/comparisons", json=by_name).json()
    assert statuses(inline) == statuses(found)


def test_training_against_inference(server: Server) -> None:
    """BatchNormalization is the first layer that behaves otherwise."""
    body = compared(server, {"training": True})
    assert body["first_divergence"] == "batch"
    assert statuses(body)["conv"] == "equal"


def test_renamed_and_removed_layers(server: Server) -> None:
    """They are of one side, unless they are paired."""
    other = renamed("conv", "first")
    body = compared(server, {"model": other})
    assert statuses(body)["conv"] == "only_a"
    assert statuses(body)["first"] == "only_b"
    assert (body["equal"], body["close"]) == (False, False)
    only = {layer["address"]: layer for layer in body["layers"]}
    assert only["conv"]["b"] is None
    assert "shape" not in only["conv"]
    paired = compared(server, {"model": other}, pairs={"conv": "first"}, layers=["conv", "conv:pre", "input"])
    assert [(layer["a"]["address"], layer["b"]["address"]) for layer in paired["layers"]] == [
        ("input", "input"), ("conv:pre", "first:pre"), ("conv", "first"),
    ]  # fmt: skip
    by_second = compared(server, {"model": other}, pairs={"conv": "first"}, layers=["first", "head"])
    assert list(statuses(by_second)) == ["conv", "head"]
    without = {**DOCUMENT, "layers": [layer for layer in DOCUMENT["layers"] if layer["name"] != "batch"]}
    removed = compared(server, {"model": without})
    assert [statuses(removed)[name] for name in ("conv", "batch", "drop")] == ["equal", "only_a", "differs"]
    assert removed["first_divergence"] == "drop"


def test_another_shape(server: Server) -> None:
    """It is named, and what follows may have the same shape again."""
    layers = [{**layer, **({"filters": 6} if layer["name"] == "conv" else {})} for layer in DOCUMENT["layers"]]
    body = compared(server, {"model": {**DOCUMENT, "layers": layers}}, weights=True)
    assert statuses(body)["conv"] == "shape_differs"
    assert statuses(body)["head"] == "differs"
    assert body["first_divergence"] == "conv"
    assert (body["layers"][0]["a"]["shape"], body["layers"][0]["b"]["shape"]) == ([1, 6, 6, 4], [1, 6, 6, 6])
    assert {weight["status"] for weight in body["layers"][0]["weights"]} == {"shape_differs"}


def test_edited_against_clean(server: Server) -> None:
    """An edit on one side is the only difference; it counts where it begins."""
    body = compared(server, {"edits": [{"at": "batch", "channels": [1], "zero": True}]})
    assert body["first_divergence"] == "batch"
    assert statuses(body)["conv"] == "equal"
    assert body["edits"]["a"] == []
    assert body["edits"]["b"][0]["addresses"] == ["batch"]
    back = compared(server, {"edits": []}, {"edits": [{"at": "batch", "channels": [1], "zero": True}]})
    assert back["first_divergence"] == "batch"


def test_views_and_formats(server: Server) -> None:
    """Tensors are a - b, after their views; pictures are in coolwarm, symmetric."""
    asked = {"a": {"model": DOCUMENT, "inputs": SENT}, "b": {"inputs": OTHER}}
    a, b = activations(server), activations(server, inputs=OTHER)
    reply = server.client.post("/v1/comparisons", json={**asked, "format": "npz"})
    tensors = dict(np.load(io.BytesIO(reply.content)))
    assert list(tensors) == LAYERS
    for name, one in tensors.items():
        np.testing.assert_allclose(one, a[name] - b[name], rtol=1e-5, atol=1e-6)
    body = compared(server, asked["b"], data="nested", reduce={"conv": "mean@h,w"}, layers="conv")
    np.testing.assert_allclose(body["layers"][0]["data"], (a["conv"] - b["conv"]).mean((1, 2)), rtol=1e-4, atol=1e-5)
    drawn = server.client.post("/v1/comparisons", json={**asked, "format": "png", "layers": ["conv"]})
    assert drawn.status_code == 200, drawn.text
    low, high = map(float, drawn.headers["x-layerscope-range"].split(","))
    assert -low == high == pytest.approx(np.abs(a["conv"] - b["conv"]).max())
    assert drawn.headers["x-layerscope-normalize"] == "symmetric"


def test_pictures_leave_out_what_has_no_difference(server: Server) -> None:
    """Layers of one side, or of two shapes, are not drawn; without any other there is no picture."""
    layers = [{**layer, **({"filters": 6} if layer["name"] == "conv" else {})} for layer in DOCUMENT["layers"]]
    asked = {"a": {"model": DOCUMENT, "inputs": SENT}, "b": {"model": {**DOCUMENT, "layers": layers}}}
    drawn = server.client.post("/v1/comparisons", json={**asked, "format": "png", "layers": ["conv", "head"]})
    assert drawn.status_code == 200, drawn.text
    none = server.client.post("/v1/comparisons", json={**asked, "format": "png", "layers": ["conv"]})
    assert (none.status_code, none.json()["errors"][0]["pointer"]) == (422, "/layers")


@pytest.mark.parametrize("data", ["none", "nested", "base64"])
def test_streams_of_entries_with_and_without_tensors(server: Server, data: str) -> None:
    """As one object or as lines: figures of every pair, and a - b where there is one."""
    body = {"a": {"model": DOCUMENT, "inputs": SENT}, "b": {"model": renamed("conv", "first")}, "data": data}
    whole = server.client.post("/v1/comparisons", json=body)
    lines = server.client.post("/v1/comparisons", json={**body, "format": "jsonl"})
    head, *layers = [json.loads(line) for line in lines.text.splitlines()]
    assert layers == whole.json()["layers"]
    assert head["first_divergence"] == whole.json()["first_divergence"]
    key = {"none": None, "nested": "data", "base64": "base64"}[data]
    for layer in layers:
        assert (key in layer) == (key is not None and layer["a"] is not None and layer["b"] is not None)


def test_every_way_of_asking(server: Server) -> None:
    """A form, a picture as the body, and options in the query have the answer of JSON."""
    server.client.put("/v1/models/sides", json=DOCUMENT).raise_for_status()
    b = json.dumps({"dtype": "float16"})
    url = "/v1/models/sides/comparisons"
    replies = [
        server.client.post(url, json={"inputs": SENT, "b": {"dtype": "float16"}, "layers": ["head"]}),
        server.client.post(url, content=picture(), headers=PNG, params={"b": b, "layers": "head"}),
        server.client.post(url, data={"b": b, "layers": "head"}, files={"image": picture()}),
        server.client.post(
            "/v1/comparisons",
            data={"model": json.dumps(DOCUMENT), "b": b, "layers": "head"},
            files={"image": picture()},
        ),
    ]
    bodies = [reply.json() for reply in replies]
    assert [reply.status_code for reply in replies] == [200] * 4, bodies
    assert all(body["layers"] == bodies[0]["layers"] for body in bodies)


def test_tolerances(server: Server) -> None:
    """Those of the request decide what is close."""
    assert compared(server, {"dtype": "float16"}, tolerance={"rtol": 0.1, "atol": 0.1})["close"] is True
    strict = compared(server, {"dtype": "float64"}, tolerance={"rtol": 0})
    assert strict["first_divergence"] == "conv"
    assert strict["layers"][0]["tolerance"] == {"rtol": 0.0, "atol": 0.0}


def test_a_registered_model_has_an_etag(server: Server) -> None:
    """Which the second side changes, too; training has none."""
    server.client.put("/v1/models/compared", json=DOCUMENT).raise_for_status()
    url = "/v1/models/compared/comparisons"
    sides = ({}, {"dtype": "float16"}, {"inputs": OTHER}, {"model": renamed("drop", "other")},
             {"edits": [{"at": "batch", "zero": True}]})  # fmt: skip
    tags = {
        server.client.post(url, json={"inputs": SENT, "b": b}).headers["etag"] for b in sides
    }  # fmt: skip
    assert len(tags) == len(sides)
    first = server.client.post(url, json={"inputs": SENT, "b": {}})
    headers = {"If-None-Match": first.headers["etag"]}
    again = server.client.post(url, json={"inputs": SENT, "b": {}}, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    trained = server.client.post(url, json={"inputs": SENT, "b": {"training": True}})
    assert "etag" not in trained.headers


def test_models_do_not_change(server: Server) -> None:
    """Weights are as before."""
    server.client.put("/v1/models/kept", json=DOCUMENT).raise_for_status()
    before = server.client.get("/v1/models/kept/weights?format=safetensors").content
    for b in ({"training": True}, {"dtype": "float16"}):
        server.client.post("/v1/models/kept/comparisons", json={"inputs": SENT, "b": b}).raise_for_status()
    assert server.client.get("/v1/models/kept/weights?format=safetensors").content == before


def large_input(rows: int) -> list[Any]:
    """Return numbers that take more than half a megabyte of JSON."""
    return np.random.default_rng(0).random((rows, 40)).tolist()


def test_large_inputs_of_sides(server: Server) -> None:
    """They may have as many numbers as those of a run."""
    document = {"input": [40], "layers": [{"type": "Dense", "units": 2, "name": "dense"}]}
    body = {"a": {"model": document, "inputs": large_input(4000)}, "b": {"inputs": large_input(4000)}}
    assert len(json.dumps(body)) > 2**21
    reply = server.client.post("/v1/comparisons", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["equal"] is True


BROKEN = {**DOCUMENT, "layers": [*DOCUMENT["layers"], {"type": "Conv2D", "filters": 1, "kernel_size": 3}]}


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"b": None}, "/b", "object"),
        ({"b": {"modle": 1}}, "/b/modle", 'write "model"'),
        ({"b": {"dtype": "int8"}}, "/b/dtype", "float16"),
        ({"b": {"training": "yes"}}, "/b/training", "true or false"),
        ({"b": {"inputs": [1, 2]}}, "/b/inputs", "(batch, 8, 8, 3)"),
        ({"b": {"model": {"layers": [{"type": "Dens"}]}}}, "/b/model/layers/0/type", 'write "Dense"'),
        ({"b": {"model": BROKEN}}, "/b/model/layers/5", "4 axes"),
        ({"b": {"model": "nothing-of-this-name"}}, "/b/model", "a registered model"),
        ({"b": {"edits": [{"at": "nothing", "zero": True}]}}, "/b/edits/0/at", "one of"),
        ({"a": {"model": BROKEN, "inputs": SENT}, "b": {}}, "/a/model/layers/5", "4 axes"),
        ({"a": {"inputs": SENT}, "b": {}}, "/model", "a model document"),
        ({"a": {"model": DOCUMENT}, "b": {}}, "/inputs", "an image"),
        ({"model": DOCUMENT}, "/a/model", "one of them"),
        ({"inputs": [1]}, "/a/inputs", "one of them"),
        ({"layers": "nothing"}, "/layers/0", "one of"),
        ({"pairs": {"conv": "nothing"}}, "/pairs/conv", "one of"),
        ({"pairs": {"conv": "head", "flat": "head"}}, "/pairs/flat", "once"),
        ({"pairs": ["conv"]}, "/pairs", "object"),
        ({"tolerance": {"rtol": -1}}, "/tolerance/rtol", "at least 0"),
        ({"tolerance": {"relative": 1}}, "/tolerance/relative", "rtol"),
        ({"reduce": "mean@t"}, "/reduce", "axes out of"),
        ({"layers": ["conv", "head"], "format": "npy"}, "/layers", "one layer"),
        ({"b": {"model": {"input": [8, 8, 3], "layers": [{"type": "Flatten", "name": "only"}]}}}, "/pairs", "pairs"),
    ],
)  # fmt: skip
def test_refusals(server: Server, change: dict[str, Any], pointer: str, words: str) -> None:
    """They point into the side that is at fault."""
    asked = {"a": {"model": DOCUMENT, "inputs": SENT}, "b": {}, **change}
    reply = server.client.post("/v1/comparisons", json=asked)
    assert 400 <= reply.status_code < 500, reply.text
    problem = reply.json()["errors"][0]
    assert problem["pointer"] == pointer, problem
    assert words in " ".join(map(str, problem.values())), problem


def test_the_path_names_the_first_model(server: Server) -> None:
    """So that the body does not."""
    server.client.put("/v1/models/named", json=DOCUMENT).raise_for_status()
    url, inputs = "/v1/models/named/comparisons", SENT
    for body, pointer in (({"model": DOCUMENT, "inputs": inputs}, "/model"),
                          ({"a": {"model": DOCUMENT}, "inputs": inputs}, "/a/model")):  # fmt: skip
        reply = server.client.post(url, json={**body, "b": {}})
        assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, pointer)


def asked_of_both(reply: httpx.Response) -> str:
    """Return the first problem of a refusal."""
    assert reply.status_code == 413, reply.text
    return str(reply.json()["errors"][0])


def test_limits_of_both_together(start_server: Any, tmp_path: Any) -> None:
    """Two runs that fit alone are refused together, with the batch that would fit."""
    document = {"input": [64, 64, 3], "layers": [{"type": "Conv2D", "filters": 8, "kernel_size": 3, "name": "conv"}]}
    one = {"model": document, "inputs": {"shape": [8, 64, 64, 3], "dtype": "float32",
                                         "data": np.zeros(8 * 64 * 64 * 3).tolist()}}  # fmt: skip
    with start_server(tmp_path, MAX_WORKING_BYTES="3000000") as server:
        alone = server.client.post("/v1/activations", json={**one, "data": "none"})
        assert alone.status_code == 200, alone.text
        both = server.client.post("/v1/comparisons", json={"a": one, "b": {"training": True}})
    assert "a batch of at most" in asked_of_both(both)
