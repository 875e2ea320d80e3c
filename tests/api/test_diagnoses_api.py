"""Diagnoses over HTTP: networks made to have something wrong, and ones that have not."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load, save

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENT: dict[str, Any] = {
    "input": [8, 8, 3],
    "layers": [
        {"type": "Conv2D", "filters": 6, "kernel_size": 3, "activation": "relu", "name": "conv"},
        {"type": "BatchNormalization", "name": "batch"},
        {"type": "Flatten", "name": "flat"},
        {"type": "Dense", "units": 16, "activation": "tanh", "name": "hidden"},
        {"type": "Dense", "units": 3, "activation": "softmax", "name": "head"},
    ],
}
RNG = np.random.default_rng(2)
BATCH = RNG.normal(size=(40, 8, 8, 3)).astype(np.float32)
Array = np.ndarray[Any, Any]


def diagnosed(server: Server, model: Any = DOCUMENT, inputs: Array = BATCH, **options: Any) -> dict[str, Any]:
    """Return the reply of the inline route."""
    tensor = {"shape": list(inputs.shape), "dtype": inputs.dtype.name, "data": inputs.reshape(-1).tolist()}
    reply = server.client.post("/v1/diagnoses", json={"model": model, "inputs": tensor, **options})
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def found(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the findings, and the layers that have them."""
    return {(entry["finding"], entry["address"]) for entry in body["findings"] if entry["status"] == "found"}


@pytest.fixture(scope="module")
def weights(server: Server) -> dict[str, Array]:
    """The weights that the network has by itself."""
    server.client.put("/v1/models/healthy", json=DOCUMENT).raise_for_status()
    return load(server.client.get("/v1/models/healthy/weights?format=safetensors").content)


def registered(server: Server, name: str, tensors: dict[str, Array], document: Any = DOCUMENT) -> str:
    """Register the network with these weights; returns the path of its diagnoses."""
    files = {"weights": ("w.safetensors", save(tensors))}
    server.client.put(f"/v1/models/{name}", data={"model": json.dumps(document)}, files=files).raise_for_status()
    return f"/v1/models/{name}/diagnoses"


def test_a_healthy_network(server: Server) -> None:
    """Nothing is found; each finding that applies says so, with its evidence."""
    body = diagnosed(server)
    assert found(body) == set()
    assert {entry["status"] for entry in body["findings"]} == {"clear"}
    layers = {layer["address"]: layer["findings"] for layer in body["layers"]}
    assert list(layers) == ["conv", "batch", "flat", "hidden", "head"]
    assert set(layers["conv"]) == {
        "constant_channels", "dead_units", "duplicate_filters", "first_non_finite", "float16_overflow", "weights",
        "zero_filters",
    }  # fmt: skip
    assert set(layers["flat"]) == {"first_non_finite", "float16_overflow"}
    assert {"batch_norm_drift", "batch_norm_variance"} < set(layers["batch"])
    assert "saturated" in layers["hidden"]
    assert "one_class" in layers["head"]
    (dead,) = [entry for entry in body["findings"] if entry["finding"] == "dead_units"]
    assert dead == {
        "address": "conv", "type": "Conv2D", "finding": "dead_units", "status": "clear", "severity": "low",
        "text": dead["text"], "evidence": {"items": 40, "units": 6, "dead": 0, "indices": []},
        "threshold": {"deviations_below_the_edge": 4.0, "items": 32},
    }  # fmt: skip


def test_a_single_item(server: Server) -> None:
    """Rules that look at many items say that one is not enough; copies of it are no more."""
    for batch in (BATCH[:1], np.repeat(BATCH[:1], 40, axis=0)):
        body = diagnosed(server, inputs=batch)
        waiting = {entry["finding"] for entry in body["findings"] if entry["status"] == "not_enough_items"}
        assert {"batch_norm_drift", "one_class", "float16_overflow"} <= waiting
        assert found(body) == set()
        assert {entry["evidence"]["items"] for entry in body["findings"]} == {1}


def test_a_sick_network(server: Server, weights: dict[str, Array]) -> None:
    """Dead units, zero and duplicate filters, a saturated layer, a drift, one class: the most severe first."""
    sick = {name: value.copy() for name, value in weights.items()}
    sick["weights/conv/bias"][:2] = -50
    sick["weights/conv/kernel"][..., 5] = 0
    sick["weights/hidden/kernel"][:] *= 1000
    sick["weights/head/kernel"][:, 1] = sick["weights/head/kernel"][:, 0]
    sick["weights/head/bias"][2] = 100
    sick["weights/batch/moving_mean"][:] = 9
    sick["weights/batch/moving_variance"][3] = 0
    url = registered(server, "sick", sick)
    body = server.client.post(
        url, json={"inputs": {"shape": list(BATCH.shape), "data": BATCH.reshape(-1).tolist()}}
    ).json()
    assert {
        ("dead_units", "conv"), ("zero_filters", "conv"), ("constant_channels", "conv"), ("saturated", "hidden"),
        ("duplicate_filters", "head"), ("one_class", "head"), ("batch_norm_drift", "batch"),
        ("batch_norm_variance", "batch"),
    } <= found(body)  # fmt: skip
    (dead,) = [entry for entry in body["findings"] if entry["finding"] == "dead_units"]
    assert dead["evidence"]["indices"] == [0, 1, 5]
    ranks = [("high", "medium", "low").index(e["severity"]) for e in body["findings"] if e["status"] == "found"]
    assert ranks == sorted(ranks)


def test_where_nan_begins(server: Server) -> None:
    """The layer that makes it, not those that pass it on; a posted one is named as such."""
    layers = [
        {"type": "Dense", "units": 4, "name": "first"}, {"type": "ops.log", "name": "log"},
        {"type": "Dense", "units": 2, "name": "last"},
    ]  # fmt: skip
    inputs = RNG.normal(size=(8, 5)).astype(np.float32)
    body = diagnosed(server, {"input": [5], "layers": layers}, inputs)
    assert {address for finding, address in found(body) if finding == "first_non_finite"} == {"log"}
    (entry,) = [
        each for each in body["findings"] if each["finding"] == "first_non_finite" and each["status"] == "found"
    ]
    assert entry["evidence"]["inputs"][0]["min"] < 0
    assert body["findings"][0] == entry


def test_pictures_of_another_scale(server: Server) -> None:
    """Raw bytes as numbers for a network of -1…1; posted as pictures they are scaled."""
    model = {**DOCUMENT, "scale": "signed"}
    raw = RNG.integers(0, 256, (8, 8, 8, 3)).astype(np.float32)
    assert ("input_range", "conv") in found(diagnosed(server, model, raw))
    buffer = io.BytesIO()
    Image.fromarray(raw[0].astype(np.uint8)).save(buffer, "PNG")
    form = {"model": json.dumps(model)}
    reply = server.client.post("/v1/diagnoses", data=form, files=[("image", buffer.getvalue())])
    assert reply.status_code == 200, reply.text
    assert ("input_range", "conv") not in found(reply.json())


def test_layers_and_blocks(server: Server) -> None:
    """Those asked for are diagnosed; layers inside blocks have addresses, a shared layer's weights count once."""
    inner = {"type": "Block", "name": "block", "layers": [{"type": "Dense", "units": 4, "name": "inside"}]}
    shared = {"type": "Dense", "units": 4, "name": "shared", "calls": [["block"], ["shared@0"]]}
    model = {"input": [4], "layers": [inner, shared]}
    inputs = RNG.normal(size=(8, 4)).astype(np.float32)
    body = diagnosed(server, model, inputs)
    names = {layer["address"]: set(layer["findings"]) for layer in body["layers"]}
    assert list(names) == ["block/inside", "shared@0", "shared@1"]
    assert "weights" in names["shared@0"]
    assert "weights" not in names["shared@1"]
    assert [layer["address"] for layer in diagnosed(server, model, inputs, layers="shared@1")["layers"]] == ["shared@1"]


def test_after_edits(server: Server) -> None:
    """What an edit kills is found dead."""
    edits = [{"at": "conv:pre", "channels": [4], "set": -3}]
    body = diagnosed(server, edits=edits, layers="conv")
    (dead,) = [entry for entry in body["findings"] if entry["finding"] == "dead_units"]
    assert (dead["status"], dead["evidence"]["indices"]) == ("found", [4])
    assert body["edits"][0]["addresses"] == ["conv:pre"]


@pytest.mark.parametrize(
    ("options", "status", "pointer"),
    [
        ({"layers": "nothing"}, 422, "/layers/0"),
        ({"layers": "input"}, 422, "/layers"),
        ({"reduce": "mean@h"}, 422, "/reduce"),
        ({"data": "nested"}, 422, "/data"),
        ({"weights": True}, 422, "/weights"),
        ({"format": "npz"}, 406, "/format"),
    ],
)
def test_refusals(server: Server, options: dict[str, Any], status: int, pointer: str) -> None:
    """There are no tensors in the reply, and no options for them."""
    body = {"model": DOCUMENT, "inputs": BATCH[:1].tolist(), **options}
    reply = server.client.post("/v1/diagnoses", json=body)
    assert reply.status_code == status, reply.text
    assert reply.json()["errors"][0]["pointer"] == pointer


def test_an_etag(server: Server, weights: dict[str, Array]) -> None:
    """A registered model on the same batch has the same diagnosis."""
    url = registered(server, "tagged-diagnosis", weights)
    body = {"inputs": BATCH[:2].tolist()}
    first = server.client.post(url, json=body)
    again = server.client.post(url, json=body, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert server.client.post(url, json={**body, "layers": "conv"}).headers["etag"] != first.headers["etag"]
