"""Tutorial 4: Dense, activations, convolutions, pooling and blocks, each against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import erf
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.api.conftest import Array, Reply
    from tests.conftest import Server

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.normal(size=(1, 7, 7, 1)).astype(np.float32)
TWO_IMAGES = RANDOM.normal(size=(2, 7, 7, 3)).astype(np.float32)
HAND_WRITTEN = 2e-6
"""Bound for float32 differences by summation order, for images and kernels of the tutorial's size."""


def dense(units: int, activation: str | None = None) -> dict[str, Any]:
    """Build a Dense layer of the tutorial."""
    return {"type": "Dense", "units": units, "activation": activation}


def sigmoid(x: Array) -> Array:
    """Compute the sigmoid by its definition."""
    return 1 / (1 + np.exp(-x))


def convolve(images: Array, kernel: Array, bias: Array) -> Array:
    """The tutorial's hand-written convolution with its mistakes fixed: one kernel per filter, over all channels."""
    size, filters = kernel.shape[0], kernel.shape[-1]
    height, width = (length - size + 1 for length in images.shape[1:3])
    result = np.zeros((len(images), height, width, filters))
    for number, row, column, index in np.ndindex(*result.shape):
        window = images[number, row : row + size, column : column + size, :]
        result[number, row, column, index] = np.sum(window * kernel[..., index], dtype=np.float64) + bias[index]
    return result


@pytest.mark.parametrize("batch", [1, 8])
def test_dense_layer(run: Callable[..., Reply], batch: int) -> None:
    """Dense 3 on (N, 10): W is (10, 3) and B (3,) whatever N is, and Y is (N, 3)."""
    rows = RANDOM.normal(size=(batch, 10)).astype(np.float32)
    found = run([dense(3, "sigmoid")], rows)
    assert found.shape("dense") == (batch, 3)
    assert found.weight_shapes("dense") == {"kernel": (10, 3), "bias": (3,)}
    kernel, bias = found.weights("dense").values()
    np.testing.assert_allclose(found.array("dense"), sigmoid(rows @ kernel + bias), atol=1e-6)


def test_three_dense_layers(run: Callable[..., Reply]) -> None:
    """3, 5 and 8 units on (4, 10)."""
    found = run([dense(units, "sigmoid") for units in (3, 5, 8)], RANDOM.normal(size=(4, 10)).astype(np.float32))
    addresses = found.addresses()
    assert addresses == ["dense", "dense_1", "dense_2"]
    assert [found.shape(address) for address in addresses] == [(4, 3), (4, 5), (4, 8)]
    assert [found.weights(address)["kernel"].shape for address in addresses] == [(10, 3), (3, 5), (5, 8)]


def test_list_of_dense_layers(run: Callable[..., Reply]) -> None:
    """10, 20 … 70 units on (4, 10): finally (4, 70), and 11,580 parameters."""
    units = list(range(10, 80, 10))
    found = run([dense(count, "relu") for count in units], RANDOM.normal(size=(4, 10)).astype(np.float32))
    assert found.shape("dense_6") == (4, 70)
    assert found.body["model"]["parameters"] == 11_580
    assert [found.parameters(a) for a in found.addresses()] == [(a + 1) * b for a, b in pairwise([10, *units])]


def test_softmax_sums_to_one(run: Callable[..., Reply]) -> None:
    """A row drawn from -10 … 10 becomes a distribution."""
    row = RANDOM.uniform(-10, 10, (1, 5)).astype(np.float32)
    found = run([{"type": "Activation", "activation": "softmax"}], row).array("activation")
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(found, np.exp(row) / np.exp(row).sum(), rtol=1e-5)


LAWS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": sigmoid,
    "gelu": lambda x: x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2,
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
    "swish": lambda x: x * sigmoid(x),
}


@pytest.mark.parametrize("name", LAWS)
def test_activation_functions(run: Callable[..., Reply], name: str) -> None:
    """Each name of the tutorial's list computes its definition."""
    row = np.linspace(-4, 4, 9, dtype=np.float32)[np.newaxis]
    found = run([{"type": "Activation", "activation": name}], row).array("activation")
    np.testing.assert_allclose(found, LAWS[name](row.astype(np.float64)), atol=1e-6)


def test_convolution_without_padding(run: Callable[..., Reply]) -> None:
    """One filter of 3 on 7 by 7 without padding: (7 - 3) / 1 + 1 = 5."""
    found = run([{"type": "Conv2D", "filters": 1, "kernel_size": 3, "strides": 1, "padding": "valid"}], IMAGE)
    assert found.shape("conv2d") == (1, 5, 5, 1)
    assert found.weight_shapes("conv2d") == {"kernel": (3, 3, 1, 1), "bias": (1,)}


def test_get_weights_of_a_registered_model(server: Server, run: Callable[..., Reply]) -> None:
    """`w, b = conv.get_weights()`: kernel and bias in this order, as used for the activations."""
    model = {"input": [7, 7, 1], "layers": [{"type": "Conv2D", "filters": 1, "kernel_size": 3}]}
    assert server.client.put("/v1/models/tutorial", json=model).status_code in (200, 201)
    reply = server.client.get("/v1/models/tutorial/layers/conv2d/weights").json()
    (row,) = reply["layers"]
    assert [(weight["name"], weight["shape"]) for weight in row["weights"]] == [("kernel", [3, 3, 1, 1]), ("bias", [1])]
    kernel, bias = (np.array(weight["data"], np.float32) for weight in row["weights"])
    np.testing.assert_allclose(
        run(model, IMAGE).array("conv2d"), convolve(IMAGE, kernel, bias), rtol=0, atol=HAND_WRITTEN
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_hand_written_convolution(run: Callable[..., Reply], channels: int) -> None:
    """Two images, 8 filters: (2, 5, 5, 8), the same numbers as the loops of the tutorial with the same kernel."""
    images = TWO_IMAGES[..., :channels]
    layer = {"type": "Conv2D", "filters": 8, "kernel_size": 3, "bias_initializer": "random_normal"}
    found = run([layer], images)
    assert found.shape("conv2d") == (2, 5, 5, 8)
    kernel, bias = found.weights("conv2d").values()
    assert np.all(bias != 0)
    np.testing.assert_allclose(found.array("conv2d"), convolve(images, kernel, bias), rtol=0, atol=HAND_WRITTEN)


def test_hand_written_convolution_with_padding(run: Callable[..., Reply]) -> None:
    """`same` is the same loop over a zero-padded image."""
    found = run([{"type": "Conv2D", "filters": 8, "kernel_size": 3, "padding": "same"}], TWO_IMAGES)
    kernel, bias = found.weights("conv2d").values()
    padded = np.pad(TWO_IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)))
    np.testing.assert_allclose(found.array("conv2d"), convolve(padded, kernel, bias), rtol=0, atol=HAND_WRITTEN)


@pytest.mark.parametrize(("type_", "address", "reduce"), [
    ("MaxPooling2D", "max_pooling2d", np.max), ("AveragePooling2D", "average_pooling2d", np.mean),
])  # fmt: skip
def test_pooling(run: Callable[..., Reply], type_: str, address: str, reduce: Callable[..., Array]) -> None:
    """2 by 2 squares of 7 by 7 are 3 by 3; with padding `same` they are 4 by 4."""
    pooled = run([{"type": type_, "pool_size": 2, "strides": 2}], IMAGE)
    assert pooled.shape(address) == (1, 3, 3, 1)
    squares = IMAGE[:, :6, :6].reshape(1, 3, 2, 3, 2, 1)
    np.testing.assert_allclose(pooled.array(address), reduce(squares, axis=(2, 4)), atol=1e-6)
    assert run([{"type": type_, "pool_size": 2, "strides": 2, "padding": "same"}], IMAGE).shape(address) == (1, 4, 4, 1)


def test_global_average_pooling(run: Callable[..., Reply]) -> None:
    """3 by 3 values become one per channel: 0 … 8 become 4.0."""
    channel = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    found = run([{"type": "GlobalAveragePooling2D"}], np.concatenate([channel, channel * 10], axis=-1))
    np.testing.assert_array_equal(found.array("global_average_pooling2d"), [[4.0, 40.0]])


def test_flatten_keeps_the_batch(run: Callable[..., Reply]) -> None:
    """(1, 11, 11, 128) becomes (1, 15488), and (1, n) stays (1, n)."""
    maps = RANDOM.normal(size=(1, 11, 11, 128)).astype(np.float32)
    found = run([{"type": "Flatten"}, {"type": "Flatten"}], maps)
    assert found.shape("flatten") == found.shape("flatten_1") == (1, 15_488)
    np.testing.assert_array_equal(found.array("flatten_1"), maps.reshape(1, -1))


TEST_MODEL = [{"type": "Flatten"}, dense(10, "sigmoid"), dense(20, "sigmoid")]


@pytest.mark.parametrize("layers", [TEST_MODEL, [{"type": "Block", "name": "test_model", "layers": TEST_MODEL}]])
def test_functional_and_subclassed_model(plan: Callable[..., Reply], layers: list[dict[str, Any]]) -> None:
    """Flatten, Dense 10, Dense 20 on `Input((28, 28))`: (None, 20) and 8070 parameters, in a block or not."""
    found = plan({"input": [28, 28], "layers": layers}, batch=None)
    assert found.shape(found.addresses()[-1]) == (None, 20)
    assert found.body["totals"]["parameters"] == 8070


def test_subclassed_layer(run: Callable[..., Reply], digit: Array) -> None:
    """`ConvLayer(8, 3)` as a block on (1, 28, 28, 1): (1, 14, 14, 8), 80 parameters, inner layers addressable."""
    inner = [
        {"type": "Conv2D", "filters": 8, "kernel_size": 3, "padding": "same"},
        {"type": "Activation", "activation": "relu"},
        {"type": "MaxPooling2D", "pool_size": 2, "strides": 2},
    ]
    block = {"type": "Block", "name": "conv_layer", "layers": inner}
    found = run([block], digit, layers=["conv_layer/*", "conv_layer"])
    assert {address: (found.shape(address), found.parameters(address)) for address in found.addresses()} == {
        "conv_layer/conv2d": ((1, 28, 28, 8), 80),
        "conv_layer/activation": ((1, 28, 28, 8), 0),
        "conv_layer/max_pooling2d": ((1, 14, 14, 8), 0),
        "conv_layer": ((1, 14, 14, 8), 80),
    }
    np.testing.assert_array_equal(found.array("conv_layer"), found.array("conv_layer/max_pooling2d"))
