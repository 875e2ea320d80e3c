"""Networks with ImageNet weights: Keras' loader on a local folder with a file of random weights."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from tests.api.conftest import Reply, encoded

if TYPE_CHECKING:
    from tests.conftest import Server

MODEL = {"application": "MobileNetV2", "alpha": 0.35, "input": [96, 96, 3], "include_top": False, "pooling": "avg"}
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
NOWHERE = "http://127.0.0.1:9"
"""A proxy that does not exist: downloads fail at once."""


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """The network of MODEL with random weights."""
    return keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, include_top=False, pooling="avg")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, model: keras.Model) -> Path:
    """A KERAS_HOME folder with one file in Keras' format."""
    folder = tmp_path_factory.mktemp("keras")
    (folder / "models").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # raised by Keras itself, about NumPy
        model.save(folder / "models" / FILE)
    return folder


@pytest.fixture(scope="module")
def offline(
    home: Path, tmp_path_factory: pytest.TempPathFactory, start_server: Callable[..., AbstractContextManager[Server]]
) -> Iterator[Server]:
    """A server that finds weights only in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(name, NOWHERE)
        patch.setenv("no_proxy", "127.0.0.1")
        with start_server(tmp_path_factory.mktemp("data"), KERAS_HOME=str(home)) as server:
            yield server


def test_weights_and_activations_match_keras(offline: Server, home: Path, model: keras.Model) -> None:
    """The numbers are those of the file, the id is stable, and the file is read once."""
    x = np.random.default_rng(0).uniform(-1, 1, (1, 96, 96, 3)).astype(np.float32)
    options = {"data": "base64", "weights": True}
    planned = offline.plan(MODEL)
    assert (planned["model"]["id"], planned["totals"]["parameters"]) == (None, model.count_params())
    reply = Reply(offline.run(MODEL, encoded(x), **options))
    for layer in model.layers:
        if layer.weights:
            for ours, theirs in zip(reply.weights(layer.name).values(), layer.weights, strict=True):
                np.testing.assert_array_equal(ours, theirs.value.numpy())
    np.testing.assert_allclose(reply.array("global_average_pooling2d"), model(x).numpy(), rtol=1e-4, atol=1e-5)

    (home / "models" / FILE).unlink()
    names = [reply.body["model"]["id"], offline.plan(MODEL | {"name": "mine"})["model"]["id"],
             offline.client.put("/v1/models/pretrained", json=MODEL).json()["id"]]  # fmt: skip
    assert len(set(names)) == 1
    assert offline.plan(MODEL | {"weights": None})["model"]["id"] != names[0]
    stored = Reply(offline.client.get("/v1/models/pretrained/layers/Conv1/weights?data=base64").json())
    np.testing.assert_array_equal(stored.weights("Conv1")["kernel"], model.get_layer("Conv1").kernel.value.numpy())


def test_unavailable_weights_are_503(offline: Server) -> None:
    """The problem contains the file name and its location; the next request succeeds."""
    reply = offline.post("/v1/activations", json={"model": {"application": "MobileNet"}, "inputs": [[[[0, 0, 0]]]]})
    assert (reply.status_code, reply.json()["code"], reply.headers["retry-after"]) == (503, "weights_unavailable", "60")
    (problem,) = reply.json()["errors"]
    assert problem["pointer"] == "/model/weights"
    assert "models/mobilenet_1_0_224_tf.h5" in problem["expected"]
    assert "LAYERSCOPE_KERAS_HOME" in problem["expected"]
    assert problem["suggestion"] == 'put it there, or write "weights": null'
    assert offline.plan({"application": "MobileNet", "weights": None})["totals"]["parameters"] == 4_253_864


def test_pretrained_and_uploaded_weights_conflict(offline: Server) -> None:
    """Neither takes precedence silently."""
    model = {"application": "VGG16"}  # unavailable here: the download is not attempted
    files: dict[str, Any] = {"model": (None, json.dumps(model)), "weights": ("x.npz", b"PK\x03\x04")}
    reply = offline.client.put("/v1/models/both", files=files)
    assert reply.status_code == 422
    (problem,) = reply.json()["errors"]
    assert (problem["pointer"], problem["suggestion"]) == ("/model/weights", 'write "weights": null')


@pytest.mark.parametrize("route", ["/v1/plan", "/v1/activations"])
def test_variants_without_imagenet_weights_are_rejected(offline: Server, route: str) -> None:
    """As by Keras' constructor, without a download."""
    reply = offline.post(route, json={"model": {"application": "MobileNetV2", "alpha": 0.36}})
    assert reply.status_code == 422
    (problem,) = reply.json()["errors"]
    assert (problem["pointer"], problem["received"]) == ("/model/alpha", "0.36")
