"""Tutorials 1 and 2: a handwritten digit through a convolution, a ReLU and a pooling layer, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.api.conftest import Array, Reply
    from tests.conftest import Server

THREE_FILTERS = {"type": "Conv2D", "filters": 3, "kernel_size": [3, 3], "strides": [1, 1], "padding": "SAME"}
FIVE_FILTERS = THREE_FILTERS | {"filters": 5}
POOLING = {"type": "MaxPool2D", "pool_size": [2, 2], "strides": [2, 2], "padding": "SAME"}


def test_an_image_becomes_the_tensor_of_the_tutorial(server: Server, digit_png: bytes, digit: Array) -> None:
    """A posted 28 by 28 image is (1, 28, 28, 1) float32 with the file's own values, 0 to 255."""
    fields = {"model": json.dumps([{"type": "ReLU"}]), "data": "nested"}
    reply = server.post("/v1/activations", files={"image": ("digit.png", digit_png)}, data=fields).json()
    reported = reply["inputs"]["input"]
    assert (reported["shape"], reported["dtype"]) == ([1, 28, 28, 1], "float32")
    assert (reported["stats"]["min"], reported["stats"]["max"]) == (0.0, 255.0)
    np.testing.assert_array_equal(np.array(reply["layers"][0]["data"], np.float32), digit)


def test_image_and_tensor_give_the_same_activations(
    server: Server, digit_png: bytes, digit: Array, run: Callable[..., Reply]
) -> None:
    """A client may send the file or the numbers."""
    fields = {"model": json.dumps([THREE_FILTERS]), "data": "nested"}
    posted = server.post("/v1/activations", files={"image": ("digit.png", digit_png)}, data=fields).json()
    found = run([THREE_FILTERS], digit).array("conv2d")
    np.testing.assert_array_equal(np.array(posted["layers"][0]["data"], np.float32), found)


@pytest.mark.parametrize(("layer", "filters", "parameters"), [(THREE_FILTERS, 3, 30), (FIVE_FILTERS, 5, 50)])
def test_convolution_has_one_map_per_filter(
    run: Callable[..., Reply], digit: Array, layer: dict[str, Any], filters: int, parameters: int
) -> None:
    """`SAME` keeps height and width; the weights are a (3, 3, 1, filters) kernel and one bias per filter."""
    found = run([layer], digit)
    assert found.shape("conv2d") == (1, 28, 28, filters)
    assert found.weight_shapes("conv2d") == {"kernel": (3, 3, 1, filters), "bias": (filters,)}
    assert found.parameters("conv2d") == parameters


def test_sizes_may_be_one_number(run: Callable[..., Reply], digit: Array) -> None:
    """`Conv2D(3, 3, 1, 'SAME')` has the same id as the network with pairs."""
    short = THREE_FILTERS | {"kernel_size": 3, "strides": 1, "padding": "same"}
    one, other = run([THREE_FILTERS], digit), run([short], digit)
    assert one.body["model"]["id"] == other.body["model"]["id"]
    np.testing.assert_array_equal(one.array("conv2d"), other.array("conv2d"))


def test_relu_clips_negative_values(run: Callable[..., Reply], digit: Array) -> None:
    """As printed, (-312.5…, 187.9…) becomes (0.0, 187.9…): the minimum is 0, the maximum is unchanged."""
    found = run([FIVE_FILTERS, {"type": "ReLU"}], digit)
    before, after = found.layer("conv2d")["stats"], found.layer("re_lu")["stats"]
    assert before["min"] < 0 < before["max"]
    assert (after["min"], after["max"]) == (0.0, before["max"])
    np.testing.assert_array_equal(found.array("re_lu"), np.maximum(found.array("conv2d"), 0))


@pytest.mark.parametrize("filters", [3, 5])
def test_pooling_halves_height_and_width(run: Callable[..., Reply], digit: Array, filters: int) -> None:
    """(1, 28, 28, filters) becomes (1, 14, 14, filters): the largest of each 2 by 2 square."""
    found = run([THREE_FILTERS | {"filters": filters}, {"type": "ReLU"}, POOLING], digit)
    assert found.shape("re_lu") == (1, 28, 28, filters)
    assert found.shape("max_pooling2d") == (1, 14, 14, filters)
    squares = found.array("re_lu").reshape(1, 14, 2, 14, 2, filters)
    np.testing.assert_array_equal(found.array("max_pooling2d"), squares.max(axis=(2, 4)))
    assert found.parameters("re_lu") == found.parameters("max_pooling2d") == 0


def test_integers_are_cast_to_the_declared_dtype(run: Callable[..., Reply], digit: Array) -> None:
    """`tf.cast(image, tf.float32)`: bytes posted for a float32 input are converted."""
    model = {"input": [28, 28, 1], "layers": [THREE_FILTERS]}
    found = run(model, digit.astype(np.uint8))
    assert found.body["inputs"]["input"]["dtype"] == "float32"
    np.testing.assert_array_equal(found.array("conv2d"), run(model, digit).array("conv2d"))


def test_the_batch_axis_may_be_omitted(run: Callable[..., Reply], digit: Array) -> None:
    """`image[tf.newaxis, …]` is optional: (28, 28, 1) is one image."""
    model = {"input": [28, 28, 1], "layers": [THREE_FILTERS]}
    found = run(model, digit[0])
    assert found.shape("conv2d") == (1, 28, 28, 3)
    np.testing.assert_array_equal(found.array("conv2d"), run(model, digit).array("conv2d"))


def test_random_weights_depend_on_the_seed_only(run: Callable[..., Reply], digit: Array) -> None:
    """`tf.random.set_seed(0)`: equal seeds give equal kernels, other seeds others."""
    kernels = [run({"seed": seed, "layers": [THREE_FILTERS]}, digit).weights("conv2d")["kernel"] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])
