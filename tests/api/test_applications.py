"""Networks of keras.applications by name over HTTP, compared with Keras."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.api.conftest import Reply
    from tests.conftest import Server

SMALL = {"application": "MobileNetV2", "weights": None, "input": [32, 32, 3]}
PROBED = ["Conv1_relu", "block_3_depthwise", "block_5_add", "out_relu", "predictions"]


def picture() -> np.ndarray[Any, Any]:
    """Draw random pixels of the network's size, so that the image is not resized."""
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Encode pixels as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_activations_match_keras(run: Callable[..., Reply]) -> None:
    """MobileNetV2 with the weights of the reply set in Keras: inner layers and the output."""
    x = picture()[np.newaxis].astype(np.float32) / 127.5 - 1
    reply = run(SMALL, x)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3))
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(list(reply.weights(layer.name).values()))
    assert reply.addresses()[:-2] == [layer.name for layer in model.layers[1:-2]]  # Keras numbers the last but one
    expected = keras.Model(model.input, [model.get_layer(name).output for name in PROBED])(x, training=False)
    for name, tensor in zip(PROBED, expected, strict=True):
        np.testing.assert_allclose(reply.array(name), np.asarray(tensor), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0"])
def test_parameter_counts_match_keras(plan: Callable[..., Reply], name: str) -> None:
    """At the default input size; the input and output shapes match as well."""
    body = plan({"application": name, "weights": None}).body
    with keras.StatelessScope():
        model = getattr(keras.applications, name)(weights=None)
    assert body["totals"]["parameters"] == model.count_params()
    assert body["inputs"]["input_layer"]["shape"] == [1, *model.input_shape[1:]]
    assert body["layers"][-1]["shape"] == [1, *model.output_shape[1:]]


def test_the_seed_changes_the_id_and_the_label_does_not(server: Server) -> None:
    """Nor does spelling out a default argument."""
    ids = {
        label: server.plan(SMALL | more)["model"]
        for label, more in {
            "plain": {}, "again": {"seed": 0, "alpha": 1.0}, "label": {"name": "mine"}, "seed": {"seed": 1},
        }.items()
    }  # fmt: skip
    assert ids["plain"]["name"] == "mobilenetv2_1.00_32"
    assert ids["label"]["name"] == "mine"
    assert ids["plain"]["id"] == ids["again"]["id"] == ids["label"]["id"] != ids["seed"]["id"]


def test_images_are_scaled_as_the_network_requires(server: Server) -> None:
    """By default as `preprocess_input` does; an explicit `scale` takes precedence."""
    pixels = picture()
    x = keras.applications.mobilenet_v2.preprocess_input(pixels[np.newaxis].astype(np.float32))
    options = {"layers": ["Conv1"]}
    tensor = server.run(SMALL, {"shape": [1, 32, 32, 3], "data": x.ravel().tolist()}, **options)
    form = {"model": json.dumps(SMALL), "layers": "Conv1"}
    image = server.post("/v1/activations", data=form, files={"image": png(pixels)}).json()
    assert image["inputs"]["input_layer"]["preprocessing"]["scale"] == "signed"
    assert image["model"]["id"] == tensor["model"]["id"]
    np.testing.assert_allclose(image["layers"][0]["data"], tensor["layers"][0]["data"], rtol=1e-5, atol=1e-6)
    plain = server.post("/v1/activations", data={**form, "scale": "none"}, files={"image": png(pixels)}).json()
    assert plain["inputs"]["input_layer"]["preprocessing"]["scale"] == "none"
    assert plain["inputs"]["input_layer"]["stats"]["max"] == pixels.max()


def test_registered_applications_are_stored_as_documents(server: Server) -> None:
    """The stored document has the same id, and its Keras JSON loads in Keras."""
    registered = server.client.put("/v1/models/mobile", json=SMALL)
    assert registered.status_code == 201
    document = server.client.get("/v1/models/mobile?as=document").json()
    assert document["scale"] == "signed"
    assert server.plan(document)["model"]["id"] == registered.json()["id"] == server.plan(SMALL)["model"]["id"]
    given = server.client.get("/v1/models/mobile?as=keras").text
    assert keras.models.model_from_json(given).count_params() == 3_538_984
    scaled = server.post("/v1/models/mobile/activations?layers=Conv1&data=none", content=png(picture()),
                         headers={"content-type": "image/png"}).json()  # fmt: skip
    assert scaled["inputs"]["input_layer"]["preprocessing"]["scale"] == "signed"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"application": "InceptionV3", "weights": None, "include_top": False, "input": [74, 75, 3]},
            ("/model/input", "at least 75 pixels high and 75 wide", "[74, 75, 3]", None),
        ),
        (
            {"application": "VGG16", "weights": None, "include_top": False, "input": [2**24, 2**24, 2**20]},
            ("/model", "at most 17,592,186,044,416 elements", "(None, 16777216, 16777216, 64)", None),
        ),
        (
            {"application": "VGG16", "weights": None, "pooling": "max"},
            ("/model/pooling", "null where include_top is true", '"max"', 'write "include_top": false'),
        ),
        (
            {"application": "VGG16", "weights": None, "input_shape": [32, 32, 3]},
            (
                "/model/input_shape",
                "one of application, name, seed, input, weights, include_top, pooling, classes, classifier_activation, "
                "labels",
                '"input_shape"',
                'write "input"',
            ),
        ),
    ],
)
def test_invalid_documents_are_rejected(
    refusal: Callable[[Any], list[dict[str, Any]]], document: Any, expected: tuple[str | None, ...]
) -> None:
    """The problem contains pointer, expected and received values, and a suggestion."""
    (problem,) = refusal(document)
    found = tuple(problem.get(key) for key in ("pointer", "expected", "received", "suggestion"))
    assert found == expected


@pytest.mark.parametrize("name", ["x" * 100_000, None, 7, ["VGG16"], {}, "\ud800", "../VGG16"])
def test_unknown_names_are_not_echoed(server: Server, name: Any) -> None:
    """The response lists the valid names and stays short."""
    body = json.dumps({"model": {"application": name}})
    reply = server.post("/v1/plan", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in (400, 422)
    assert len(reply.content) < 2000
    if reply.status_code == 422:
        (problem,) = reply.json()["errors"]
        assert problem["pointer"] == "/model/application"
        assert "VGG16, VGG19, Xception" in problem["expected"]
