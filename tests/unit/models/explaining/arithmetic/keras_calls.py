"""Layers called by Keras itself, without the engine: the reference of the arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from models.engine.activation_functions import keras2_hard_sigmoid
from models.engine.arrays import as_array
from models.engine.weights import named_weights
from models.explaining.arithmetic.layer_call import LayerCall
from models.layers import CATALOGUE
from models.layers.layer import Layer

Array = np.ndarray[Any, Any]
OWN = {"LayerScale": LayerScale, "CustomScaleLayer": CustomScaleLayer}
"""Classes that Keras does not export."""


@dataclass(frozen=True)
class Case:
    """One layer on inputs of these shapes, the batch included."""

    type: str
    arguments: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    dtype: str = "float32"

    def __str__(self) -> str:
        arguments = ",".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.type}({arguments}){'x'.join(map(str, self.shapes[0]))}".replace(" ", "")

    @property
    def layer(self) -> Layer:
        """The layer of a document."""
        return CATALOGUE[self.type].model_validate({"type": self.type, **self.arguments})

    def inputs(self, rng: np.random.Generator) -> list[Array]:
        """Draw inputs; ids are below 5."""
        if self.dtype.startswith("int"):
            return [rng.integers(0, 5, shape).astype(self.dtype) for shape in self.shapes]
        return [rng.normal(0, 2, shape).astype(self.dtype) for shape in self.shapes]

    def built(self, rng: np.random.Generator, inputs: list[Array], **changed: Any) -> Any:
        """Return Keras' layer with random weights, as a function of the inputs."""
        layer = self.layer
        own = {name: value for name, value in self.arguments.items() if name not in layer.call_fields}
        made = (OWN.get(self.type) or getattr(keras.layers, self.type))(**_arguments({**own, **changed}))
        given: Any = inputs[0] if layer.inputs_as == "one" else inputs
        made(given, **layer.call_arguments())
        fill(made, rng)
        return made

    def run(self, made: Any, inputs: list[Array]) -> Array:
        """Return what Keras computes."""
        given: Any = inputs[0] if self.layer.inputs_as == "one" else inputs
        return np.array(as_array(made(given, **self.layer.call_arguments())))


def fill(layer: Any, rng: np.random.Generator) -> None:
    """Set random weights; variances are positive."""
    for variable in layer.weights:
        if "seed" not in variable.path:
            values = rng.normal(0, 1, variable.shape)
            variable.assign(np.abs(values) + 0.1 if "variance" in variable.path else values)
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()


def _arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return Keras' arguments: an activation layer is an object."""
    activation = arguments.get("activation")
    if isinstance(activation, dict):
        own = {name: value for name, value in activation.items() if name != "type"}
        return {**arguments, "activation": getattr(keras.layers, activation["type"])(**own)}
    is_old = activation == "keras2_hard_sigmoid"
    return {**arguments, "activation": keras2_hard_sigmoid} if is_old else arguments


def called(case: Case, rng: np.random.Generator) -> LayerCall[Any]:
    """Return a call by Keras; its index is that of the first element."""
    inputs = case.inputs(rng)
    made = case.built(rng, inputs)
    output, before = case.run(made, inputs), None
    if case.layer.has_activation():
        linear = case.built(rng, inputs, activation=None)
        linear.set_weights(made.get_weights())
        before = case.run(linear, inputs)
    weights = {name: np.array(as_array(variable.value)) for name, variable in named_weights(made)}
    reads = tuple(f"input_{number}" for number in range(len(inputs)))
    first = (0,) * output.ndim
    return LayerCall(case.layer, case.type.lower(), reads, tuple(inputs), output, first, weights, before)


def elements(call: LayerCall[Any], rng: np.random.Generator, count: int) -> Iterator[LayerCall[Any]]:
    """Yield the call for random elements of its output."""
    for _ in range(count):
        yield replace(call, index=tuple(int(rng.integers(length)) for length in call.output.shape))
