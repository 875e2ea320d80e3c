"""Tutorial 3: Dense on sequences, Conv1D with strides and dilation, Conv3D, and networks that are not a chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.api.conftest import Reply

CONV1D_MODEL = [
    {"type": "Dropout", "rate": 0.2},
    {"type": "Conv1D", "filters": 10, "kernel_size": 3, "padding": "same", "activation": "tf.nn.relu"},
    {"type": "MaxPool1D", "pool_size": 3, "padding": "same"},
    {"type": "Flatten"},
    {"type": "Dense", "units": 50, "activation": "tf.nn.relu"},
    {"type": "Dense", "units": 10, "activation": "tf.nn.softmax"},
]
RANDOM = np.random.default_rng(0)


def test_dense_works_on_the_last_axis(plan: Callable[..., Reply]) -> None:
    """Dense 5 then Dense 2 on `Input((20, 10))`: (None, 20, 5), (None, 20, 2) and 67 parameters."""
    layers = [{"type": "Dense", "units": 5}, {"type": "Dense", "units": 2}]
    found = plan({"input": [20, 10], "layers": layers}, batch=None)
    assert [found.shape(address) for address in ("dense", "dense_1")] == [(None, 20, 5), (None, 20, 2)]
    assert [found.parameters(address) for address in ("dense", "dense_1")] == [55, 12]
    assert found.body["totals"]["parameters"] == 67


def test_conv1d_moves_along_the_steps(run: Callable[..., Reply]) -> None:
    """A kernel of 2 on (1, 5, 10) with 10 filters: (1, 4, 10), a (2, 10, 10) kernel, 210 parameters."""
    found = run([{"type": "Conv1D", "filters": 10, "kernel_size": 2}], np.zeros((1, 5, 10), np.float32))
    assert found.shape("conv1d") == (1, 4, 10)
    assert found.weight_shapes("conv1d") == {"kernel": (2, 10, 10), "bias": (10,)}
    assert found.parameters("conv1d") == 210


def test_conv1d_model(plan: Callable[..., Reply]) -> None:
    """The corrected model on `Input((28, 28))`: 850 + 5050 + 510 = 6410 parameters."""
    found = plan({"input": [28, 28], "layers": CONV1D_MODEL}, batch=None)
    assert {address: (found.shape(address), found.parameters(address)) for address in found.addresses()} == {
        "dropout": ((None, 28, 28), 0),
        "conv1d": ((None, 28, 10), 850),
        "max_pooling1d": ((None, 10, 10), 0),
        "flatten": ((None, 100), 0),
        "dense": ((None, 50), 5050),
        "dense_1": ((None, 10), 510),
    }
    assert found.body["totals"]["parameters"] == 6410


def test_dropout_is_identity_at_inference(run: Callable[..., Reply]) -> None:
    """With `training` it zeroes some values and scales the others."""
    rows = RANDOM.uniform(1, 2, (3, 28, 28)).astype(np.float32)
    model = {"input": [28, 28], "layers": CONV1D_MODEL}
    found = run(model, rows)
    np.testing.assert_array_equal(found.array("dropout"), rows)
    np.testing.assert_allclose(found.array("dense_1").sum(axis=1), 1, atol=1e-6)
    dropped = run(model, rows, training=True).array("dropout")
    np.testing.assert_allclose(dropped[dropped != 0], (rows / 0.8)[dropped != 0], rtol=1e-6)
    assert 0.1 < (dropped == 0).mean() < 0.3


def test_strides_and_dilation_exclude_each_other(refusal: Callable[..., list[dict[str, Any]]]) -> None:
    """Strides of 2 with a dilation of 2 are rejected with a suggestion."""
    layer = {"type": "Conv1D", "filters": 1, "kernel_size": 2, "strides": 2, "dilation_rate": 2}
    (problem,) = refusal({"input": [9, 1], "layers": [layer]})
    assert problem["pointer"] == "/model/layers/0"
    assert problem["message"] == "Conv1D: strides and dilation_rate cannot both be greater than 1"
    assert problem["suggestion"] == "set strides to 1, or dilation_rate to 1"


@pytest.mark.parametrize(("argument", "steps"), [({"dilation_rate": 2}, 7), ({"strides": 2}, 4), ({}, 8)])
def test_strides_or_dilation_alone(run: Callable[..., Reply], argument: dict[str, int], steps: int) -> None:
    """A kernel of 2 on 9 steps: 7 with a dilation of 2, 4 with strides of 2, 8 with neither."""
    layer = {"type": "Conv1D", "filters": 1, "kernel_size": 2, **argument}
    assert run([layer], np.zeros((1, 9, 1), np.float32)).shape("conv1d") == (1, steps, 1)


def test_conv3d(run: Callable[..., Reply]) -> None:
    """4 filters of 2 by 2 by 2 on (1, 5, 6, 7, 2): (1, 4, 5, 6, 4)."""
    found = run([{"type": "Conv3D", "filters": 4, "kernel_size": 2}], np.zeros((1, 5, 6, 7, 2), np.float32))
    assert found.shape("conv3d") == (1, 4, 5, 6, 4)
    assert found.weight_shapes("conv3d") == {"kernel": (2, 2, 2, 2, 4), "bias": (4,)}


def test_networks_that_sequential_cannot_express(run: Callable[..., Reply]) -> None:
    """Two inputs, a shared layer, branches that merge, and two outputs."""
    left, right = (RANDOM.normal(size=(2, 6)).astype(np.float32) for _ in range(2))
    model = {
        "input": {"left": [6], "right": [6]},
        "layers": [
            {"type": "Dense", "name": "shared", "units": 4, "calls": [["left"], ["right"]]},
            {"type": "Add", "name": "sum", "inputs": ["shared@0", "shared@1"]},
            {"type": "Dense", "name": "one", "units": 1, "inputs": ["sum"]},
            {"type": "Dense", "name": "two", "units": 2, "inputs": ["sum"]},
        ],
        "outputs": ["one", "two"],
    }
    found = run(model, {"left": left, "right": right})
    kernel = found.weights("shared@0")["kernel"]
    np.testing.assert_allclose(found.array("shared@1"), right @ kernel, atol=1e-6)
    np.testing.assert_array_equal(found.array("sum"), found.array("shared@0") + found.array("shared@1"))
    assert (found.shape("one"), found.shape("two")) == ((2, 1), (2, 2))
    assert found.body["model"]["parameters"] == 28 + 5 + 10
