"""Every layer, argument and name of the tutorials is supported in their spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import Reply
    from tests.conftest import Server

CONV1D: dict[str, Any] = {"type": "Conv1D", "filters": 4, "kernel_size": 3}
CONV2D: dict[str, Any] = {"type": "Conv2D", "filters": 4, "kernel_size": 3}
DENSE: dict[str, Any] = {"type": "Dense", "units": 5}
POOLING: dict[str, Any] = {"type": "MaxPooling2D"}
IMAGE = [28, 28, 1]

LAYERS: list[tuple[dict[str, Any], list[int], tuple[int, ...]]] = [
    (CONV1D, [28, 28], (1, 26, 4)),
    (CONV2D, IMAGE, (1, 26, 26, 4)),
    ({"type": "Conv3D", "filters": 4, "kernel_size": 2}, [5, 6, 7, 2], (1, 4, 5, 6, 4)),
    ({"type": "ReLU"}, IMAGE, (1, 28, 28, 1)),
    ({"type": "Activation", "activation": "relu"}, IMAGE, (1, 28, 28, 1)),
    ({"type": "MaxPool1D"}, [28, 28], (1, 14, 28)),
    ({"type": "MaxPool2D"}, IMAGE, (1, 14, 14, 1)),
    (POOLING, IMAGE, (1, 14, 14, 1)),
    ({"type": "AveragePooling2D", "pool_size": 2}, IMAGE, (1, 14, 14, 1)),
    ({"type": "GlobalAveragePooling2D"}, IMAGE, (1, 1)),
    ({"type": "Flatten"}, IMAGE, (1, 784)),
    (DENSE, [10], (1, 5)),
    ({"type": "Dropout", "rate": 0.2}, [10], (1, 10)),
    ({"type": "BatchNormalization"}, IMAGE, (1, 28, 28, 1)),
    ({"type": "Embedding", "input_dim": 100, "output_dim": 8}, [12], (1, 12, 8)),
    ({"type": "SimpleRNN", "units": 6}, [12, 8], (1, 6)),
    ({"type": "LSTM", "units": 6}, [12, 8], (1, 6)),
    ({"type": "GRU", "units": 6}, [12, 8], (1, 6)),
]

ARGUMENTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (CONV2D, {"kernel_size": [3, 3]}),
    (CONV2D, {"strides": 2}),
    (CONV2D, {"strides": [2, 2]}),
    (CONV2D, {"dilation_rate": 2}),
    (CONV2D, {"dilation_rate": [2, 2]}),
    *((CONV2D, {"padding": word}) for word in ("VALID", "SAME", "valid", "same", "Same")),
    *((POOLING, {"padding": word}) for word in ("VALID", "SAME", "valid", "same")),
    (CONV2D, {"activation": None}),
    *((CONV2D, {"activation": f"tf.nn.{word}"}) for word in ("relu", "sigmoid", "softmax")),
    *(
        (layer, {"activation": word})
        for layer in (DENSE, {"type": "Activation"})
        for word in ("sigmoid", "gelu", "linear", "relu", "softmax", "swish")
    ),
    (DENSE, {"use_bias": False}),
    (DENSE, {"name": "hidden"}),
    (POOLING, {"pool_size": 3}),
    (POOLING, {"pool_size": [3, 3], "strides": [2, 2]}),
    (POOLING, {"data_format": None}),
    (POOLING, {"data_format": "channels_last"}),
    (CONV2D, {"data_format": "channels_last"}),
    *(
        (layer, {argument: word})
        for layer in (CONV1D, CONV2D, DENSE)
        for argument in ("kernel_regularizer", "bias_regularizer", "activity_regularizer")
        for word in ("l1", "l2", "l1_l2")
    ),
    (DENSE, {"kernel_regularizer": {"type": "L1L2", "l1": 0.01, "l2": 0.02}}),
    *(
        (layer, {argument: word})
        for layer in (CONV1D, CONV2D, DENSE)
        for argument in ("kernel_constraint", "bias_constraint")
        for word in ("max_norm", "min_max_norm", "non_neg", "unit_norm")
    ),
    (DENSE, {"kernel_constraint": {"type": "MaxNorm", "max_value": 2.0, "axis": 0}}),
    *((layer, {"trainable": value}) for layer in (CONV2D, DENSE) for value in (True, False)),
    *((layer, {"dtype": "float32"}) for layer in (CONV2D, DENSE, POOLING)),
    ({"type": "Dropout"}, {"rate": 0.5}),
]

INPUT_OF = {"Conv1D": [28, 28], "Dense": [10], "Dropout": [10]}


@pytest.mark.parametrize(
    ("layer", "shape", "output"), LAYERS, ids=lambda value: str(value.get("type")) if isinstance(value, dict) else ""
)
def test_layers_are_supported(
    plan: Callable[..., Reply], layer: dict[str, Any], shape: list[int], output: tuple[int, ...]
) -> None:
    """Under the tutorials' name, with Keras' output shape."""
    found = plan({"input": shape, "layers": [layer]})
    assert found.shape(found.addresses()[0]) == output


@pytest.mark.parametrize(("layer", "arguments"), ARGUMENTS, ids=str)
def test_arguments_are_supported(plan: Callable[..., Reply], layer: dict[str, Any], arguments: dict[str, Any]) -> None:
    """With the values of the tutorials."""
    shape = INPUT_OF.get(layer["type"], IMAGE)
    assert len(plan({"input": shape, "layers": [layer | arguments]}).addresses()) == 1


@pytest.mark.parametrize("word", ["relu", "sigmoid", "softmax"])
def test_activations_may_be_named_as_in_tensorflow(plan: Callable[..., Reply], word: str) -> None:
    """`activation=tf.nn.relu` is `"relu"`: the same network under the same id."""
    ids = {
        plan({"input": [10], "layers": [DENSE | {"activation": spelling}]}).body["model"]["id"]
        for spelling in (word, f"tf.nn.{word}", f"tf.keras.activations.{word}", f"keras.activations.{word}")
    }
    assert len(ids) == 1


@pytest.mark.parametrize(("word", "shape"), [("SAME", (1, 28, 28, 4)), ("VALID", (1, 26, 26, 4))])
def test_padding_is_case_insensitive(plan: Callable[..., Reply], word: str, shape: tuple[int, ...]) -> None:
    """TensorFlow writes `SAME`, Keras writes `same`."""
    spellings = (word, word.lower(), word.title())
    plans = [plan({"input": IMAGE, "layers": [CONV2D | {"padding": spelling}]}) for spelling in spellings]
    assert {found.shape("conv2d") for found in plans} == {shape}
    assert len({found.body["model"]["id"] for found in plans}) == 1


def test_a_name_is_an_address(plan: Callable[..., Reply]) -> None:
    """A layer's address is its `name`, by default the one that Keras generates."""
    layers = [CONV2D | {"name": "first"}, CONV2D, CONV2D]
    assert plan({"input": IMAGE, "layers": layers}).addresses() == ["first", "conv2d", "conv2d_1"]


def test_frozen_layers_have_no_trainable_parameters(plan: Callable[..., Reply]) -> None:
    """`trainable=False` counts a layer's parameters as non-trainable."""
    found = plan({"input": [10], "layers": [DENSE | {"trainable": False}, DENSE]})
    totals = found.body["totals"]
    assert (totals["trainable_parameters"], totals["non_trainable_parameters"]) == (30, 55)


def test_every_layer_is_in_the_catalog(server: Server) -> None:
    """`GET /v1/layers` lists each of them, by name or alias."""
    rows = server.client.get("/v1/layers").json()["layers"]
    known = {name for row in rows for name in (row["type"], *row["aliases"])}
    assert {layer["type"] for layer, _, _ in LAYERS} <= known
