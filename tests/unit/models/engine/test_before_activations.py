"""`address:pre` of layers that end with an activation: what Keras computes with `activation=None`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

from models.engine.build import BuiltModel, build
from models.errors import InvalidDocument
from models.layers import CATALOGUE
from models.layers.activated import Activated
from models.networks.expansion import expand
from models.reading.parse import parse_document

Array = np.ndarray[Any, Any]
ENDING_WITH_ACTIVATION = [
    cls for cls in CATALOGUE.values() if issubclass(cls, Activated) and "LSTM" not in cls.__name__
]
LEAKY: dict[str, Any] = {"type": "LeakyReLU", "negative_slope": 0.1}
AS_KERAS: dict[str, Any] = {
    "relu": "relu",
    "softmax": "softmax",
    "gelu": "gelu",
    "leaky_relu": "leaky_relu",
    "LeakyReLU object": keras.layers.LeakyReLU(0.1),
    "Softmax object": keras.layers.Softmax(axis=1),
}
OBJECTS: dict[str, Any] = {"LeakyReLU object": LEAKY, "Softmax object": {"type": "Softmax", "axis": 1}}
RANDOM = np.random.default_rng(0)


def build_model(*layers: Any, shape: Sequence[int | None]) -> BuiltModel:
    """Build a model of some layers."""
    return build(expand(parse_document({"input": list(shape), "layers": list(layers)})), 1 << 30)


def run(model: BuiltModel, outputs: Sequence[str], inputs: Array) -> list[Array]:
    """Run a model and return the selected tensors."""
    return [tensor.numpy() for tensor in model.compiled_selection(outputs, training=False, updates=False).run([inputs])]


def keras_twin(model: BuiltModel, layer: keras.Layer, inputs: Array) -> keras.Layer:
    """Set the weights of the layer `l` in a Keras layer."""
    layer(inputs)
    layer.set_weights([weight.numpy() for weight in model.symbolic.layers["l"].weights])
    return layer


def assert_same(found: Array, expected: Any) -> None:
    """Compare to float32's precision."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("activation", AS_KERAS)
@pytest.mark.parametrize("cls", ENDING_WITH_ACTIVATION, ids=lambda cls: cls.type_name())
def test_pre_and_output_match_keras(cls: type[Activated], activation: str) -> None:
    """With the same weights: `l:pre` without the activation, `l` with it."""
    arguments, (shape,) = cls.example.arguments, cls.example.shapes
    inputs = RANDOM.normal(size=(2, *shape)).astype(np.float32)
    layer = {**arguments, "type": cls.type_name(), "name": "l", "activation": OBJECTS.get(activation, activation)}
    model = build_model(layer, shape=shape)
    before, after = run(model, ["l:pre", "l"], inputs)
    make = getattr(keras.layers, cls.type_name())
    assert_same(before, keras_twin(model, make(**{**arguments, "activation": None}), inputs)(inputs))
    assert_same(after, keras_twin(model, make(**{**arguments, "activation": AS_KERAS[activation]}), inputs)(inputs))
    assert not np.allclose(before, after)


def test_every_keras_layer_with_a_final_activation_is_covered() -> None:
    """Classes with the argument `activation`, except those whose activation is inside a recurrence."""
    have = {name for name, cls in CATALOGUE.items() if "activation" in cls.model_fields}
    recurrent = {name for name in have if "recurrent_initializer" in CATALOGUE[name].model_fields}
    assert {cls.type_name() for cls in ENDING_WITH_ACTIVATION} == have - recurrent - {"Activation"}
    assert len(ENDING_WITH_ACTIVATION) == 12


@pytest.mark.parametrize("inner_activation", ["relu", "softmax", LEAKY], ids=str)
def test_pre_inside_time_distributed_and_spectral_normalization(inner_activation: Any) -> None:
    """For every step of every sequence, in order."""
    conv = {"type": "Conv2D", "filters": 3, "kernel_size": 2}
    inputs = RANDOM.normal(size=(2, 4, 5, 5, 2)).astype(np.float32)
    for wrapper, x in (("TimeDistributed", inputs), ("SpectralNormalization", inputs[0])):
        layer = {"type": wrapper, "name": "l", "layer": {**conv, "activation": inner_activation}}
        model = build_model(layer, shape=x.shape[1:])
        before, after = run(model, ["l:pre", "l"], x)
        plain = getattr(keras.layers, wrapper)(keras.layers.Conv2D(3, 2))
        assert_same(before, keras_twin(model, plain, x)(x))
        assert not np.allclose(before, after)


def test_pre_inside_nested_time_distributed() -> None:
    """The steps of both levels keep their order."""
    dense = {"type": "Dense", "units": 3, "activation": "relu"}
    inner = {"type": "TimeDistributed", "layer": dense}
    inputs = RANDOM.normal(size=(2, 3, 4, 5)).astype(np.float32)
    model = build_model({"type": "TimeDistributed", "name": "l", "layer": inner}, shape=(3, 4, 5))
    kernel, bias = (weight.numpy() for weight in model.symbolic.layers["l"].weights)
    assert_same(run(model, ["l:pre"], inputs)[0], inputs @ kernel + bias)


def test_activation_objects_that_wrap_a_name_equal_the_name() -> None:
    """The identity is the same; `linear` equals no activation."""

    def identity(activation: Any) -> str:
        layers = [{"type": "Dense", "units": 2, "activation": activation}]
        return expand(parse_document({"input": [3], "layers": layers})).identity()

    assert identity({"type": "Activation", "activation": "tanh"}) == identity("tanh")
    assert identity({"type": "Activation", "activation": "linear"}) == identity(None)
    assert identity(LEAKY) != identity("leaky_relu")


@pytest.mark.parametrize(
    ("activation", "pointer", "message"),
    [
        ({"type": "PReLU"}, "/layers/0/activation", "PReLU: PReLU has weights of its own"),
        (
            {**LEAKY, "negative_slope": -1.0},
            "/layers/0/activation/negative_slope",
            "negative_slope should be at least 0.0",
        ),
        (
            {**LEAKY, "dtype": "float16"},
            "/layers/0",
            "Dense: the activation and its layer have different dtypes",
        ),
        (
            {"type": "Softmax", "axis": 2},
            "/layers/0/activation/axis",
            "dense: these are not axes of an input of shape (None, 2); axis 0 (or -2) is the batch",
        ),
        (
            {**LEAKY, "inputs": ["input"]},
            "/layers/0/activation",
            "LeakyReLU: a layer inside another takes its input from it",
        ),
        ({"type": "Dense", "units": 2}, "/layers/0/activation/type", "no layer of this type can stand here"),
        ({"typ": "ReLU"}, "/layers/0/activation", "activation: there is no activation of this name"),
    ],
    ids=["weights", "argument", "dtype", "axis", "placed", "no activation", "no type"],
)
def test_invalid_activation_objects_are_rejected(activation: Any, pointer: str, message: str) -> None:
    """The pointer is that of the fault."""
    with pytest.raises(InvalidDocument) as refused:
        build_model({"type": "Dense", "units": 2, "activation": activation}, shape=(3,))
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.message) == (pointer, message)
