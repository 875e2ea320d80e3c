"""The service against plain Keras: the same weights, set by `set_weights`, give the same activations in every layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import load

if TYPE_CHECKING:
    from tests.api.conftest import Array, Reply
    from tests.conftest import Server

EXAMPLES = Path(__file__).parents[2] / "examples"
TOLERANCE = 1e-6
"""Relative to a layer's largest absolute value: float32 has 1.2e-7, and the service fuses operations of Keras."""

Tensors = dict[str, Any]
"""Keras' symbolic tensors by address, in the order of the reply."""


class Built:
    """A Keras network under construction, with its tensors and layers under the service's addresses."""

    def __init__(self, **inputs: tuple[int, ...]) -> None:
        dtype = "int32" if "tokens" in inputs else "float32"
        self.inputs = {name: keras.Input(shape, dtype=dtype, name=name) for name, shape in inputs.items()}
        self.tensors: Tensors = {}
        self.layers: dict[str, keras.Layer] = {}

    def add(self, address: str, layer: keras.Layer, inputs: Any) -> Any:
        """Add one call of a layer and return its result."""
        results = layer(inputs)
        several = isinstance(results, list | tuple)
        names = [f"{address}#{number}" for number in range(len(results))] if several else [address]
        self.tensors.update(zip(names, results if several else [results], strict=True))
        self.layers[address] = layer
        return results

    def chain(self, tensor: Any, **layers_: keras.Layer) -> Any:
        """Add layers in sequence under their names."""
        for address, layer in layers_.items():
            tensor = self.add(address, layer, tensor)
        return tensor

    def activations(self, weights: Callable[[str], list[Array]], arrays: dict[str, Array]) -> dict[str, Array]:
        """Compute all layers with these weights."""
        for address, layer in self.layers.items():
            layer.set_weights(weights(address))
        model = keras.Model(self.inputs, self.tensors)
        return {address: np.asarray(value) for address, value in model(arrays, training=False).items()}


def convolution(filters: int, size: int, **arguments: Any) -> keras.Layer:
    """Build a Conv2D that keeps the size, as most of the examples do."""
    return layers.Conv2D(filters, size, **{"padding": "same", **arguments})


def digits() -> Built:
    """examples/digits.json, the tutorials' chain."""
    built = Built(input=(28, 28, 1))
    built.chain(
        built.inputs["input"],
        conv2d=convolution(3, 3),
        batch_normalization=layers.BatchNormalization(),
        re_lu=layers.ReLU(),
        max_pooling2d=layers.MaxPooling2D(),
        flatten=layers.Flatten(),
        dense=layers.Dense(10, activation="softmax"),
    )
    return built


def block() -> Built:
    """examples/block.json."""
    built = Built(input=(32, 32, 3))
    tensor = built.inputs["input"]
    for path, filters in (("block1", 8), ("block2", 16)):
        tensor = built.add(f"{path}/conv2d", convolution(filters, 3), tensor)
        tensor = built.add(f"{path}/batch_normalization", layers.BatchNormalization(), tensor)
        tensor = built.add(f"{path}/re_lu", layers.ReLU(), tensor)
        if path == "block1":
            tensor = built.add("max_pooling2d", layers.MaxPooling2D(), tensor)
    built.chain(tensor, global_max_pooling2d=layers.GlobalMaxPooling2D(), dense=layers.Dense(10, activation="softmax"))
    return built


def inception() -> Built:
    """examples/inception.json."""
    built = Built(input=(28, 28, 1))
    image = built.inputs["input"]
    branches = [
        built.add(name, convolution(4, size), image) for name, size in (("narrow", 1), ("middle", 3), ("wide", 5))
    ]
    branches.append(built.add("pooled", layers.MaxPooling2D(3, strides=1, padding="same"), image))
    built.chain(
        built.add("branches", layers.Concatenate(), branches),
        re_lu=layers.ReLU(),
        global_average_pooling2d=layers.GlobalAveragePooling2D(),
        dense=layers.Dense(10, activation="softmax"),
    )
    return built


def residual() -> Built:
    """examples/residual.json."""
    built = Built(input=(28, 28, 1))
    stem = built.add("stem", convolution(8, 3, activation="relu"), built.inputs["input"])
    deep = built.chain(
        stem,
        conv1=convolution(8, 3, use_bias=False),
        bn1=layers.BatchNormalization(),
        relu1=layers.ReLU(),
        conv2=convolution(8, 3, use_bias=False),
        bn2=layers.BatchNormalization(),
    )
    built.chain(
        built.add("sum", layers.Add(), [stem, deep]),
        relu2=layers.ReLU(),
        pool=layers.GlobalAveragePooling2D(),
        classes=layers.Dense(10, activation="softmax"),
    )
    return built


def unet() -> Built:
    """examples/unet.json."""
    built = Built(input=(32, 32, 3))
    relu = partial(convolution, activation="relu")
    down1 = built.add("down1", relu(8, 3), built.inputs["input"])
    down2 = built.chain(down1, pool1=layers.MaxPooling2D(), down2=relu(16, 3))
    up2 = built.chain(
        down2, pool2=layers.MaxPooling2D(), bottom=relu(32, 3), up2=layers.Conv2DTranspose(16, 2, strides=2)
    )
    merge2 = built.chain([down2, up2], skip2=layers.Concatenate(), merge2=relu(16, 3))
    up1 = built.add("up1", layers.Conv2DTranspose(8, 2, strides=2), merge2)
    built.chain(
        [down1, up1], skip1=layers.Concatenate(), merge1=relu(8, 3), mask=convolution(1, 1, activation="sigmoid")
    )
    return built


def siamese() -> Built:
    """examples/siamese.json: the encoder's layers are called twice."""
    built = Built(left=(28, 28, 1), right=(28, 28, 1))
    encoder = {
        "conv2d": layers.Conv2D(4, 3, strides=2, activation="relu"),
        "flatten": layers.Flatten(),
        "dense": layers.Dense(16),
    }
    codes = [
        built.chain(image, **{f"encoder@{call}/{name}": layer for name, layer in encoder.items()})
        for call, image in enumerate(built.inputs.values())
    ]
    built.chain(built.add("difference", layers.Subtract(), codes), same=layers.Dense(1, activation="sigmoid"))
    return built


def lstm() -> Built:
    """examples/lstm.json: a layer with three outputs."""
    built = Built(tokens=(12,))
    words = built.add("words", layers.Embedding(1000, 16), built.inputs["tokens"])
    first = built.add("first", layers.LSTM(24, return_sequences=True), words)
    _, hidden, cell = built.add("second", layers.LSTM(24, return_state=True), first)
    built.chain([hidden, cell], states=layers.Concatenate(), classes=layers.Dense(2, activation="softmax"))
    return built


BY_HAND: dict[str, Callable[[], Built]] = {
    "block": block,
    "digits": digits,
    "inception": inception,
    "lstm": lstm,
    "residual": residual,
    "siamese": siamese,
    "unet": unet,
}


def inputs_of(built: Built) -> dict[str, Array]:
    """Draw two random examples for every input: values from -1 to 1, or token ids."""
    random = np.random.default_rng(0)
    return {
        name: random.integers(0, 1000, (2, *tensor.shape[1:])).astype(np.int32)
        if tensor.dtype == "int32"
        else random.uniform(-1, 1, (2, *tensor.shape[1:])).astype(np.float32)
        for name, tensor in built.inputs.items()
    }


def assert_same(found: dict[str, Array], expected: dict[str, Array]) -> None:
    """Compare the layers and their values to within TOLERANCE."""
    assert set(found) == set(expected)
    for address, array in expected.items():
        scale = np.abs(array).max()
        assert scale > 0, address
        np.testing.assert_allclose(found[address], array, rtol=0, atol=TOLERANCE * scale, err_msg=address)


@pytest.mark.parametrize("name", BY_HAND)
def test_examples_match_keras_in_every_layer(run: Callable[..., Reply], name: str) -> None:
    """Each example is built by hand in Keras with the weights of the reply."""
    built = BY_HAND[name]()
    arrays = inputs_of(built)
    reply = run(json.loads((EXAMPLES / f"{name}.json").read_text()), arrays)

    def weights(address: str) -> list[Array]:
        row = next(row for row in reply.addresses() if row.split("#")[0] == address)
        return list(reply.weights(row).values())

    found = {address: reply.array(address) for address in reply.addresses()}
    assert_same(found, built.activations(weights, arrays))


def test_every_example_has_a_keras_network() -> None:
    """A new example needs its network in BY_HAND."""
    assert sorted(BY_HAND) == sorted(path.stem for path in EXAMPLES.glob("*.json"))


def random_uniform(low: float, high: float) -> dict[str, Any]:
    """Return an initializer that makes every weight distinct, so that swapped weights are detected."""
    return {"type": "RandomUniform", "minval": low, "maxval": high}


def test_image_and_safetensors_match_keras(server: Server, digit_png: bytes, digit: Array) -> None:
    """An image file is posted; activations and weights come back as safetensors, as a Python client would do."""
    document = json.loads((EXAMPLES / "digits.json").read_text())
    document["layers"][1] |= {
        "gamma_initializer": random_uniform(0.5, 2),
        "moving_variance_initializer": random_uniform(0.5, 2),
    }
    document["layers"][1] |= {
        "beta_initializer": random_uniform(-1, 1),
        "moving_mean_initializer": random_uniform(-1, 1),
    }
    fields = {"model": json.dumps(document), "scale": "unit", "weights": "true", "format": "safetensors"}
    reply = server.post("/v1/activations", files={"image": ("digit.png", digit_png)}, data=fields)
    tensors = load(reply.content)
    built = digits()

    def weights(address: str) -> list[Array]:
        names = [weight.name for weight in built.layers[address].weights]
        return [tensors[f"weights/{address}/{name}"] for name in names]

    found = {name: tensor for name, tensor in tensors.items() if not name.startswith("weights/")}
    assert_same(found, built.activations(weights, {"input": digit / 255}))
