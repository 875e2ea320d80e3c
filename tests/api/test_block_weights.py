"""Blocks that own weights: custom layers of Keras, written as what their `call` computes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

Refusal = Callable[[Any], list[dict[str, Any]]]
X = np.random.default_rng(5).normal(size=(3, 4)).astype("float32")


class Scaled(keras.layers.Layer):
    """A projection, a bias that is not trained, and the exponential of a scale: what a user may have written."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight((shape[-1], 2), name="kernel")
        self.shift = self.add_weight((2,), "ones", trainable=False, name="shift")
        self.scale = self.add_weight((), "zeros", name="scale")

    def call(self, x: Any) -> Any:
        return ops.add(ops.matmul(x, self.kernel), self.shift) * ops.exp(self.scale)


WEIGHTS = {
    "kernel": {"shape": [4, 2]},
    "shift": {"shape": [2], "initializer": "ones", "trainable": False},
    "scale": {"shape": [], "initializer": "zeros"},
}
LAYERS = [
    {"type": "ops.matmul", "inputs": ["input", "kernel"], "name": "product"},
    {"type": "ops.add", "inputs": ["product", "shift"]},
    {"type": "ops.exp", "inputs": ["scale"]},
    {"type": "ops.multiply", "inputs": ["add", "exp"]},
]


def block(**arguments: Any) -> dict[str, Any]:
    """Return the block that computes what `Scaled` does."""
    return {"type": "Block", "name": "scaled", "weights": WEIGHTS, "layers": LAYERS, **arguments}


def document(*layers: dict[str, Any]) -> dict[str, Any]:
    """Return a document of these layers on four numbers."""
    return {"input": [4], "layers": list(layers)}


def test_a_weight_may_have_a_name_that_keras_counts_with(run: Callable[..., Any]) -> None:
    """As traced layers had that named none of their weights."""
    layers = [{"type": "ops.multiply", "inputs": ["input", "variable_1"]}]
    weights = {"variable_1": {"shape": [4], "initializer": "ones"}}
    reply = run(document({"type": "Block", "name": "scaled", "weights": weights, "layers": layers}), X)
    assert list(reply.weights("scaled")) == ["variable_1"]
    np.testing.assert_array_equal(reply.array("scaled"), X)


def test_the_block_computes_what_the_layer_does(run: Callable[..., Any]) -> None:
    """With the weights of the reply, in Keras' order, where those that are trained come first."""
    reply = run(document(block()), X)
    layer = Scaled()
    layer.build(X.shape)
    weights = reply.weights("scaled")
    assert list(weights) == [weight.name for weight in layer.weights] == ["kernel", "scale", "shift"]
    layer.set_weights(list(weights.values()))
    np.testing.assert_array_equal(reply.array("scaled"), layer(X))
    assert (reply.parameters("scaled"), reply.body["model"]["parameters"]) == (11, 11)


def test_what_follows_from_weights_alone_is_sent_for_each_of_the_batch(run: Callable[..., Any]) -> None:
    """Weights have no batch, and no address; what is computed from them has one."""
    reply = run(document(block()), X)
    assert reply.addresses() == ["scaled/product", "scaled/add", "scaled/exp", "scaled/multiply", "scaled"]
    np.testing.assert_array_equal(reply.array("scaled/exp"), np.ones(3))
    assert reply.layer("scaled/exp")["in_graph"] == {"shape": [], "axes": ["repeated for each of the batch"]}


def test_sums_of_products_read_weights(run: Callable[..., Any]) -> None:
    """In `ops.einsum` a weight is an array without the letter of the batch; a product of weights has no batch."""
    layers = [
        {"type": "ops.matmul", "inputs": ["kernel", "other"], "name": "joint"},
        {"type": "ops.einsum", "subscripts": "bi,ij->bj", "inputs": ["input", "joint"]},
    ]
    weights = {"kernel": {"shape": [4, 3]}, "other": {"shape": [3, 2]}}
    reply = run(document(block(weights=weights, layers=layers)), X)
    own = reply.weights("scaled")
    np.testing.assert_allclose(reply.array("scaled"), X @ own["kernel"] @ own["other"], rtol=1e-5)
    assert reply.layer("scaled/joint")["in_graph"]["shape"] == [4, 2]


def test_convolutions_read_weights(run: Callable[..., Any], plan: Callable[..., Any]) -> None:
    """As their kernels, which may follow from several: a layer that standardises its kernel is written like this."""
    layers = [
        {"type": "ops.exp", "inputs": ["kernel"], "name": "positive"},
        {"type": "ops.conv", "inputs": ["input", "positive"], "strides": 2, "padding": "same", "name": "conv"},
        {"type": "ops.depthwise_conv", "inputs": ["conv", "depthwise"], "name": "each"},
    ]
    weights = {"kernel": {"shape": [3, 3, 2, 4]}, "depthwise": {"shape": [2, 2, 4, 1]}}
    whole = {"input": [9, 8, 2], "layers": [block(weights=weights, layers=layers)]}
    pictures = np.random.default_rng(6).normal(size=(2, 9, 8, 2)).astype("float32")
    reply = run(whole, pictures)
    own = reply.weights("scaled")
    convolved = ops.conv(pictures, ops.exp(own["kernel"]), 2, "same")
    np.testing.assert_array_equal(reply.array("scaled/conv"), convolved)
    np.testing.assert_array_equal(reply.array("scaled/each"), ops.depthwise_conv(convolved, own["depthwise"]))
    planned = plan(whole)
    assert planned.layer("scaled/conv")["macs"] == 5 * 4 * 4 * 3 * 3 * 2
    assert planned.layer("scaled/each")["receptive_field"]["size"] == [5, 5]


def test_calls_of_a_block_share_its_weights(run: Callable[..., Any]) -> None:
    """Counted once."""
    twice = block(calls=[["input"], ["other"]])
    both = {"input": {"input": [4], "other": [4]}, "layers": [twice], "outputs": ["scaled@0", "scaled@1"]}
    reply = run(both, {"input": X, "other": X})
    np.testing.assert_array_equal(reply.array("scaled@0/multiply"), reply.array("scaled@1/multiply"))
    assert reply.body["model"]["parameters"] == 11


def test_weights_are_listed_replaced_and_drawn_from_the_seed(server: Any, run: Callable[..., Any]) -> None:
    """Under the name of the block, among those of other layers; the same for the same seed."""
    whole = document({"type": "Dense", "units": 4}, block())
    assert server.client.put("/v1/models/owning", json=whole).status_code in (200, 201)
    values = dict(np.load(io.BytesIO(server.client.get("/v1/models/owning/weights?format=npz").content)))
    names = ["dense/kernel", "dense/bias", "scaled/kernel", "scaled/scale", "scaled/shift"]
    assert list(values) == [f"weights/{name}" for name in names]
    np.testing.assert_array_equal(values["weights/scaled/kernel"], run(whole, X).weights("scaled")["kernel"])
    values["weights/scaled/shift"] += 2
    buffer = io.BytesIO()
    np.savez(buffer, **values)
    assert server.client.put("/v1/models/owning/weights", content=buffer.getvalue()).status_code == 200
    own = server.client.get("/v1/models/owning/layers/scaled/weights?format=npz").content
    np.testing.assert_array_equal(np.load(io.BytesIO(own))["weights/scaled/shift"], [3, 3])


def test_documents_come_back_and_keras_json_does_not(server: Any) -> None:
    """No model of Keras owns weights."""
    assert server.client.put("/v1/models/owner", json=document(block())).status_code in (200, 201)
    written = server.client.get("/v1/models/owner?as=document").json()
    assert written["layers"][0]["weights"]["shift"] == {"shape": [2], "initializer": "Ones", "trainable": False}
    first, again = (server.client.put(f"/v1/models/{name}", json=written).json() for name in ("owner", "again"))
    assert first["id"] == again["id"]
    refused = server.client.get("/v1/models/owner?as=keras")
    assert refused.status_code == 422
    assert "owns weights" in refused.json()["errors"][0]["message"]
    assert "scaled" in server.client.get("/v1/models/owner?as=summary").text


REFUSED = [
    ([block(layers=[{"type": "Dense", "units": 2, "inputs": ["kernel"]}])], "0/layers/0/inputs", "only operations"),
    ([block(layers=[{"type": "ops.matmul", "inputs": ["kernel", "input"]}])], "0/layers/0/inputs", "do not fit"),
    ([block(layers=[{"type": "ops.exp", "inputs": ["scale"]}])], "0", "has the batch in another place"),
    ([block(layers=[{"type": "ops.conv", "inputs": ["input", "kernel"]}])], "0/layers/0", "an input with 2 axes"),
    ([block(layers=[{"type": "ops.conv", "inputs": ["input"]}])], "0/layers/0", "the kernel is an array"),
    ([block(layers=[{"type": "ops.stack", "axis": 1, "inputs": ["shift", "input"]}])], "0/layers/0/inputs", "a weight"),
    ([block(layers=[{"type": "ops.exp", "name": "scale"}])], "0/layers/0/name", "this name is taken"),
    ([block(weights={"input": {"shape": [1]}})], "0", "a weight has the name of an input"),
    ([block(weights={"a": {"shape": [0]}})], "0/weights/a/shape/0", ""),
    ([block(weights={"a": {"shape": [2], "units": 3}})], "0/weights/a/units", "units"),
    ([block(weights={"a/b": {"shape": [2]}})], "0/weights/a~1b", "is not a layer name"),
    ([block(weights=WEIGHTS | {"kernel": {"shape": [2**20] * 2}})], "0/layers/0/inputs", "do not fit"),
    ([block(), {"type": "Dense", "units": 2, "inputs": ["scaled/kernel"]}], "1/inputs/0", "no layer has this address"),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "pointer", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(refusal: Refusal, layers: Any, pointer: str, message: str) -> None:
    """With its place in the document."""
    first = refusal(document(*layers))[0]
    assert first["pointer"] == f"/model/layers/{pointer}"
    assert message in first["message"]


def test_kernels_are_no_tensors(refusal: Refusal) -> None:
    """Every row of the batch would have one, in files of Keras 2, too."""
    convolved = {"input": [5, 5, 2], "layers": [{"type": "ops.conv", "inputs": ["input", "input"]}]}
    images = {"name": "x", "batch_input_shape": [None, 5, 5, 2], "dtype": "float32", "sparse": False, "trainable": True}
    function = {"name": "op", "function": "nn.convolution", "trainable": True}
    inbound = [["x", 0, 0, {"filters": ["x", 0, 0], "padding": "VALID"}]]
    layers = [
        {"class_name": "InputLayer", "config": images, "name": "x", "inbound_nodes": []},
        {"class_name": "TFOpLambda", "config": function, "name": "op", "inbound_nodes": inbound},
    ]
    config = {"name": "f", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["op", 0, 0]]}
    older = {"class_name": "Model", "config": config, "keras_version": "2.4.0"}
    for document, pointer in ((convolved, "/layers/0/inputs"), (older, "/config/layers/1/inbound_nodes/0")):
        problem = refusal(document)[0]
        assert problem["pointer"] == f"/model{pointer}"
        assert "the kernel is an array" in problem["message"]


def test_blocks_on_steps_own_no_weights(refusal: Refusal) -> None:
    """Their layers may."""
    steps = {"input": [3, 4], "layers": [{"type": "TimeDistributed", "layer": block(name=None)}]}
    (problem,) = refusal(steps)
    assert problem["pointer"] == "/model/layers/0/layer/weights"
